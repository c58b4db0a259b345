"""Ways to hand a mail over: SES (the default) or an SMTP server, by the environment.

`MAIL_TRANSPORT` is `ses` or `smtp`; `MAIL_FROM` the sender; `CONFIGURATION_SET` of SES; `SMTP_HOST`, `SMTP_PORT` and
`SMTP_SECURITY` (`starttls`, `tls`, or `none` to this machine alone) of SMTP, whose user and password are the secret `smtp`
(shared/secrets.py): "user:password", one a line, the newest first. A password may hold spaces.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any, Protocol

from botocore.exceptions import ClientError, ConnectTimeoutError, EndpointConnectionError

from functions.report.mail import ascii_address
from shared.errors import BadInput, SkvozError
from shared.secrets import parameter_reader

PORTS = {"starttls": 587, "tls": 465, "none": 25}


class MailRefused(SkvozError):
    """The mail was not taken, for certain, so it may be tried again at once. `is_recipient`: because of whom it is for;
    `is_too_big`: a smaller one might be."""

    code = "mail_refused"

    def __init__(self, message: str, is_recipient: bool = False, is_too_big: bool = False) -> None:
        super().__init__(message)
        self.is_recipient, self.is_too_big = is_recipient, is_too_big


class Post(Protocol):
    """Hands messages over, one recipient each. Any error of `send` that `is_refusal` does not know leaves the mail's fate open."""

    @property
    def sender(self) -> str: ...

    def send(self, message: bytes, recipient: str) -> str:
        """Hand one message over; gives what the other side calls it. ValueError for an address that no mail can carry."""


class SesPost:
    """SES v2 with the installation's sender and configuration set. A refusal raises botocore's error. The client must ask once
    (shared/aws.py): SES has nothing that would tell a repeated call from a second mail."""

    def __init__(self, ses: Any, sender: str, configuration_set: str) -> None:
        self._ses, self.sender, self._configuration_set = ses, sender, configuration_set

    def send(self, message: bytes, recipient: str) -> str:
        """Hand one message over; gives SES's id of it."""
        answer = self._ses.send_email(
            FromEmailAddress=self.sender,
            Destination={"ToAddresses": [ascii_address(recipient)]},
            Content={"Raw": {"Data": message}},
            **({"ConfigurationSetName": self._configuration_set} if self._configuration_set else {}),
        )
        return str(answer["MessageId"])


def endless() -> float:
    """Seconds left to who has all the time that he wants."""
    return float("inf")


def seconds_left_of(context: Any) -> Callable[[], float]:
    """What Lambda leaves of a run, where somebody bounds it."""
    if not hasattr(context, "get_remaining_time_in_millis"):
        return endless
    return lambda: float(context.get_remaining_time_in_millis()) / 1000


def post_of(
    environment: Mapping[str, str], client: Callable[[str], Any], now: datetime, seconds_left: Callable[[], float] = endless
) -> Post:
    """The transport that the environment names; `seconds_left()` bounds how long a server is waited for. BadInput for a transport
    that cannot be, RuntimeError where the sender is missing."""
    sender = environment.get("MAIL_FROM", "")
    if not sender:
        raise RuntimeError("environment variable MAIL_FROM is not set; template.yaml must give it to this function")
    transport = environment.get("MAIL_TRANSPORT") or "ses"
    if transport == "ses":
        return SesPost(client("sesv2"), sender, environment.get("CONFIGURATION_SET", ""))
    if transport != "smtp":
        raise BadInput(f"MAIL_TRANSPORT is {transport[:40]}; it must be ses or smtp")
    from functions.report.delivery.smtp import Server, SmtpPost

    host, security = environment.get("SMTP_HOST", ""), environment.get("SMTP_SECURITY") or "starttls"
    if not host:
        raise BadInput("MAIL_TRANSPORT is smtp, and SMTP_HOST names no server")
    if security not in PORTS:
        raise BadInput(f"SMTP_SECURITY is {security[:40]}; it must be starttls, tls or none")
    port = environment.get("SMTP_PORT") or str(PORTS[security])
    if not port.isdecimal() or not 0 < int(port) < 65536:
        raise BadInput(f"SMTP_PORT is {port[:40]}; it must be a number from 1 to 65535")
    server = Server(host, int(port), security)
    read = cache(parameter_reader(client("ssm"), environment.get("STAGE", "")))
    return SmtpPost(server, sender, lambda: _lines(read("smtp")), seconds_left=seconds_left)


def _lines(secret: str | None) -> Sequence[str]:
    """Other secrets are separated by any space; a password may have some."""
    return [line.strip() for line in (secret or "").splitlines() if line.strip()]


def is_refusal(error: Exception) -> bool:
    """Whether the mail was refused for certain. After any other error it may have gone out, so its claim stays."""
    if isinstance(error, ClientError):
        return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 400)) < 500
    return isinstance(error, (ValueError, SkvozError, ConnectTimeoutError, EndpointConnectionError))
