"""A real SMTP server (aiosmtpd) on 127.0.0.1, with certificates made for the test, and the ways in which servers say no."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

USER, PASSWORD = "reports", "pass:word"


class Certificates(NamedTuple):
    """`server` is what the server shows; `trusting` and `doubting` verify it, by the CA that signed it and by another one."""

    server: ssl.SSLContext
    trusting: ssl.SSLContext
    doubting: ssl.SSLContext


@dataclass
class Box:
    """What arrived, as (recipient, message), and whom or what the server refuses."""

    arrived: list[tuple[str, bytes]] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)  # recipient → answer to RCPT
    senders: list[str] = field(default_factory=list)
    refuses_sender: str = ""  # answer to MAIL
    answer: str = "250 taken as 42"  # to the message
    is_dropping: bool = False  # takes the message and breaks the connection instead of saying so
    signed_in: list[str] = field(default_factory=list)

    async def handle_MAIL(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]) -> str:
        if self.refuses_sender:
            return self.refuses_sender
        envelope.mail_from = address
        self.senders.append(address)
        return "250 OK"

    async def handle_RCPT(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]) -> str:
        if address in self.refused:
            return self.refused[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        if not self.answer.startswith("2"):
            return self.answer
        assert isinstance(envelope.content, bytes)
        self.arrived += [(recipient, envelope.content) for recipient in envelope.rcpt_tos]
        if self.is_dropping:
            assert server.transport is not None
            server.transport.abort()
        return self.answer

    def authenticate(self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
        is_right = isinstance(data, LoginPassword) and (data.login, data.password) == (USER.encode(), PASSWORD.encode())
        if is_right:
            self.signed_in.append(data.login.decode())
        return AuthResult(success=is_right, handled=False)


@contextmanager
def smtp_server(box: Box, **how: Any) -> Iterator[int]:
    """The server's port. `how` is aiosmtpd's: `tls_context` (STARTTLS), `ssl_context` (TLS at once), `auth_required` …"""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = int(taken.getsockname()[1])
    controller = Controller(box, hostname="127.0.0.1", port=port, authenticator=box.authenticate, **how)
    controller.start()
    try:
        yield port
    finally:
        controller.stop()


def certificates() -> Certificates:
    """A certificate for 127.0.0.1 and localhost, signed by a CA of its own."""
    ca = trustme.CA()
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("127.0.0.1", "localhost").configure_cert(server)
    return Certificates(server, _verifying(ca), _verifying(trustme.CA()))


def _verifying(ca: trustme.CA) -> ssl.SSLContext:
    return ssl.create_default_context(cadata=ca.cert_pem.bytes().decode())
