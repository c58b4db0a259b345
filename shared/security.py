"""Proofs of origin. Secrets come in as arguments; comparisons take constant time; two secrets are valid while rotating."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from shared.errors import Unauthorized
from shared.times import from_millis

REPLAY_WINDOW = timedelta(minutes=5)
LEAST_KEY_BYTES = 24  # Standard Webhooks: keys of 24 to 64 bytes; an empty one would let anybody sign


def verify_webhook(body: bytes, headers: Mapping[str, str], secrets: Sequence[str], now: datetime) -> str:
    """Standard Webhooks: checks `webhook-id`, `-timestamp`, `-signature` over the raw bytes; gives the webhook id.

    Any `v1` entry made with any of the secrets is enough; `v1a` entries are skipped. The clock is `now`, five minutes
    both ways. The specification's library reads the wall clock itself, so its vectors are replayed in the tests instead.
    Raises Unauthorized and says which part failed.
    """
    webhook_id, stamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not webhook_id or len(webhook_id) > 200 or not stamp.isascii() or not stamp.isdigit() or len(stamp) > 11:
        raise Unauthorized("the headers webhook-id and webhook-timestamp (unix seconds) are needed")
    if abs(now - from_millis(int(stamp) * 1000)) > REPLAY_WINDOW:
        raise Unauthorized("webhook-timestamp is more than five minutes away from our clock")
    signed = f"{webhook_id}.{stamp}.".encode("utf-8", "surrogatepass") + body
    wanted = [hmac.new(webhook_key(secret), signed, hashlib.sha256).digest() for secret in secrets]
    given = [_decoded(entry[3:]) for entry in headers.get("webhook-signature", "").split(" ") if entry.startswith("v1,")]
    matches = [hmac.compare_digest(w, g) for w in wanted for g in given[:10]]
    if not any(matches):
        raise Unauthorized("webhook-signature fits none of the site's secrets")
    return webhook_id


def sign_webhook(body: bytes, webhook_id: str, secret: str, now: datetime) -> dict[str, str]:
    """Headers of a Standard Webhooks message: for `skvoz replay`, tests and our own outgoing events."""
    stamp = str(int(now.timestamp()))
    mac = hmac.new(webhook_key(secret), f"{webhook_id}.{stamp}.".encode() + body, hashlib.sha256).digest()
    return {
        "webhook-id": webhook_id,
        "webhook-timestamp": stamp,
        "webhook-signature": "v1," + base64.b64encode(mac).decode(),
    }


def webhook_key(secret: str) -> bytes:
    """Key bytes of `whsec_…` (prefix and base64 padding optional). ValueError when it is no base64."""
    text = secret.removeprefix("whsec_")
    return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)


def can_sign(secret: str) -> bool:
    """Whether the secret is a base64 key of LEAST_KEY_BYTES and more."""
    try:
        return len(webhook_key(secret)) >= LEAST_KEY_BYTES
    except ValueError:
        return False


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""


def token_sha256(token: str) -> str:
    """What is stored of a token that travels in a path."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def token_fits(token: str, hashes: Iterable[str]) -> bool:
    """Whether the token is one of the stored hashes, in constant time over the list."""
    mine = token_sha256(token)
    return any([hmac.compare_digest(mine, h) for h in hashes])
