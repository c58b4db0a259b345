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

from functions.report.delivery.post import MailRefused, endless
from functions.report.mail import ascii_address
from shared.errors import BadInput
from shared.identity import redact

SECONDS = 30  # for each answer of the server before it has the message
LAST_ANSWER = 600  # seconds for its answer to the message (RFC 5321, 4.5.3.2.6): it may look through it before
SPARE = 30  # seconds of the run that are kept for noting what became of the mail
HERE = ("127.0.0.1", "::1", "localhost")
MOST_REPLY = 200  # characters of a server's answer that are kept
TOO_BIG = 552  # RFC 1870: the message is bigger than the server takes
AUTH_FAILED = 535  # RFC 4954: the credentials are invalid


class Server(NamedTuple):
    """`security` is `starttls`, `tls` (from the first byte on) or `none`, which only this machine may have."""

    host: str
    port: int
    security: str


class SmtpPost:
    """`credentials()` are "user:password", the newest first; with none of them nobody signs in. `context` verifies the server,
    `seconds_left()` is how long the run has."""

    def __init__(
        self,
        server: Server,
        sender: str,
        credentials: Callable[[], Sequence[str]],
        context: ssl.SSLContext | None = None,
        seconds_left: Callable[[], float] = endless,
    ) -> None:
        """BadInput where mail and password would cross a network in the open."""
        if server.security == "none" and server.host not in HERE:
            raise BadInput("SMTP_SECURITY none is for a server on this machine (127.0.0.1) alone; use starttls or tls")
        self._server, self.sender, self._credentials, self._context = server, sender, credentials, context
        self._seconds_left = seconds_left

    def send(self, message: bytes, recipient: str) -> str:
        """Hand one message over; gives the server's answer. MailRefused for certain refusals; any other error leaves it open."""
        to, sender = ascii_address(recipient), ascii_address(parseaddr(self.sender)[1])
        with closing(_Polite(self._ready())) as open_:
            smtp = open_.smtp
            _expect(_asked(lambda: smtp.mail(sender)), "the sender", sender)
            code, reply = _asked(lambda: smtp.rcpt(to))
            if not 200 <= code < 300:
                raise MailRefused(
                    f"the mail server does not take the recipient: {_shown(code, reply)}", is_of_recipient(code, reply)
                )
            code, reply = _asked(lambda: smtp.docmd("DATA"))
            if code != 354:
                raise MailRefused(f"the mail server does not take the message: {_shown(code, reply)}")
            # From here on a broken connection leaves the mail's fate open: its error goes through as it is.
            self._patient(smtp)
            smtp.send(_stuffed(message))
            code, reply = smtp.getreply()
            _patience(smtp, SECONDS)
            if not 200 <= code < 300:
                raise MailRefused(
                    f"the mail server refused the message: {_shown(code, reply)}", is_too_big=_is_of_size(code, reply)
                )
            return _shown(code, reply)

    def _patient(self, smtp: smtplib.SMTP) -> None:
        """Wait for the answer to the message for as long as the run can: who gives up early sends it a second time."""
        _patience(smtp, min(LAST_ANSWER, max(SECONDS, self._seconds_left() - SPARE)))

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
        try:
            credentials = self._credentials()
        except Exception as error:
            raise MailRefused("the secret smtp cannot be read now") from error
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


def is_of_recipient(code: int, reply: bytes) -> bool:
    """Whether a "no" to the recipient is about his mailbox (RFC 3463: 5.1.x and 5.2.x; 550 without a status), and not about the
    sender (5.1.7, 5.1.8) or the server's rules (5.7.x, as a relay that is denied)."""
    status = _status(reply)
    if status in ("5.1.7", "5.1.8") or status.startswith("5.7."):
        return False
    return 500 <= code < 600 and (code == 550 or status.startswith(("5.1.", "5.2.")))


def _is_of_size(code: int, reply: bytes) -> bool:
    return code == TOO_BIG or _status(reply) in ("5.2.3", "5.3.4")


def _status(reply: bytes) -> str:
    """The enhanced status at the answer's beginning (RFC 2034), empty where there is none."""
    found = re.match(rb"\s*(\d\.\d{1,3}\.\d{1,3})\b", reply)
    return found[1].decode() if found else ""


def _patience(smtp: smtplib.SMTP, seconds: float) -> None:
    if smtp.sock is not None:
        smtp.sock.settimeout(seconds)


def _shown(code: int, reply: bytes | str) -> str:
    text = reply.decode("utf-8", "replace") if isinstance(reply, bytes) else reply
    return redact(" ".join(f"{code} {text}".split()))[:MOST_REPLY]


def _stuffed(message: bytes) -> bytes:
    """The message as SMTP carries it: lines end in CR LF, one that begins with a dot gets another, a lone dot ends it."""
    lines = re.sub(rb"(?m)^\.", b"..", re.sub(rb"\r\n|\r|\n", b"\r\n", message))
    return lines + (b"" if lines.endswith(b"\r\n") else b"\r\n") + b".\r\n"
