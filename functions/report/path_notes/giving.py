"""After each complete refresh: the paths of the deals that were made of late, once each, into the queue of CRM tasks
(settings `crm.new_requests.note`; functions/crm_webhook/tasks/ writes them).

Items of the ledger: pk `path#{site}`, sk a deal's id, whose note was queued; sk `given`, the refresh that was looked through. A
note is queued before it is noted here: after a crash in between it is queued again, and the task knows the one that is there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

import orjson

from functions.report.alerts.bell import Bell
from functions.report.marts.questions import MOST_TOUCHES, SQL
from functions.report.path_notes.lines import lines_of
from shared.deal_notes import DEAL, PROVIDERS, message
from shared.identity import redact
from shared.log import count, logger
from shared.sql import bind
from shared.times import lake_text, local_day
from shared.warehouse import Row, Warehouse

NEW = timedelta(days=2)  # since the deal was made
OLDEST_REQUEST = timedelta(days=60)  # of a new deal: older requests' paths are not read
MOST_DEALS = 200  # of a site and refresh, the newest: a CRM takes two to seven calls a second
_KEPT = timedelta(days=7)  # longer than a deal is new


@dataclass(frozen=True, slots=True)
class Giving:
    """What giving needs. `sites` are published settings as JSON; `warehouse()` and `put` (a message into the queue) are used only
    where there is something to tell."""

    sites: Mapping[str, bytes]
    bell: Bell
    dynamodb: Any
    table: str
    warehouse: Callable[[], Warehouse]
    put: Callable[[str], None]


def give_all(giving: Giving, now: datetime) -> int:
    """Queue the notes of every site that was refreshed since the last time; how many. A site that fails is counted and logged, and
    tried again by the next run: what else the run does must not wait for it."""
    given = 0
    for site_id, raw in giving.sites.items():
        try:
            given += give_site(giving, orjson.loads(raw), now)
        except Exception as error:
            count({"PathNotesFailed": 1})
            told = {"site_id": site_id, "error": type(error).__name__, "why": redact(str(error))}
            logger().error("the paths of new deals were not handed to the CRM", extra=told)
    return given


def give_site(giving: Giving, settings: Mapping[str, Any], now: datetime) -> int:
    """Look a site's last complete refresh through once; gives the number of notes. Errors are raised."""
    site_id, provider = str(settings["site_id"]), _provider_of(settings)
    if not provider:
        return 0
    standing = giving.bell.standing(site_id)
    if standing is None or standing.is_between or _is_there(giving, site_id, "given", standing.refresh_id):
        return 0
    given = 0
    for deal_id, rows in groupby(new_paths(giving.warehouse(), settings, provider, now), key=lambda row: str(row["deal_id"])):
        given += _is_given(giving, settings, provider, deal_id, list(rows), now)
    if giving.bell.standing(site_id) == standing:  # else the marts changed while they were asked: the next run looks again
        _keep(giving, site_id, "given", standing.refresh_id, now)
    count({"PathNoteQueued": given})
    return given


def _provider_of(settings: Mapping[str, Any]) -> str:
    """The CRM that the site lets us write notes to, "" for none."""
    told = (settings.get("crm") or {}).get("new_requests") or {}
    provider = str(told.get("to", ""))
    return provider if provider in PROVIDERS and told.get("note", True) else ""


def new_paths(warehouse: Warehouse, settings: Mapping[str, Any], provider: str, now: datetime) -> Sequence[Row]:
    """Touches of the deals that a CRM made of late, deal by deal and by position (sql/new_deal_paths.sql)."""
    since = now - NEW
    day = local_day(since, settings["time_zone"])
    values = {
        "site_id": settings["site_id"], "of_crm": f"{provider}:%", "since": since, "first_day": day,
        "first_request_day": day - OLDEST_REQUEST, "model": settings["attribution"]["default_model"],
        "most_deals": MOST_DEALS, "most_touches": MOST_TOUCHES,
    }  # fmt: skip
    return warehouse.rows(bind((SQL / "new_deal_paths.sql").read_text("utf-8"), values))


def _is_given(giving: Giving, settings: Mapping[str, Any], provider: str, deal_id: str, rows: Sequence[Row], now: datetime) -> bool:
    site_id, deal = str(settings["site_id"]), deal_id.partition(":")[2]
    if not DEAL.fullmatch(deal) or _is_there(giving, site_id, deal_id):
        return False
    giving.put(message(site_id, provider, deal, str(rows[0]["request_id"]), lines_of(rows, settings), now))
    _keep(giving, site_id, deal_id, lake_text(now), now)
    return True


def _is_there(giving: Giving, site_id: str, sk: str, value: str = "") -> bool:
    item = giving.dynamodb.get_item(TableName=giving.table, Key=_key(site_id, sk), ConsistentRead=True).get("Item")
    return item is not None and (not value or item["value"]["S"] == value)


def _keep(giving: Giving, site_id: str, sk: str, value: str, now: datetime) -> None:
    expires_at = str(int((now + _KEPT).timestamp()))
    giving.dynamodb.put_item(
        TableName=giving.table, Item={**_key(site_id, sk), "value": {"S": value}, "expires_at": {"N": expires_at}}
    )


def _key(site_id: str, sk: str) -> dict[str, Any]:
    return {"pk": {"S": f"path#{site_id}"}, "sk": {"S": sk}}
