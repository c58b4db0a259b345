"""Ready touches and conversions → the marts' own tables in memory → the steps of a refresh → one CSV per table.

Every conversion is a request with its sale; look-back is compared by date; spend is per channel; ROAS is empty without spend.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

from infra.attribute.files import write_csv
from infra.attribute.fit import make_credits, run_steps, split_by_effects, work_of
from infra.attribute.options import Options
from infra.attribute.out import TOTALS, Attributed, Brought, load_spend, refuse_file, write_channels, write_effects
from infra.attribute.touches import load_touches
from infra.warehouse.duckdb import DuckDbWarehouse
from shared.models import MARKOV
from shared.settings import SiteSettings
from shared.warehouse import Row

CREDIT_COLUMNS = ("event_id", "model", "position", "channel", "campaign", "weight", "revenue")
PATH_COLUMNS = ("event_id", "customer_id", "conversion_tstamp", "revenue", "path", "transformed_path")
NULL_COLUMNS = ("customer_id", "path", "transformed_path")
_PATHLESS = """SELECT count(*) AS conversions, coalesce(sum(m.amount), 0) AS revenue
FROM requests AS q
INNER JOIN money_events AS m ON m.request_id = q.request_id
LEFT JOIN paths AS p ON p.request_id = q.request_id AND p.position = 1
WHERE p.request_id IS NULL"""
_CREDITS = """SELECT request_id AS event_id, model, position, channel, campaign, weight, revenue
FROM credits
ORDER BY model, event_id, position"""
_BROUGHT = "SELECT model, channel, sum(weight) AS conversions, sum(revenue) AS revenue FROM credits GROUP BY model, channel"
_CHANNELS = "SELECT DISTINCT channel FROM sessions WHERE NOT coalesce(channel IN :excluded_channels, FALSE)"
_NAMED = "SELECT DISTINCT channel FROM sessions WHERE channel IN :excluded_channels"


def attribute(touches: Path, conversions: Path, out: Path, options: Options, spend: Path | None = None) -> Attributed:
    """Write paths, nonconverting_paths, credits, channels, campaigns and, where a Markov model is chosen, removal_effects to `out`.

    BadInput names every wrong line of the inputs. Nothing is written then.
    """
    refuse_file(out)
    warehouse = DuckDbWarehouse(out)
    try:
        spent = load_spend(warehouse, spend)
        load_touches(warehouse, options.site, touches, conversions)
        _make_paths(warehouse, options)
        make_credits(warehouse, options)
        excluded = options.site.attribution.excluded_channels
        met = {row["channel"] for row in _rows(warehouse, options, _NAMED)}
        lost = _rows(warehouse, options, _PATHLESS)[0]
        rows = _write(warehouse, options, spent, out)
        return Attributed(rows, lost["conversions"], lost["revenue"], [name for name in excluded if name not in met])
    finally:
        warehouse.close()


def _make_paths(warehouse: DuckDbWarehouse, options: Options) -> None:
    """Paths as they are weighed, and beside them, for the reader, as they were before the transforms."""
    told = options.site.attribution
    _run_paths(warehouse, options.site.model_copy(update={"attribution": told.model_copy(update={"path_transforms": []})}), options)
    joined = "array_join(array_agg(channel ORDER BY position), ' > ')"
    warehouse.start(f"CREATE TABLE paths_before AS SELECT request_id, {joined} AS path FROM paths GROUP BY request_id")
    warehouse.start("CREATE TABLE visitor_paths_before AS SELECT visitor_id, path FROM visitor_paths")
    if told.path_transforms:
        warehouse.start("DELETE FROM paths")
        warehouse.start("DELETE FROM visitor_paths")
        _run_paths(warehouse, options.site, options)


def _run_paths(warehouse: DuckDbWarehouse, site: SiteSettings, options: Options) -> None:
    run_steps(warehouse, site, options.fit, {"paths", "visitor_paths"})


def _write(warehouse: DuckDbWarehouse, options: Options, spend: dict[str, Decimal | None], out: Path) -> dict[str, int]:
    brought = {(r["model"], r["channel"]): Brought(r["conversions"], r["revenue"]) for r in _rows(warehouse, options, _BROUGHT)}
    channels = [row["channel"] for row in _rows(warehouse, options, _CHANNELS)]
    effects = split_by_effects(warehouse) if options.needs_chain else None
    if effects is not None and MARKOV in options.models:
        brought |= _by_channel(effects)
    written = {
        "paths": _put(warehouse, options, out, "paths", PATH_COLUMNS, _query("paths")),
        "nonconverting_paths": _put(warehouse, options, out, "nonconverting_paths", NULL_COLUMNS, _query("nonconverting_paths")),
        "credits": _put(warehouse, options, out, "credits", CREDIT_COLUMNS, _CREDITS),
        "channels": write_channels(out, options.models, channels, brought, spend),
        "campaigns": _put(warehouse, options, out, "campaigns", ("model", "channel", "campaign", *TOTALS), _query("campaigns")),
    }
    return written | write_effects(out, effects, options.fit)


def _by_channel(effects: Sequence[Row]) -> dict[tuple[str, str], Brought]:
    """The parts of all fits together."""
    sums: dict[tuple[str, str], Brought] = {}
    for row in effects:
        before = sums.get((MARKOV, row["channel"]), Brought(0.0, Decimal(0)))
        sums[MARKOV, row["channel"]] = Brought(before.conversions + row["conversions"], before.revenue + row["revenue"])
    return sums


def _put(warehouse: DuckDbWarehouse, options: Options, out: Path, name: str, columns: Sequence[str], sql: str) -> int:
    rows = _rows(warehouse, options, sql)
    write_csv(out / f"{name}.csv", columns, rows)
    return len(rows)


def _rows(warehouse: DuckDbWarehouse, options: Options, sql: str) -> Sequence[Row]:
    return warehouse.rows(work_of(warehouse, options.site).bind(sql))


def _query(name: str) -> str:
    return (Path(__file__).parent / "sql" / f"{name}.sql").read_text(encoding="utf-8")
