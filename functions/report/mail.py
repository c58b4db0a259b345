"""One mail, built as MIME. Header text is cleaned, so it cannot add headers.

    multipart/mixed
    ├── multipart/related
    │   ├── multipart/alternative: text/plain, text/html
    │   └── image/png          the chart, and the brand's logo; the HTML names them by their Content-IDs
    └── the workbook

What a mail has not got leaves its level out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from email.header import Header
from email.headerregistry import BaseHeader, HeaderRegistry, UnstructuredHeader
from email.message import EmailMessage, MIMEPart
from email.policy import SMTP, EmailPolicy
from email.utils import format_datetime, parseaddr
from typing import Any, NamedTuple

from functions.report.mailing.making import CHART_ID, LOGO_ID, Mail
from functions.report.store import CONTENT_TYPES
from functions.report.view.formats import clean

MOST_SUBJECT = 200
MOST_PLAIN = 60  # characters of a subject on one line
MOST_HEADER_LINE = 998  # RFC 5322


class Attachment(NamedTuple):
    name: str
    body: bytes


class _OneLine(BaseHeader, UnstructuredHeader):  # type: ignore[misc,unused-ignore]  # stubs and source disagree on its base
    """A header whose value is an address longer than a line. Python would encode it like a word, and no mailbox reads that."""

    def fold(self, *, policy: Any) -> str:
        return f"{self.name}: {self}{policy.linesep}"


class _Encoded(BaseHeader, UnstructuredHeader):  # type: ignore[misc,unused-ignore]  # its base, as above
    """Outside text as encoded words (RFC 2047), its spaces within them. Python's own folding leaves out a space where a Latin word
    ends a line and a Cyrillic one begins the next."""

    def fold(self, *, policy: Any) -> str:
        text = str(self)
        is_plain = text.isascii() and len(text) <= MOST_PLAIN
        folded = Header(text, "us-ascii" if is_plain else "utf-8", header_name=self.name).encode(linesep=policy.linesep)
        return f"{self.name}: {folded}{policy.linesep}"


def _policy() -> EmailPolicy[EmailMessage]:
    headers = HeaderRegistry()
    headers.map_to_type("list-unsubscribe", _OneLine)
    headers.map_to_type("subject", _Encoded)
    return SMTP.clone(header_factory=headers)


def recipient_hash(recipient: str) -> str:
    """What the ledger keeps of a recipient."""
    return hashlib.sha256(recipient.strip().lower().encode()).hexdigest()[:32]


def message_of(
    mail: Mail,
    sender: str,
    recipient: str,
    language: str,
    send_id: str,
    now: datetime,
    unsubscribe_url: str = "",
    attachment: Attachment | None = None,
) -> bytes:
    """The mail as bytes to send. `send_id` names the sending, so that repeats of it carry the same Message-ID.

    `unsubscribe_url` takes a POST without asking further (RFC 8058). ValueError when the recipient's address cannot be written in
    ASCII, or the URL not in a header.
    """
    digest = hashlib.sha256(send_id.encode()).hexdigest()[:32]
    message = EmailMessage(policy=_policy())
    message["Subject"] = clean(mail.subject, MOST_SUBJECT)
    message["From"] = clean(sender)
    message["To"] = ascii_address(recipient)
    message["Date"] = format_datetime(now)
    message["Message-ID"] = f"<{digest}@{parseaddr(sender)[1].rpartition('@')[2]}>"
    message["Content-Language"] = language
    message["Auto-Submitted"] = "auto-generated"
    if unsubscribe_url:
        message["List-Unsubscribe"] = f"<{_header_url(unsubscribe_url)}>"
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    body = _body(mail, digest)
    parts = [body] + ([_workbook(attachment)] if attachment else [])
    if len(parts) > 1:
        body = _group("mixed", parts, digest)
    message["MIME-Version"] = "1.0"
    message["Content-Type"] = body["Content-Type"]
    message.set_payload(body.get_payload())
    return message.as_bytes()


def _body(mail: Mail, digest: str) -> MIMEPart[Any]:
    text, html = MIMEPart(policy=SMTP), MIMEPart(policy=SMTP)
    text.set_content(mail.text, charset="utf-8", cte="base64")
    html.set_content(mail.html, subtype="html", charset="utf-8", cte="base64")
    alternative = _group("alternative", [text, html], digest)
    pictures = [
        _picture(body, name, content_id)
        for body, name, content_id in ((mail.picture, "chart.png", CHART_ID), (mail.logo, "logo.png", LOGO_ID))
        if body
    ]
    if not pictures:
        return alternative
    related = _group("related", [alternative, *pictures], digest)
    related.set_param("type", "multipart/alternative")
    return related


def _picture(body: bytes, name: str, content_id: str) -> MIMEPart[Any]:
    part = MIMEPart(policy=SMTP)
    part.set_content(body, "image", "png", disposition="inline", filename=name, cid=f"<{content_id}>")
    return part


def _workbook(attachment: Attachment) -> MIMEPart[Any]:
    part = MIMEPart(policy=SMTP)
    main, _, sub = CONTENT_TYPES["xlsx"].partition("/")
    part.set_content(attachment.body, main, sub, disposition="attachment", filename=clean(attachment.name, MOST_SUBJECT))
    return part


def _group(kind: str, parts: Sequence[MIMEPart[Any]], digest: str) -> MIMEPart[Any]:
    """Parts under a boundary made of the send's name: everything within is base64, which never holds `=_`."""
    group = MIMEPart(policy=SMTP)
    group["Content-Type"] = f'multipart/{kind}; boundary="=_{digest}_{kind}"'
    group.set_payload(list(parts))
    return group


def _header_url(url: str) -> str:
    if not url.isascii() or any(c.isspace() or c in "<>" for c in url) or len(url) > MOST_HEADER_LINE - 30:
        raise ValueError("the address to unsubscribe at cannot stand in a header; is PUBLIC_URL right?")
    return url


def ascii_address(recipient: str) -> str:
    """Address with its domain in ASCII form (пример.рф → xn--e1afmkfd.xn--p1ai). ValueError when that cannot be."""
    local, _, domain = clean(recipient).rpartition("@")
    try:
        return f"{local.encode('ascii').decode()}@{domain.encode('idna').decode()}"
    except UnicodeError as error:
        raise ValueError("a recipient's address has letters that mail cannot carry; write it in Latin letters") from error
