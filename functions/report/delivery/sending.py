"""One report to its readers: the page is stored once, each reader gets a message and a token of his own, behind the ledger."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from markupsafe import escape

from functions.report.delivery.due import Due, Kind
from functions.report.delivery.making import Report
from functions.report.delivery.post import MailRefused, Post, endless, is_refusal
from functions.report.delivery.scope import as_told
from functions.report.delivery.suppressed import Suppressed, masked
from functions.report.figures import to_json
from functions.report.mail import Attachment, message_of, recipient_hash
from functions.report.marts.questions import Period
from functions.report.render import PAGE_LINKS, Mail, mail, page
from functions.report.store import Files, Form, Ledger, Page
from functions.report.view.words import texts
from functions.report.workbook.book import file_name
from shared.errors import SkvozError
from shared.identity import redact
from shared.ids import uuid7
from shared.log import count, logger
from shared.times import lake_text
from shared.warehouse import Warehouse

CLAIMS = {
    "sent": "",
    "busy": "another run is sending it, or died while sending; it is retried after 15 minutes",
    "lost": "it was tried twice, and nobody knows whether it arrived; it is not tried again",
}


@dataclass(frozen=True, slots=True)
class Mailer:
    """What mailing needs. `sites` are published settings as JSON; `randomness(n)` gives n random bytes; `warehouse()` is asked for
    only when a report is due; `seconds_left()` is how long the run has."""

    sites: Mapping[str, bytes]
    files: Files
    ledger: Ledger
    suppressed: Suppressed
    post: Post
    warehouse: Callable[[], Warehouse]
    public_url: str
    randomness: Callable[[int], bytes]
    seconds_left: Callable[[], float] = endless


class Letter(NamedTuple):
    """One report ready to be sent to each of its readers. `key` names its page in the files bucket; `written` has the token `mark`
    in its addresses, for which each reader's own is put."""

    report: Report
    written: Mail
    mark: str
    book: Attachment | None
    key: str
    again: str = ""


class NotWritten(SkvozError):
    """A mail could not be written, so it was not sent for certain."""

    code = "mail_not_written"


def send_name(kind: Kind, period: Period, recipient: str, again: str = "") -> str:
    """Names one send in the ledger: one period of one kind, one recipient, and the word of a repetition. A daily report is that of
    its last day, however many days it tells of: who changes `report.days` gets no second one."""
    days = period.last.isoformat() if kind == "day" else f"{period.first.isoformat()}_{period.last.isoformat()}"
    return _named(f"{days}.{kind}", recipient, again)


def former_name(kind: Kind, period: Period, recipient: str, again: str = "") -> str:
    """How the same send was named by versions of before."""
    days = f"{period.first.isoformat()}_{period.last.isoformat()}"
    return _named(days if kind == "day" else f"{days}.{kind}", recipient, again)


def _named(days: str, recipient: str, again: str) -> str:
    return f"{days}#{recipient_hash(recipient)}" + (f"#{again}" if again else "")


def letter_of(mailer: Mailer, report: Report, now: datetime, again: str = "", is_preview: bool = False) -> Letter:
    """Store the report's page with all that it opens, and write its mail. A preview has nothing to unsubscribe from."""
    figures, settings, extras = report.figures, report.settings, report.extras
    shown = page(figures, settings, extras, PAGE_LINKS, report.snapshot)
    forms: dict[Form, bytes] = {"html": shown.encode(), "json": to_json(as_told(figures))}
    if extras.workbook:
        forms["xlsx"] = extras.workbook
    book_name = file_name(figures)
    page_id = uuid7(now, mailer.randomness(10))
    key = mailer.files.keep(settings["site_id"], page_id, forms, book_name.removesuffix(".xlsx"), report.data)
    url = url_of(mailer, mark := new_token(mailer))
    written = mail(figures, settings, url, extras, "" if is_preview else f"{url}/unsubscribe")
    book = Attachment(book_name, extras.attachment) if extras.attachment else None
    return Letter(report, written, mark, book, key, again)


def send(mailer: Mailer, letter: Letter, due: Due, now: datetime, remark: Sequence[str] = ()) -> str:
    """Send one mail behind the ledger; gives what went wrong, or nothing. `remark` are masked addresses that no mail reaches: the
    mail says so at its end. Whatever fails, the ledger too, the next reader gets his."""
    site_id, recipient = letter.report.settings["site_id"], due.reader.address
    name = send_name(due.kind, due.period, recipient, letter.again)
    try:
        claim = mailer.ledger.claim(site_id, name, now)
        if claim != "claimed":
            return CLAIMS[claim]
        try:
            message_id = _posted(mailer, letter, recipient, f"{site_id} {name}", now, remark)
        except Exception as error:
            if is_refusal(error):
                mailer.ledger.release(site_id, name, now)
            if isinstance(error, MailRefused) and error.is_recipient:
                _note_refused(mailer, recipient, now)
            return redact(str(error))
    except Exception as error:
        return f"the ledger failed: {redact(str(error))}"
    first = noted(lambda: mailer.ledger.note_first(site_id, now))
    return noted(lambda: mailer.ledger.mark_sent(site_id, name, message_id, now)) or first


def _posted(mailer: Mailer, letter: Letter, recipient: str, send_id: str, now: datetime, remark: Sequence[str]) -> str:
    """Hand one reader's mail over; once more without the workbook where the server finds it too big."""
    token, language = new_token(mailer), letter.report.wanted.language
    try:
        mailer.ledger.keep_token(token, _opened(letter, recipient_hash(recipient), now), now)
    except Exception as error:
        raise NotWritten(f"the mail's link could not be kept: {error}") from error
    say = texts(language)["delivery"]
    own = _with_line(_with_token(letter, token), say["suppressed"].format(addresses=", ".join(remark)) if remark else "")
    off = f"{url_of(mailer, token)}/unsubscribe"
    sender = mailer.post.sender
    try:
        return mailer.post.send(message_of(own, sender, recipient, language, send_id, now, off, letter.book), recipient)
    except MailRefused as error:
        if not error.is_too_big or letter.book is None:
            raise
        logger().warning("the mail server takes no mail of this size; sent without the workbook", extra={"send": send_id})
        less = _with_line(own, say["without_workbook"])
        return mailer.post.send(message_of(less, sender, recipient, language, send_id, now, off), recipient)


def noted(note: Callable[[], None]) -> str:
    """Note what was sent. A ledger that fails now has the mail sent a second time, after the lease; who runs it is told."""
    try:
        note()
    except Exception as error:
        return f"the mail went out, and the ledger could not be told: {redact(str(error))}"
    return ""


def send_preview(mailer: Mailer, letter: Letter, recipient: str, now: datetime) -> str:
    """Send the report to one address, whoever that is, outside the ledger: nobody's own report changes by it. Gives what the other
    side calls the mail; raises what the post raises."""
    token = new_token(mailer)
    mailer.ledger.keep_token(token, _opened(letter, "", now), now)
    own = _with_token(letter, token)
    own = own._replace(subject=f"[Preview] {own.subject}")
    language, send_id = letter.report.wanted.language, f"preview {uuid7(now, mailer.randomness(10))}"
    return mailer.post.send(message_of(own, mailer.post.sender, recipient, language, send_id, now, "", letter.book), recipient)


def _note_refused(mailer: Mailer, recipient: str, now: datetime) -> None:
    """Where no service tells of bounces, a server's "no" to the recipient is one; that of a day counts once."""
    day = now.replace(hour=0, minute=0, second=0, microsecond=0)
    mailer.suppressed.note(recipient, "transient", day, "refused")
    count({"MailReturned": 1}, Reason="transient")
    logger().warning("the mail server does not take a reader's address", extra={"recipient": masked(recipient)})


def _opened(letter: Letter, recipient: str, now: datetime) -> Page:
    """What a token of that report opens, and for how long."""
    settings, wanted = letter.report.settings, letter.report.wanted
    expires_at = now + timedelta(days=int(settings["report"].get("link_days", 400)))
    told = {"scope": wanted.scope, "kind": wanted.kind, "expires_at": lake_text(expires_at)}
    return Page(settings["site_id"], letter.key, recipient, settings["name"], wanted.language, **told)


def _with_token(letter: Letter, token: str) -> Mail:
    written = letter.written
    return written._replace(html=written.html.replace(letter.mark, token), text=written.text.replace(letter.mark, token))


def _with_line(written: Mail, line: str) -> Mail:
    """The mail with one more line at its end. It is one reader's alone, so it is no part of the report."""
    if not line:
        return written
    style = "max-width:640px;margin:16px auto;padding:0 16px;font:13px/1.5 Arial,sans-serif;color:#8a4b00"
    before, closing, after = written.html.rpartition("</body>")
    html = f'{before}<p style="{style}">{escape(line)}</p>{closing}{after}' if closing else f"{written.html}<p>{escape(line)}</p>"
    return written._replace(html=html, text=f"{written.text.rstrip()}\n\n{line}\n")


def new_token(mailer: Mailer) -> str:
    """256 bits as they stand in an address."""
    return base64.urlsafe_b64encode(mailer.randomness(32)).rstrip(b"=").decode()


def url_of(mailer: Mailer, token: str) -> str:
    """Where a token opens its page."""
    return f"{mailer.public_url.rstrip('/')}/v1/reports/{token}"
