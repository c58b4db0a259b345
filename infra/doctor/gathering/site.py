"""Facts of one site of a stack in AWS."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import orjson

from functions.attribution.ledger import DynamoLedger
from functions.crm_webhook.reconcile.marks import Marks, Walk
from functions.numberpool.store import Store
from functions.report.delivery.suppressed import Suppressed
from infra.doctor.facts import SAMPLED_DAYS, Arrivals, Fill, PageFacts, RefreshFacts, Refused, ReportFacts, SiteFacts, StackFacts
from infra.doctor.gathering.objects import Objects, RawZone, newest_figures
from infra.doctor.gathering.parts import Clients, Parts
from infra.doctor.gathering.samples import cost_days_of, networks_of, page_hosts_of, stages_of
from infra.doctor.gathering.stack import amo_token
from infra.smoke.stack import Stack
from shared.errors import SettingsError
from shared.leases import POOL
from shared.settings import SiteSettings, parse_settings
from shared.times import from_lake_text, from_millis, to_millis

KINDS = ("hit", "request", "call", "crm_event", "cost")
COST_DAYS = 35
_MOST_HITS, _MOST_DEALS, _MOST_COSTS = 6, 60, 150  # objects
_SENDING = timedelta(minutes=15)  # the lease of a send (functions/report/store.py)


def site_facts(
    clients: Clients,
    stack: Stack,
    common: StackFacts,
    site_id: str,
    raw_settings: bytes | None,
    lake: Objects,
    rejected: Sequence[Refused],
    page: PageFacts | None,
) -> SiteFacts:
    """Everything about one site; `raw_settings` as published, `lake` and `rejected` are shared by the sites."""
    now, parts, zone = common.now, Parts(), RawZone(lake)
    settings, error = settings_of(raw_settings)
    files, ledger = Objects(clients("s3"), stack.outputs["FilesBucketName"]), stack.outputs["LedgerTableName"]
    hits = parts.read("hits", lambda: zone.records("hit", site_id, now, SAMPLED_DAYS, _MOST_HITS)) or []
    deals = parts.read("CRM events", lambda: zone.records("crm_event", site_id, now, SAMPLED_DAYS, _MOST_DEALS)) or []
    spent, covered = cost_days_of(parts.read("costs", lambda: zone.records("cost", site_id, now, COST_DAYS, _MOST_COSTS)) or [])
    crm_table = stack.outputs["CrmTableName"]
    walks, reading = parts.read("marks of the CRMs", lambda: walks_of(clients("dynamodb"), crm_table, site_id, now)) or (
        None,
        frozenset(),
    )
    has_amo = settings is not None and settings.crm.amocrm is not None and settings.crm.amocrm.api is not None
    return SiteFacts(
        site_id,
        now,
        settings,
        error,
        common,
        parts.read("amoCRM's token", lambda: amo_token(clients, common.stage, site_id)) if has_amo else None,
        page,
        _arrivals(zone, site_id, now, parts),
        stages_of(deals),
        page_hosts_of(hits),
        networks_of(hits),
        spent,
        covered,
        rejected,
        parts.read("numbers", lambda: pools_of(clients, stack.outputs["NumbersTableName"], site_id, settings)),
        walks,
        reading,
        parts.read("the refresh", lambda: refresh_of(clients("dynamodb"), ledger, site_id, now)),
        parts.read("the report's sends", lambda: report_of(clients("dynamodb"), ledger, site_id, now)),
        parts.read("the newest report", lambda: newest_figures(files, site_id, now)),
        parts.unread,
    )


def settings_of(raw: bytes | None) -> tuple[SiteSettings | None, str]:
    """Published settings, or why there are none that can be used."""
    if raw is None:
        return None, "not published"
    try:
        return parse_settings(orjson.loads(raw)), ""
    except (SettingsError, orjson.JSONDecodeError) as error:
        return None, str(error)


def _arrivals(zone: RawZone, site_id: str, now: datetime, parts: Parts) -> dict[str, Arrivals]:
    found = {kind: parts.read(f"raw {kind}", partial(zone.arrivals, kind, site_id, now)) for kind in KINDS}
    return {kind: arrivals for kind, arrivals in found.items() if arrivals is not None}


def pools_of(clients: Clients, table: str, site_id: str, settings: SiteSettings | None) -> dict[str, Fill]:
    """Numbers by pool: main, and those that the settings name."""
    names = dict.fromkeys([POOL, *(pool.name for pool in (settings.numbers.pools if settings else ()))])
    store = Store(clients("dynamodb"), table)
    found = {}
    for name in names:
        numbers = [number for number in store.numbers(site_id, name) if not number.is_retired]
        found[name] = Fill(sum(number.is_usable for number in numbers), sum(bool(number.awaits_test) for number in numbers))
    return found


def walks_of(dynamodb: Any, table: str, site_id: str, now: datetime) -> tuple[list[Walk], frozenset[str]]:
    """How far the site's CRMs are read, and which walks somebody holds now."""
    answer = dynamodb.query(
        TableName=table,
        KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues={":pk": {"S": f"walk#{site_id}"}},
    )
    held = {item["sk"]["S"]: int(item.get("held_until", {}).get("N", "0")) for item in answer["Items"]}
    return Marks(dynamodb, table, "").all(site_id), frozenset(name for name, until in held.items() if until >= to_millis(now))


def refresh_of(dynamodb: Any, table: str, site_id: str, now: datetime) -> RefreshFacts:
    """Where the site's refresh stands, by the ledger."""
    ledger = DynamoLedger(dynamodb, table)
    last, run = ledger.last_complete(site_id), ledger.load_run() or {}
    begun = _item(dynamodb, table, f"refresh#{site_id}", "begun").get("refresh_id", "")
    lock = _item(dynamodb, table, "refresh", "lock").get("leased_until", "0")
    is_between = bool(begun) and begun != last.get("refresh_id")
    return RefreshFacts(
        from_lake_text(last["completed_at"]) if last else None,
        from_millis(int(begun[:8] + begun[9:13], 16)) if is_between else None,
        str(run.get("failed", {}).get(site_id, "")),
        from_millis(int(lock)) >= now,
    )


def _item(dynamodb: Any, table: str, pk: str, sk: str) -> dict[str, str]:
    answer: Mapping[str, Any] = dynamodb.get_item(TableName=table, Key={"pk": {"S": pk}, "sk": {"S": sk}})
    return {name: str(next(iter(value.values()))) for name, value in answer.get("Item", {}).items()}


def report_of(dynamodb: Any, table: str, site_id: str, now: datetime) -> ReportFacts:
    """The newest sends of the site's reports: names of sends begin with their period."""
    answer = dynamodb.query(
        TableName=table,
        KeyConditionExpression="pk = :pk AND begins_with(sk, :send)",
        ExpressionAttributeValues={":pk": {"S": f"report#{site_id}"}, ":send": {"S": "send#"}},
        ScanIndexForward=False,
        Limit=100,
    )
    sent = [from_lake_text(item["sent_at"]["S"]) for item in answer["Items"] if "sent_at" in item]
    begun = [item for item in answer["Items"] if item["state"]["S"] == "sending"]
    stuck = sum(from_lake_text(item["claimed_at"]["S"]) < now - _SENDING for item in begun)
    return ReportFacts(max(sent, default=None), stuck, frozenset(Suppressed(dynamodb, table).all(now)))
