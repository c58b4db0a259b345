"""A site's alerts → one mail to each of those who are to know, each alert at most once in 24 hours."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import orjson

from functions.report.alerts.bell import Standing
from functions.report.alerts.checks import Alert, alerts_settings
from functions.report.alerts.facts import Asked, alerts_of
from functions.report.alerts.telling import Telling, Told, seen_by, tell
from functions.report.delivery.suppressed import suppression_of
from functions.report.mail import recipient_hash
from functions.report.readers import Reader, readers_of
from shared.errors import SkvozError
from shared.heard import Heard
from shared.identity import redact
from shared.log import count, logger
from shared.warehouse import Warehouse

GRACE = timedelta(minutes=15)  # what arrives may still be on its way into the lake when a refresh begins to read


@dataclass(frozen=True, slots=True)
class Ringing:
    """What ringing needs. `sites` are published settings as JSON; `warehouse()` is asked for only where there is something to
    judge; `heard` knows the CRMs' webhooks."""

    sites: Mapping[str, bytes]
    telling: Telling
    warehouse: Callable[[], Warehouse]
    heard: Heard


class NotAllRung(SkvozError):
    """Some alerts could not be judged or mailed; the next run tries again, a few times for each refresh, and the alarm of the
    function's errors tells people."""

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
    be judged or a mail not be sent: what could was told. After some such runs the refresh is given up, and the next one judged."""
    site_id, bell = settings["site_id"], ringing.telling.bell
    standing = bell.standing(site_id)
    if not readers_of_alerts(settings) or standing is None or not _is_due(ringing, site_id, standing):
        return 0  # a site without data yet rings nothing
    heard = partial(ringing.heard.since, site_id)
    alerts, failed = alerts_of(Asked(ringing.warehouse(), settings, standing.started_at - GRACE, heard))
    if bell.standing(site_id) != standing:
        count({"AlertsPutOff": 1}, Reason="refreshing")  # the marts changed while they were asked
        return 0
    sent, errors = _tell_all(ringing.telling, settings, alerts, now) if alerts else (0, [])
    if failed:
        errors.append(f"{', '.join(failed)} could not be judged")
    if not errors or bell.gives_up(site_id, standing.refresh_id):
        bell.mark_checked(site_id, standing.refresh_id)
    if errors:
        raise NotAllRung("; ".join(errors))
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
    return not ringing.telling.bell.is_checked(site_id, standing.refresh_id)


def _tell_all(telling: Telling, settings: Mapping[str, Any], alerts: Sequence[Alert], now: datetime) -> tuple[int, list[str]]:
    """Mail every reader; gives the number of mails and what went wrong."""
    sent, errors = 0, []
    for reader in _reached(telling, settings, len(alerts), now):
        try:
            if mine := seen_by(settings, reader, alerts):
                sent += tell(telling, Told(settings, reader, mine), now)
        except Exception as error:
            errors.append(redact(str(error)))
    return sent, errors


def _reached(telling: Telling, settings: Mapping[str, Any], alerts: int, now: datetime) -> list[Reader]:
    """Those who are to be told and whom mail reaches. Where that is nobody, the first reader of reports who sees everything: what
    has stopped must not stay unknown because somebody wanted no report."""
    suppressed = telling.suppressed.all(now)

    def why_not(reader: Reader) -> str:
        if telling.ledger.is_off(settings["site_id"], recipient_hash(reader.address)):
            return "unsubscribed"
        return "suppressed" if suppression_of(suppressed, reader.address) else ""

    lost = {reader: why_not(reader) for reader in readers_of_alerts(settings)}
    for reason in filter(None, lost.values()):
        count({"AlertsSkipped": alerts}, Reason=reason)
    if reached := [reader for reader, reason in lost.items() if not reason]:
        return reached
    for reader in readers_of(settings):
        if not reader.scope and reader not in lost and not why_not(reader):
            return [reader]
    logger().warning("alerts that nobody can be told", extra={"site_id": settings["site_id"]})
    count({"AlertsSkipped": alerts}, Reason="nobody")
    return []
