"""Facts of a plain folder that `skvoz refresh` works on: settings, raw records, marts. A folder has no doors, queues or secrets.

Its present is its data's: what was brought over a month ago is not silent since then.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import orjson

from functions.report.figures import build, to_json
from functions.report.marts.questions import ask, period_of
from infra.doctor.facts import SAMPLED_DAYS, Arrivals, RefreshFacts, SiteFacts
from infra.doctor.gathering.samples import cost_days_of, networks_of, page_hosts_of, stages_of
from infra.doctor.gathering.site import COST_DAYS, KINDS
from infra.sources.marts import folder_marts
from infra.warehouse.duckdb import DuckDbWarehouse
from infra.warehouse.local import FileLedger
from shared.errors import BadInput
from shared.records import KINDS as RECORD_KINDS
from shared.settings import SiteSettings, published
from shared.sql import Value, bind
from shared.times import from_lake_text

_MOST_RECORDS = 20_000


def folder_facts(lake: Path, settings: SiteSettings, now: datetime | None) -> SiteFacts:
    """BadInput where the folder has no raw records. `now`: the present; default: the latest arrival."""
    if not (lake / "raw").is_dir():
        raise BadInput(f"{lake} has no folder raw/; raw records lie in raw/hit/, raw/request/ and so on")
    raw = DuckDbWarehouse(lake)
    try:
        site_id = settings.site_id
        for kind in KINDS:
            raw.open_raw(kind, "0000/00/00", "9999/99/99")
        latest = {kind: _latest(raw, kind, site_id) for kind in KINDS}
        present = now or max((at for at in latest.values() if at), default=None)
        if present is None:
            raise BadInput(f"{lake} has no records of {site_id}")
        hits, deals = (_records(raw, kind, site_id, present, SAMPLED_DAYS) for kind in ("hit", "crm_event"))
        spent, covered = cost_days_of(_records(raw, "cost", site_id, present, COST_DAYS))
        arrivals = {kind: Arrivals(latest[kind], _days(raw, kind, site_id, present)) for kind in KINDS}
    finally:
        raw.close()
    last = FileLedger(lake / "marts" / "ledger.json").last_complete(site_id)
    return SiteFacts(
        site_id,
        present,
        settings,
        arrivals=arrivals,
        stages=stages_of(deals),
        page_hosts=page_hosts_of(hits),
        networks=networks_of(hits),
        cost_days=spent,
        covered_days=covered,
        refresh=RefreshFacts(from_lake_text(last["completed_at"]) if last else None),
        figures=_figures(lake, settings, present, last) if last else None,
    )


def _latest(raw: DuckDbWarehouse, kind: str, site_id: str) -> datetime | None:
    table = RECORD_KINDS[kind].table
    (row,) = raw.rows(bind(f"SELECT max(received_at) AS last_at FROM {table} WHERE site_id = :site_id", {"site_id": site_id}))
    found: datetime | None = row["last_at"]
    return found


def _days(raw: DuckDbWarehouse, kind: str, site_id: str, now: datetime) -> frozenset[Any]:
    table, since = RECORD_KINDS[kind].table, now - timedelta(days=SAMPLED_DAYS - 1)
    sql = f"SELECT DISTINCT CAST(received_at AS date) AS day FROM {table} WHERE site_id = :site_id AND received_at >= :since"
    return frozenset(row["day"] for row in raw.rows(bind(sql, {"site_id": site_id, "since": since})))


def _records(raw: DuckDbWarehouse, kind: str, site_id: str, now: datetime, days: int) -> list[Any]:
    """The latest records of the last days."""
    values: dict[str, Value] = {"site_id": site_id, "since": now - timedelta(days=days), "now": now, "most": _MOST_RECORDS}
    table = RECORD_KINDS[kind].table
    where = "site_id = :site_id AND received_at >= :since AND received_at <= :now"
    return list(raw.rows(bind(f"SELECT * FROM {table} WHERE {where} ORDER BY received_at DESC LIMIT :most", values)))


def _figures(lake: Path, settings: SiteSettings, now: datetime, last: Any) -> Any:
    """The report's figures of the marts, as figures.json would have them."""
    site = published(settings)
    with folder_marts(lake, settings.site_id) as warehouse:
        period = period_of(site, now)
        figures = build(site, period, *ask(warehouse, site, period), from_lake_text(last["data_to"]))
    return orjson.loads(to_json(figures))
