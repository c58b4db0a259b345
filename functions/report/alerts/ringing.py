"""A site's alerts → one mail to each of those who are to know, behind the ledger: each alert at most once a day."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, NamedTuple

import orjson

from functions.report.alerts.bell import Bell, Standing
from functions.report.alerts.checks import Alert, alerts_settings
from functions.report.alerts.facts import Asked, alerts_of
from functions.report.alerts.words import mail_of
from functions.report.delivery.post import Post, is_refusal
from functions.report.delivery.suppressed import Suppression, suppression_of
from functions.report.links import Links
from functions.report.mail import message_of, recipient_hash
from functions.report.readers import Reader, readers_of
from functions.report.snapshot.scope import seen_of
from functions.report.store import Ledger, Page
from functions.report.view.names import Names
from shared.errors import SkvozError
from shared.identity import redact
from shared.log import count, logger
from shared.times import lake_text, local_day
from shared.warehouse import Warehouse

GRACE = timedelta(minutes=15)  # what arrives may still be on its way into the lake when a refresh begins to read
MOST_LINKS = 2000  # of a site that are looked through for a reader's latest page
OF_CHANNELS = frozenset({"spend_without_requests", "low_romi"})
OF_NOBODY = frozenset({"hits_stopped", "calls_stopped", "crm_stopped"})  # tell nothing of any channel


@dataclass(frozen=True, slots=True)
class Ringing:
    """What ringing needs. `sites` are published settings as JSON; `suppressed()` says who gets no mail; `warehouse()` is asked for
    only where there is something to judge; `randomness(n)` gives n random bytes."""

    sites: Mapping[str, bytes]
    ledger: Ledger
    bell: Bell
    links: Links
    suppressed: Callable[[], Mapping[str, Suppression]]
    post: Post
    warehouse: Callable[[], Warehouse]
    public_url: str
    randomness: Callable[[int], bytes]


class Told(NamedTuple):
    """One mail's worth: what a reader is told at the site's own day."""

    settings: Mapping[str, Any]
    reader: Reader
    alerts: Sequence[Alert]


class NotAllRung(SkvozError):
    """Some alerts could not be judged or mailed; the next run tries again, and the alarm of the function's errors tells people."""

    code = "alerts_not_sent"


def ring_all(ringing: Ringing, now: datetime) -> int:
    """Judge every site that was refreshed since the last time; gives the number of mails. NotAllRung, after all sites, when any
    failed."""
    sent, failed = 0, []
    for site_id, settings in ringing.sites.items():
        try:
            sent += ring_site(ringing, orjson.loads(settings), now)
        except Exception as error:
            # The text may name a recipient, so it is not logged as it is.
            why = redact(str(error))
            logger().error("alerts not sent", extra={"site_id": site_id, "error": type(error).__name__, "why": why})
            count({"AlertsFailed": 1})
            failed.append(f"{site_id}: {why}")
    if failed:
        raise NotAllRung("alerts were not sent: " + "; ".join(failed)) from None
    return sent


def ring_site(ringing: Ringing, settings: Mapping[str, Any], now: datetime) -> int:
    """Judge a site's last complete refresh once, and mail what rings; gives the number of mails. NotAllRung when a kind could not
    be judged or a mail not be sent: what could was told."""
    site_id = settings["site_id"]
    readers, standing = readers_of_alerts(settings), ringing.bell.standing(site_id)
    if not readers or standing is None or not _is_due(ringing, site_id, standing):
        return 0  # a site without data yet rings nothing
    alerts, failed = alerts_of(Asked(ringing.warehouse(), settings, standing.started_at - GRACE))
    if ringing.bell.standing(site_id) != standing:
        count({"AlertsPutOff": 1}, Reason="refreshing")  # the marts changed while they were asked
        return 0
    errors = [f"{', '.join(failed)} could not be judged"] if failed else []
    sent = 0
    suppressed = ringing.suppressed() if alerts else {}
    for reader in readers:
        told = Told(settings, reader, [alert for alert in alerts if _may_see(settings, reader, alert)])
        try:
            sent += _is_told(ringing, told, suppressed, now)
        except Exception as error:
            errors.append(redact(str(error)))
    if errors:
        raise NotAllRung("; ".join(errors))
    ringing.bell.mark_checked(site_id, standing.refresh_id)
    return sent


def readers_of_alerts(settings: Mapping[str, Any]) -> list[Reader]:
    """Who is told: `report.alerts.recipients`, or the owner. One who gets reports has his own language, zone and scope."""
    readers = readers_of(settings)
    known = {reader.address.strip().lower(): reader for reader in readers}
    told = alerts_settings(settings)["recipients"]
    if not told:
        return readers[:1]
    others = Reader("", time_zone=settings["time_zone"], language=settings["report"]["language"])
    addresses = {address.strip().lower(): address for address in told}
    return [known.get(key, others._replace(address=address)) for key, address in addresses.items()]


def _is_due(ringing: Ringing, site_id: str, standing: Standing) -> bool:
    if standing.is_between:
        count({"AlertsPutOff": 1}, Reason="refreshing")
        return False
    return not ringing.bell.is_checked(site_id, standing.refresh_id)


def _may_see(settings: Mapping[str, Any], reader: Reader, alert: Alert) -> bool:
    """A reader of a scope is told of its channels, and of what tells nothing of any; not of accounts, pools and shares of the
    site."""
    if not reader.scope or alert.kind in OF_NOBODY:
        return True
    names = Names({**settings, "report": {**settings["report"], "language": reader.language}})
    return alert.kind in OF_CHANNELS and seen_of(settings, reader.scope, names, ()).has(alert.subject[0])


def _is_told(ringing: Ringing, told: Told, suppressed: Mapping[str, Suppression], now: datetime) -> bool:
    """Whether a mail went out to one reader, who wants mail and was not told the same of late."""
    site_id, recipient = told.settings["site_id"], recipient_hash(told.reader.address)
    if not told.alerts:
        return False
    if ringing.ledger.is_off(site_id, recipient) or suppression_of(suppressed, told.reader.address):
        count({"AlertsSkipped": len(told.alerts)}, Reason="unsubscribed")
        return False
    today = local_day(now, told.settings["time_zone"])
    won = [alert for alert in told.alerts if ringing.bell.claim(site_id, recipient, alert, today)]
    if not won:
        return False
    try:
        ringing.post.send(_message(ringing, told._replace(alerts=won), recipient, now), told.reader.address)
    except Exception as error:
        if is_refusal(error):
            for alert in won:
                ringing.bell.release(site_id, recipient, alert)
        raise
    for alert in won:
        ringing.bell.mark_sent(site_id, recipient, alert)
        count({"AlertsSent": 1}, Kind=alert.kind)
    return True


def _message(ringing: Ringing, told: Told, recipient: str, now: datetime) -> bytes:
    """One reader's mail. Its token opens the page of his latest report, where he has one, and unsubscribes."""
    site, language = told.settings, told.reader.language
    token = base64.urlsafe_b64encode(ringing.randomness(32)).rstrip(b"=").decode()
    until = lake_text(now + timedelta(days=int(site["report"].get("link_days", 400))))
    latest = _latest(ringing.links, site["site_id"], recipient)
    key = latest.object_key if latest else ""
    scope = latest.scope if latest else ""
    page = Page(site["site_id"], key, recipient, site["name"], language, scope, "alert", until)
    ringing.ledger.keep_token(token, page, now)
    url = f"{ringing.public_url.rstrip('/')}/v1/reports/{token}"
    of_reader = {**site, "report": {**site["report"], "language": language}}
    written = mail_of(told.alerts, of_reader, url if key else "", f"{url}/unsubscribe")
    name = f"{site['site_id']} alerts {recipient} {lake_text(now)}"
    return message_of(written, ringing.post.sender, told.reader.address, language, name, now, f"{url}/unsubscribe")


def _latest(links: Links, site_id: str, recipient: str) -> Page | None:
    found = (link.page for link in islice(links.listed(site_id), MOST_LINKS))
    return next((page for page in found if page.recipient_hash == recipient and page.object_key), None)
