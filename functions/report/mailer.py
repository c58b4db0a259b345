"""Scheduled: for every site with a complete refresh, figures → page → mails. One site's trouble does not stop the others."""

from __future__ import annotations

import base64
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from botocore.exceptions import ClientError

from functions.report.figures import Figures, build, to_json
from functions.report.mail import Post, message_of, recipient_hash
from functions.report.marts.questions import Period, ask, period_of
from functions.report.render import Mail, mail, page
from functions.report.store import Files, Ledger, Refresh
from shared.aws import client, env
from shared.errors import SkvozError
from shared.identity import redact
from shared.ids import uuid7
from shared.log import count, logger
from shared.sites import list_sites
from shared.times import parse_instant
from shared.warehouse import Warehouse


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


class NotAllSent(SkvozError):
    """Some reports did not go out; the schedule repeats the run, and its alarm tells people."""

    code = "reports_not_sent"


def lambda_handler(event: Mapping[str, Any], context: Any) -> dict[str, int]:
    """Entry point of the schedule: `{"time": ISO}` is the run's clock."""
    from shared.engines import engine

    if not env("MAIL_FROM"):
        logger().warning("no reports: the stack has no sender address (MailFrom)")
        count({"ReportsSkipped": 1}, Reason="no_sender")
        return {"sent": 0}
    s3, bucket = client("s3"), env("FILES_BUCKET")
    mailer = Mailer(
        sites=list_sites(s3, bucket),
        files=Files(s3, bucket),
        ledger=Ledger(client("dynamodb"), env("LEDGER_TABLE")),
        post=Post(client("sesv2"), env("MAIL_FROM"), os.environ.get("CONFIGURATION_SET", "")),
        warehouse=engine,
        public_url=env("PUBLIC_URL"),
        randomness=os.urandom,
    )
    return {"sent": mail_all(mailer, parse_instant(event["time"]))}


def mail_all(mailer: Mailer, now: datetime) -> int:
    """Mail every site's report that is due; gives the number of mails. NotAllSent, after all sites, when any failed."""
    sent, failed = 0, []
    for site_id, settings in mailer.sites.items():
        try:
            sent += mail_site(mailer, orjson.loads(settings), now)
        except Exception as error:
            # The text may name a recipient, so it is not logged as it is.
            why = redact(str(error))
            logger().error("report not sent", extra={"site_id": site_id, "error": type(error).__name__, "why": why})
            count({"ReportsFailed": 1})
            failed.append(f"{site_id}: {why}")
    if failed:
        raise NotAllSent("reports were not sent: " + "; ".join(failed)) from None
    return sent


def mail_site(mailer: Mailer, settings: Mapping[str, Any], now: datetime) -> int:
    """Mail one site's report to everybody who has not had it yet; gives the number of mails."""
    site_id, period = settings["site_id"], period_of(settings, now)
    due = [r for r in settings["report"]["recipients"] if not mailer.ledger.is_sent(site_id, send_name(period, r))]
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
    url = _publish(mailer, settings, figures, now)
    written = mail(figures, settings, url)
    errors = [error for r in due if (error := _send(mailer, settings, period, written, r, now))]
    count({"ReportsSent": len(due) - len(errors)})
    if errors:
        raise NotAllSent(f"{len(errors)} of {len(due)} mails failed: {'; '.join(errors)}")
    return len(due)


def figures_of(warehouse: Warehouse, settings: Mapping[str, Any], period: Period, refresh: Refresh) -> Figures:
    """Figures of a period from the marts as the last complete refresh left them. WarehouseError when a query fails."""
    return build(settings, period, *ask(warehouse, settings, period), refresh.data_to)


def send_name(period: Period, recipient: str) -> str:
    """Names one send in the ledger: one period, one recipient."""
    return f"{period.first.isoformat()}_{period.last.isoformat()}#{recipient_hash(recipient)}"


def _publish(mailer: Mailer, settings: Mapping[str, Any], figures: Figures, now: datetime) -> str:
    """Store the page and give its address. The token has 256 bits and is stored hashed."""
    site_id = settings["site_id"]
    token = base64.urlsafe_b64encode(mailer.randomness(32)).rstrip(b"=").decode()
    page_id = uuid7(now, mailer.randomness(10))
    key = mailer.files.keep_page(site_id, page_id, page(figures, settings), to_json(figures))
    mailer.ledger.keep_token(token, site_id, key, now)
    return f"{mailer.public_url.rstrip('/')}/v1/reports/{token}"


def _send(mailer: Mailer, settings: Mapping[str, Any], period: Period, written: Mail, recipient: str, now: datetime) -> str:
    """Send one mail behind the ledger; gives what went wrong, or nothing."""
    site_id, send = settings["site_id"], send_name(period, recipient)
    claim = mailer.ledger.claim(site_id, send, now)
    if claim != "claimed":
        return "" if claim == "sent" else "another run is sending it, or died while sending; it is retried after 15 minutes"
    try:
        language = settings["report"]["language"]
        message = message_of(written, mailer.post.sender, recipient, language, f"{site_id} {send}", now)
        message_id = mailer.post.send(message, recipient)
    except Exception as error:
        if _is_refusal(error):
            mailer.ledger.release(site_id, send, now)
        return redact(str(error))
    mailer.ledger.mark_sent(site_id, send, message_id, now)
    return ""


def _is_refusal(error: Exception) -> bool:
    """Whether the mail was refused for certain. After any other error it may have gone out, so the claim stays."""
    if isinstance(error, ClientError):
        return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 400)) < 500
    return isinstance(error, ValueError)
