"""One mail: built as MIME (text and HTML alternatives), handed to SES. Header text is cleaned, so it cannot add headers."""

from __future__ import annotations

import hashlib
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from typing import Any

from functions.report.render import Mail
from functions.report.view.formats import clean

MOST_SUBJECT = 200


def recipient_hash(recipient: str) -> str:
    """What the ledger keeps of a recipient."""
    return hashlib.sha256(recipient.strip().lower().encode()).hexdigest()[:32]


def message_of(mail: Mail, sender: str, recipient: str, language: str, send_id: str, now: datetime) -> bytes:
    """The mail as bytes to send. `send_id` names the sending, so that repeats of it carry the same Message-ID.

    ValueError when the recipient's address cannot be written in ASCII.
    """
    message = EmailMessage(policy=SMTP)
    message["Subject"] = clean(mail.subject, MOST_SUBJECT)
    message["From"] = clean(sender)
    message["To"] = ascii_address(recipient)
    message["Date"] = format_datetime(now)
    message["Message-ID"] = f"<{hashlib.sha256(send_id.encode()).hexdigest()[:32]}@{parseaddr(sender)[1].rpartition('@')[2]}>"
    message["Content-Language"] = language
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(mail.text, charset="utf-8", cte="base64")
    message.add_alternative(mail.html, subtype="html", charset="utf-8", cte="base64")
    return message.as_bytes()


def ascii_address(recipient: str) -> str:
    """Address with its domain in ASCII form (пример.рф → xn--e1afmkfd.xn--p1ai). ValueError when that cannot be."""
    local, _, domain = clean(recipient).rpartition("@")
    try:
        return f"{local.encode('ascii').decode()}@{domain.encode('idna').decode()}"
    except UnicodeError as error:
        raise ValueError("a recipient's address has letters that mail cannot carry; write it in Latin letters") from error


class Post:
    """SES v2 with the installation's sender and configuration set. A refusal raises botocore's error."""

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
