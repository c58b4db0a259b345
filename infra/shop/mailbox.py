"""The mailbox: every mail that the stack has sent, as its reader sees it, and the button that sends the report now."""

from __future__ import annotations

import base64
import email
import email.policy
import uuid
from collections.abc import Sequence
from datetime import datetime
from email.message import EmailMessage
from typing import NamedTuple
from urllib.parse import quote

from functions.report.mail import recipient_hash
from functions.report.store import Ledger
from infra.local.gateway import Answer, HttpRequest
from infra.local.stack import LocalStack
from infra.shop.pages import HTML, page, redirect
from shared.aws import client

# What a mail program would allow as well: styles and pictures, no scripts, nothing from elsewhere.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'self'"


class Attachment(NamedTuple):
    name: str
    content_type: str
    content: bytes


class Mailbox:
    """Mails of the stack, numbered from 1 as they were sent."""

    def __init__(self, stack: LocalStack, site_id: str) -> None:
        self._stack, self._site_id = stack, site_id

    def mails(self) -> list[EmailMessage]:
        found = [email.message_from_bytes(raw, policy=email.policy.default) for raw in self._stack.sent_mail()]
        return [mail for mail in found if isinstance(mail, EmailMessage)]

    def send_report(self) -> int:
        """Work off what waits, bring the marts up to date and mail the site's report, also when it went out before. How many mails
        went out."""
        self._stack.pump()
        self._stack.refresh()
        sent = int(self._stack.send_report(site_id=self._site_id)["sent"])
        # What went out before goes out again under a new word.
        return sent or int(self._stack.send_report(site_id=self._site_id, again=uuid.uuid4().hex)["sent"])

    def way_back(self) -> str:
        """Where the reader of the latest mail can take his unsubscribing back; empty when he has not unsubscribed."""
        mails = self.mails()
        ledger = Ledger(client("dynamodb"), self._stack.environment["LEDGER_TABLE"])
        if not mails or not ledger.is_off(self._site_id, recipient_hash(str(mails[-1]["To"]))):
            return ""
        return str(mails[-1]["List-Unsubscribe"]).strip("<> ")


def sent_at(mail: EmailMessage) -> datetime | None:
    """When a mail was written, from its own header."""
    found = getattr(mail["Date"], "datetime", None)
    return found if isinstance(found, datetime) else None


def attachments(mail: EmailMessage) -> list[Attachment]:
    """Files of a mail; pictures that its text shows are none."""
    return [
        Attachment(part.get_filename() or "file", part.get_content_type(), _bytes(part))
        for part in mail.walk()
        if isinstance(part, EmailMessage) and part.get_content_disposition() == "attachment"
    ]


def html_of(mail: EmailMessage) -> str:
    """The HTML of a mail with its own pictures put in; links open in a new tab."""
    body = mail.get_body(("html",))
    text = str(body.get_content()) if body is not None else "<p>—</p>"
    for part in mail.walk():
        name = str(part.get("content-id", "")).strip("<> ")
        if name and isinstance(part, EmailMessage):
            picture = base64.b64encode(_bytes(part)).decode()
            text = text.replace(f"cid:{name}", f"data:{part.get_content_type()};base64,{picture}")
    return text.replace("<head>", '<head><base target="_blank">', 1)


class MailScreen:
    """The list, one mail, its files, and the button."""

    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox

    def show(self, request: HttpRequest, number: str = "") -> Answer:
        """One mail (the latest without a number) beside the list."""
        mails = self._mailbox.mails()
        chosen = _chosen(mails, number) if number else len(mails)
        if chosen is None:
            return redirect("/demo/mail")
        return self._page(mails, chosen)

    def html(self, request: HttpRequest, number: str) -> Answer:
        mails = self._mailbox.mails()
        chosen = _chosen(mails, number)
        if chosen is None:
            return redirect("/demo/mail")
        headers = [("content-type", HTML), ("content-security-policy", _POLICY), ("cache-control", "no-store")]
        return Answer(200, headers, html_of(mails[chosen - 1]).encode())

    def file(self, request: HttpRequest, number: str, place: str) -> Answer:
        mails = self._mailbox.mails()
        chosen = _chosen(mails, number)
        files = attachments(mails[chosen - 1]) if chosen else []
        index = _chosen(files, place)
        if index is None:
            return redirect("/demo/mail")
        file = files[index - 1]
        headers = [
            ("content-type", file.content_type),
            ("content-disposition", f"attachment; filename*=UTF-8''{quote(file.name)}"),
        ]
        return Answer(200, headers, file.content)

    def send(self, request: HttpRequest) -> Answer:
        """The button. What goes wrong is shown, not hidden behind a crash."""
        try:
            if self._mailbox.send_report():
                return redirect("/demo/mail")
        except Exception as error:
            return self._page(self._mailbox.mails(), 0, f"{type(error).__name__}: {error}", status=502)
        mails, back = self._mailbox.mails(), self._mailbox.way_back()
        why = "получатель отписался от отчётов." if back else "данные ещё обновляются. Попробуйте ещё раз через минуту."
        return self._page(mails, len(mails), f"Письмо не отправлено: {why}", back, 409)

    def _page(self, mails: Sequence[EmailMessage], chosen: int, failed: str = "", back: str = "", status: int = 200) -> Answer:
        """The mail `chosen` (0: none) under the list of all; `failed` says what the button did not do, `back` leads out of it."""
        tabs = [(mail, sent_at(mail)) for mail in mails]
        files = attachments(mails[chosen - 1]) if chosen else []
        values = {"here": "/demo/mail", "mails": tabs, "chosen": chosen, "files": files, "failed": failed, "back": back}
        return page("mail", values, status)


def _chosen(things: Sequence[object], number: str) -> int | None:
    """A place counted from 1, or None where there is none."""
    return int(number) if number.isascii() and number.isdigit() and len(number) < 6 and 1 <= int(number) <= len(things) else None


def _bytes(part: EmailMessage) -> bytes:
    content = part.get_payload(decode=True)
    return content if isinstance(content, bytes) else b""
