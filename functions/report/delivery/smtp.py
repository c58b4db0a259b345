"""Mail over SMTP (RFC 5321): one connection a message, over TLS with a verified certificate.

What the server refuses before it is told the message is refused for certain, and so is its "no" to the whole message. A connection
that breaks after the first byte of the message tells nothing: the mail may have gone out.
"""

from __future__ import annotations

import re
import smtplib
import ssl
from collections.abc import Callable, Sequence
from contextlib import closing
from email.utils import parseaddr
from typing import NamedTuple

from functions.report.delivery.post import MailRefused
from functions.report.mail import ascii_address
from shared.errors import BadInput
from shared.identity import redact

SECONDS = 30  # for each answer of the server
HERE = ("127.0.0.1", "::1", "localhost")
MOST_REPLY = 200  # characters of a server's answer that are kept
AUTH_FAILED = 535  # RFC 4954: the credentials are invalid


class Server(NamedTuple):
    """`security` is `starttls`, `tls` (from the first byte on) or `none`, which only this machine may have."""

    host: str
    port: int
    security: str


class SmtpPost:
    """`credentials()` are "user:password", the newest first; with none of them nobody signs in. `context` verifies the server."""

    def __init__(
        self, server: Server, sender: str, credentials: Callable[[], Sequence[str]], context: ssl.SSLContext | None = None
    ) -> None:
        """BadInput where mail and password would cross a network in the open."""
        if server.security == "none" and server.host not in HERE:
            raise BadInput("SMTP_SECURITY none is for a server on this machine (127.0.0.1) alone; use starttls or tls")
        self._server, self.sender, self._credentials, self._context = server, sender, credentials, context

    def send(self, message: bytes, recipient: str) -> str:
        """Hand one message over; gives the server's answer. MailRefused for certain refusals; any other error leaves it open."""
        to, sender = ascii_address(recipient), ascii_address(parseaddr(self.sender)[1])
        with closing(_Polite(self._ready())) as open_:
            smtp = open_.smtp
            _expect(_asked(lambda: smtp.mail(sender)), "the sender", sender)
            code, reply = _asked(lambda: smtp.rcpt(to))
            if not 200 <= code < 300:
                raise MailRefused(f"the mail server does not take the recipient: {_shown(code, reply)}", 500 <= code < 600)
            code, reply = _asked(lambda: smtp.docmd("DATA"))
            if code != 354:
                raise MailRefused(f"the mail server does not take the message: {_shown(code, reply)}")
            # From here on a broken connection leaves the mail's fate open: its error goes through as it is.
            smtp.send(_stuffed(message))
            code, reply = smtp.getreply()
            if not 200 <= code < 300:
                raise MailRefused(f"the mail server refused the message: {_shown(code, reply)}")
            return _shown(code, reply)

    def _ready(self) -> smtplib.SMTP:
        """A connection that takes mail. MailRefused where there is none: nothing was sent."""
        try:
            smtp = self._connected()
        except (OSError, smtplib.SMTPException) as error:
            raise MailRefused(
                f"the mail server {self._server.host} cannot be reached: {redact(str(error))[:MOST_REPLY]}"
            ) from error
        try:
            self._sign_in(smtp)
        except BaseException:
            smtp.close()
            raise
        return smtp

    def _connected(self) -> smtplib.SMTP:
        host, port, security = self._server
        name = parseaddr(self.sender)[1].rpartition("@")[2] or "localhost"
        context = self._context or ssl.create_default_context()
        if security == "tls":
            smtp: smtplib.SMTP = smtplib.SMTP_SSL(host, port, local_hostname=name, timeout=SECONDS, context=context)
        else:
            smtp = smtplib.SMTP(host, port, local_hostname=name, timeout=SECONDS)
        try:
            if security == "starttls":
                smtp.starttls(context=context)  # raises where the server has none: never on in the open
            smtp.ehlo_or_helo_if_needed()
        except BaseException:
            smtp.close()
            raise
        return smtp

    def _sign_in(self, smtp: smtplib.SMTP) -> None:
        said = ""
        credentials = self._credentials()
        for one in credentials:
            user, _, password = one.partition(":")
            try:
                smtp.login(user, password)
                return
            except smtplib.SMTPAuthenticationError as error:
                said = _shown(error.smtp_code, error.smtp_error)
                if error.smtp_code != AUTH_FAILED:
                    break
            except (OSError, smtplib.SMTPException) as error:
                said = redact(str(error))[:MOST_REPLY]
                break
        if credentials:
            raise MailRefused(f"the mail server does not take user and password of the secret smtp: {said}")


class _Polite:
    """Says goodbye where it can; what the server thinks of that changes nothing."""

    def __init__(self, smtp: smtplib.SMTP) -> None:
        self.smtp = smtp

    def close(self) -> None:
        try:
            self.smtp.quit()
        except (OSError, smtplib.SMTPException):
            self.smtp.close()


def _asked(say: Callable[[], tuple[int, bytes]]) -> tuple[int, bytes]:
    """An exchange before the message: whatever breaks, nothing was sent."""
    try:
        return say()
    except (OSError, smtplib.SMTPException) as error:
        raise MailRefused(f"the mail server broke off: {redact(str(error))[:MOST_REPLY]}") from error


def _expect(answer: tuple[int, bytes], what: str, address: str) -> None:
    code, reply = answer
    if not 200 <= code < 300:
        raise MailRefused(f"the mail server does not take {what} {address}: {_shown(code, reply)}")


def _shown(code: int, reply: bytes | str) -> str:
    text = reply.decode("utf-8", "replace") if isinstance(reply, bytes) else reply
    return redact(" ".join(f"{code} {text}".split()))[:MOST_REPLY]


def _stuffed(message: bytes) -> bytes:
    """The message as SMTP carries it: lines end in CR LF, one that begins with a dot gets another, a lone dot ends it."""
    lines = re.sub(rb"(?m)^\.", b"..", re.sub(rb"\r\n|\r|\n", b"\r\n", message))
    return lines + (b"" if lines.endswith(b"\r\n") else b"\r\n") + b".\r\n"
