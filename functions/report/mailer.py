"""Scheduled: for every site with a complete refresh, figures → page, workbook → mails. One site's trouble does not stop the others.

Also on demand, with the same event: `{"time": ISO, "site_id": only this site, "again": word}`; a new word sends a report anew that
went out before.
"""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import orjson
from botocore.exceptions import ClientError

from functions.report.extras import Extras, extras_of
from functions.report.figures import Figures, build, to_json
from functions.report.mail import Attachment, Post, message_of, recipient_hash
from functions.report.marts.questions import Period, ask, period_of
from functions.report.readers import readers_of
from functions.report.render import PAGE_LINKS, Mail, mail, page
from functions.report.store import Files, Form, Ledger, Page, Refresh
from functions.report.workbook.book import file_name
from shared.aws import client, env
from shared.errors import BadInput, SkvozError
from shared.identity import redact
from shared.ids import uuid7
from shared.log import count, logger
from shared.sites import list_sites
from shared.times import parse_instant
from shared.warehouse import Warehouse

AGAIN = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True, slots=True)
class Mailer:
    """What mailing needs. `sites` are published settings as JSON; `randomness(n)` gives n random bytes; `warehouse()` is asked for
    only when a report is due."""

    sites: Mapping[str, bytes]
    files: Files
    ledger: Ledger
    post: Post
    warehouse: Callable[[], Warehouse]
    public_url: str
    randomness: Callable[[int], bytes]


class Letter(NamedTuple):
    """One report ready to be sent to each of its readers. `key` names its page in the files bucket; `written` has the token `mark`
    in its addresses, for which each reader's own is put."""

    settings: Mapping[str, Any]
    period: Period
    written: Mail
    mark: str
    book: Attachment | None
    key: str
    again: str


class NotAllSent(SkvozError):
    """Some reports did not go out; the schedule repeats the run, and its alarm tells people."""

    code = "reports_not_sent"


def lambda_handler(event: Mapping[str, Any], context: Any) -> dict[str, int]:
    """Entry point of the schedule: `{"time": ISO}` is the run's clock. With `site_id` only that site; with `again` its reports go
    out once more under that name. BadInput for an unknown site or an unfit word."""
    from shared.engines import engine

    again = str(event.get("again") or "")
    if again and not AGAIN.fullmatch(again):
        raise BadInput("again must be 1 to 64 Latin letters, digits, _ or -")
    if not env("MAIL_FROM"):
        logger().warning("no reports: the stack has no sender address (MailFrom)")
        count({"ReportsSkipped": 1}, Reason="no_sender")
        return {"sent": 0}
    s3, bucket = client("s3"), env("FILES_BUCKET")
    mailer = Mailer(
        sites=_asked_for(list_sites(s3, bucket), event.get("site_id")),
        files=Files(s3, bucket),
        ledger=Ledger(client("dynamodb"), env("LEDGER_TABLE")),
        post=Post(client("sesv2"), env("MAIL_FROM"), os.environ.get("CONFIGURATION_SET", "")),
        warehouse=engine,
        public_url=env("PUBLIC_URL"),
        randomness=os.urandom,
    )
    return {"sent": mail_all(mailer, parse_instant(event["time"]), again)}


def _asked_for(sites: Mapping[str, bytes], site_id: str | None) -> Mapping[str, bytes]:
    if site_id is None:
        return sites
    if site_id not in sites:
        raise BadInput(f"there is no site {str(site_id)[:64]}")
    return {site_id: sites[site_id]}


def mail_all(mailer: Mailer, now: datetime, again: str = "") -> int:
    """Mail every site's report that is due; gives the number of mails. NotAllSent, after all sites, when any failed."""
    sent, failed = 0, []
    for site_id, settings in mailer.sites.items():
        try:
            sent += mail_site(mailer, orjson.loads(settings), now, again)
        except Exception as error:
            # The text may name a recipient, so it is not logged as it is.
            why = redact(str(error))
            logger().error("report not sent", extra={"site_id": site_id, "error": type(error).__name__, "why": why})
            count({"ReportsFailed": 1})
            failed.append(f"{site_id}: {why}")
    if failed:
        raise NotAllSent("reports were not sent: " + "; ".join(failed)) from None
    return sent


def mail_site(mailer: Mailer, settings: Mapping[str, Any], now: datetime, again: str = "") -> int:
    """Mail one site's report to everybody who has not had it yet and has not unsubscribed; gives the number of mails."""
    site_id, period = settings["site_id"], period_of(settings, now)
    due = _due(mailer, settings, period, again)
    if not due:
        return 0
    refresh = mailer.ledger.last_refresh(site_id)
    if refresh is None:
        logger().warning("no report: the site has no complete refresh yet", extra={"site_id": site_id})
        count({"ReportsSkipped": 1}, Reason="no_refresh")
        return 0
    if mailer.ledger.is_between(site_id, refresh):
        logger().warning("no report now: a refresh is under way; the next scheduled time sends it", extra={"site_id": site_id})
        count({"ReportsSkipped": 1}, Reason="refreshing")
        return 0
    figures = figures_of(mailer.warehouse(), settings, period, refresh)
    extras = extras_of(figures, settings)
    key = _publish(mailer, settings, figures, extras, now)
    url = _url(mailer, mark := _token(mailer))
    written = mail(figures, settings, url, extras, f"{url}/unsubscribe")
    book = Attachment(file_name(figures), extras.attachment) if extras.attachment else None
    letter = Letter(settings, period, written, mark, book, key, again)
    errors = [error for recipient in due if (error := _send(mailer, letter, recipient, now))]
    count({"ReportsSent": len(due) - len(errors)})
    if errors:
        raise NotAllSent(f"{len(errors)} of {len(due)} mails failed: {'; '.join(errors)}")
    return len(due)


def _due(mailer: Mailer, settings: Mapping[str, Any], period: Period, again: str) -> list[str]:
    site_id = settings["site_id"]
    waiting = [
        reader.address
        for reader in readers_of(settings)
        if not mailer.ledger.is_sent(site_id, send_name(period, reader.address, again))
    ]
    due = [recipient for recipient in waiting if not mailer.ledger.is_off(site_id, recipient_hash(recipient))]
    if len(due) < len(waiting):
        count({"ReportsSkipped": len(waiting) - len(due)}, Reason="unsubscribed")
    return due


def figures_of(warehouse: Warehouse, settings: Mapping[str, Any], period: Period, refresh: Refresh) -> Figures:
    """Figures of a period from the marts as the last complete refresh left them. WarehouseError when a query fails."""
    return build(settings, period, *ask(warehouse, settings, period), refresh.data_to, refreshed_at=refresh.completed_at)


def send_name(period: Period, recipient: str, again: str = "") -> str:
    """Names one send in the ledger: one period, one recipient, and the word of a repetition."""
    name = f"{period.first.isoformat()}_{period.last.isoformat()}#{recipient_hash(recipient)}"
    return f"{name}#{again}" if again else name


def _publish(mailer: Mailer, settings: Mapping[str, Any], figures: Figures, extras: Extras, now: datetime) -> str:
    """Store the page with its figures and workbook; gives the page's key."""
    forms: dict[Form, bytes] = {"html": page(figures, settings, extras, PAGE_LINKS).encode(), "json": to_json(figures)}
    if extras.workbook:
        forms["xlsx"] = extras.workbook
    name = file_name(figures).removesuffix(".xlsx")
    return mailer.files.keep(settings["site_id"], uuid7(now, mailer.randomness(10)), forms, name)


def _send(mailer: Mailer, letter: Letter, recipient: str, now: datetime) -> str:
    """Send one mail behind the ledger; gives what went wrong, or nothing."""
    site_id, send = letter.settings["site_id"], send_name(letter.period, recipient, letter.again)
    claim = mailer.ledger.claim(site_id, send, now)
    if claim != "claimed":
        return "" if claim == "sent" else "another run is sending it, or died while sending; it is retried after 15 minutes"
    try:
        message_id = mailer.post.send(_message(mailer, letter, recipient, send, now), recipient)
    except Exception as error:
        if _is_refusal(error):
            mailer.ledger.release(site_id, send, now)
        return redact(str(error))
    mailer.ledger.mark_sent(site_id, send, message_id, now)
    return ""


def _message(mailer: Mailer, letter: Letter, recipient: str, send: str, now: datetime) -> bytes:
    """One reader's mail, with a token of his own, stored hashed."""
    settings, written = letter.settings, letter.written
    site_id, language = settings["site_id"], settings["report"]["language"]
    token = _token(mailer)
    mailer.ledger.keep_token(token, Page(site_id, letter.key, recipient_hash(recipient), settings["name"], language), now)
    own = written._replace(html=written.html.replace(letter.mark, token), text=written.text.replace(letter.mark, token))
    off = f"{_url(mailer, token)}/unsubscribe"
    return message_of(own, mailer.post.sender, recipient, language, f"{site_id} {send}", now, off, letter.book)


def _token(mailer: Mailer) -> str:
    """256 bits as they stand in an address."""
    return base64.urlsafe_b64encode(mailer.randomness(32)).rstrip(b"=").decode()


def _url(mailer: Mailer, token: str) -> str:
    return f"{mailer.public_url.rstrip('/')}/v1/reports/{token}"


def _is_refusal(error: Exception) -> bool:
    """Whether the mail was refused for certain. After any other error it may have gone out, so the claim stays."""
    if isinstance(error, ClientError):
        return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 400)) < 500
    return isinstance(error, ValueError)
