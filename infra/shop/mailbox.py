"""The mailbox: every mail that the stack has sent, as its reader sees it, and the button that sends the report now."""

from __future__ import annotations

import base64
import email
import email.policy
import uuid
from collections.abc import Sequence
from email.message import EmailMessage
from typing import NamedTuple
from urllib.parse import quote

from infra.local.gateway import Answer, HttpRequest
from infra.local.stack import LocalStack
from infra.shop.pages import HTML, page, redirect

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

    def send_report(self) -> None:
        """Work off what waits, bring the marts up to date and mail the site's report, also when it went out before."""
        self._stack.pump()
        self._stack.refresh()
        self._stack.send_report(site_id=self._site_id, again=uuid.uuid4().hex)  # a new word sends it anew


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
    return f'<base target="_blank">{text}'


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
        files = attachments(mails[chosen - 1]) if mails else []
        return page("mail", {"here": "/demo/mail", "mails": mails, "chosen": chosen, "files": files, "failed": ""})

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
            self._mailbox.send_report()
        except Exception as error:
            values = {"here": "/demo/mail", "mails": self._mailbox.mails(), "chosen": 0, "files": []}
            return page("mail", {**values, "failed": f"{type(error).__name__}: {error}"}, 502)
        return redirect("/demo/mail")


def _chosen(things: Sequence[object], number: str) -> int | None:
    """A place counted from 1, or None where there is none."""
    return int(number) if number.isascii() and number.isdigit() and len(number) < 6 and 1 <= int(number) <= len(things) else None


def _bytes(part: EmailMessage) -> bytes:
    content = part.get_payload(decode=True)
    return content if isinstance(content, bytes) else b""
