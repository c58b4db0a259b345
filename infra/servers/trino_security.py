"""What a Trino needs that asks who is there: a certificate, a file of passwords, a key of tokens. For one run, on 127.0.0.1."""

from __future__ import annotations

import base64
import hashlib
import hmac
import ipaddress
import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

_ROUNDS = 1000  # Trino's least


class Security(NamedTuple):
    """Users with their passwords, and the key that signs tokens. `now` is when the certificate begins to hold, for a day."""

    passwords: dict[str, str]
    token_key: bytes
    now: datetime

    def write(self, etc: Path, port: int, host: str) -> dict[str, str]:
        """Put the files into `etc`; gives the server's settings. Clients trust `etc/ca.pem`."""
        _certificate(etc, host, self.now)
        lines = [f"{user}:{_hashed(password)}" for user, password in sorted(self.passwords.items())]
        (etc / "password.db").write_text("\n".join(lines) + "\n")
        authenticator = f"password-authenticator.name=file\nfile.password-file={etc / 'password.db'}\n"
        (etc / "password-authenticator.properties").write_text(authenticator)
        (etc / "token.key").write_bytes(base64.b64encode(self.token_key))
        return {
            "http-server.https.enabled": "true",
            "http-server.https.port": str(port),
            "http-server.https.keystore.path": str(etc / "server.pem"),
            "http-server.authentication.type": "PASSWORD,JWT",
            "http-server.authentication.jwt.key-file": str(etc / "token.key"),
            "password-authenticator.config-files": str(etc / "password-authenticator.properties"),
            "internal-communication.shared-secret": hashlib.sha256(self.token_key).hexdigest(),
        }

    def token(self, user: str, until: datetime) -> str:
        """A token (JWT, HS256) of a user."""
        head = _part({"alg": "HS256", "typ": "JWT"})
        text = f"{head}.{_part({'sub': user, 'exp': int(until.timestamp())})}"
        return f"{text}.{_base64(hmac.new(self.token_key, text.encode(), hashlib.sha256).digest())}"


def _hashed(password: str) -> str:
    salt = hashlib.sha256(password.encode()).digest()[:16]
    digest = hashlib.pbkdf2_hmac("sha1", password.encode(), salt, _ROUNDS)
    return f"{_ROUNDS}:{salt.hex()}:{digest.hex()}"


def _part(content: dict[str, object]) -> str:
    return _base64(json.dumps(content).encode())


def _base64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _certificate(etc: Path, host: str, now: datetime) -> None:
    """A certificate that signs itself: `server.pem` with its key, `ca.pem` without."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, host)])
    hosts = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(host))])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(hosts, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (etc / "ca.pem").write_bytes(pem)
    (etc / "server.pem").write_bytes(private + pem)
    (etc / "server.pem").chmod(0o600)
