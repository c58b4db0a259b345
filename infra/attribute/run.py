"""Ready touches and conversions → the marts' own tables in memory → the production SQL → one CSV per table.

Every conversion is a request with its sale; look-back is compared by date; spend is per channel; ROAS is empty without spend.
Direct is what carries the channel `Direct`, the source `(direct)` or the medium `(none)`.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

from functions.attribution import tables
from functions.attribution.statements import create_table, insert, render, render_text
from functions.attribution.work import site_values
from infra.attribute.files import amount, filled, instant, load, named_once, write_csv
from infra.attribute.ready_paths import PATH_MODELS, load_paths
from infra.warehouse.duckdb import DuckDbWarehouse
from shared.errors import BadInput
from shared.settings import SiteSettings, parse_settings
from shared.sql import bind

RULE_MODELS = ("first", "last", "last_non_direct", "last_significant", "linear", "position", "time_decay")
MODELS = (*RULE_MODELS, "marginal")
TRANSFORMS = {"none": "part_path_none", "exposure": "part_path_exposure"}
SITE = "attribute"
_PATHLESS = """SELECT count(*) AS conversions, sum(m.amount) AS revenue
FROM requests AS q
LEFT JOIN money_events AS m ON m.request_id = q.request_id
WHERE NOT EXISTS (
    SELECT 1 FROM sessions AS s
    WHERE s.visitor_id = q.visitor_id AND s.started_at <= q.created_at AND s.day >= date_add('day', -:lookback_days, q.day)
)"""
TOTALS = ("conversions", "revenue", "spend", "roas")
CREDIT_COLUMNS = ("event_id", "model", "position", "channel", "campaign", "weight", "revenue")


class Attributed(NamedTuple):
    """Rows of each file written; conversions (and their revenue) without any touch in the look-back, which no channel gets."""

    rows: dict[str, int]
    pathless: int
    pathless_revenue: Decimal


def attribute(
    touches: Path, conversions: Path, out: Path, *, spend: Path | None, models: Sequence[str], lookback_days: int, transform: str
) -> Attributed:
    """Write paths, credits, channels, campaigns and nonconverting_paths to `out`.

    BadInput names unknown models and every wrong line of the inputs. Nothing is written then.
    """
    chosen = _chosen(models, MODELS, out)
    warehouse = DuckDbWarehouse(out)
    try:
        _prepare(warehouse, spend)
        _load(warehouse, touches, conversions)
        site = _site(lookback_days)
        _credit(warehouse, site, TRANSFORMS[transform], chosen)
        lost = warehouse.rows(bind(_PATHLESS, site_values(site)))[0]
        rows = _write(warehouse, site, TRANSFORMS[transform], chosen, out)
        return Attributed(rows, lost["conversions"], lost["revenue"] or Decimal(0))
    finally:
        warehouse.close()


def attribute_paths(paths: Path, out: Path, *, spend: Path | None, models: Sequence[str]) -> dict[str, int]:
    """Ready paths with their conversions → `channels.csv` in `out`; gives its rows. BadInput as for `attribute`."""
    chosen = _chosen(models, PATH_MODELS, out)
    warehouse = DuckDbWarehouse(out)
    try:
        _prepare(warehouse, spend)
        load_paths(warehouse, SITE, paths)
        site = _site(0)
        _credit(warehouse, site, TRANSFORMS["none"], chosen)
        return _write_channels(warehouse, site, TRANSFORMS["none"], chosen, out)
    finally:
        warehouse.close()


def _chosen(models: Sequence[str], known: Sequence[str], out: Path) -> Sequence[str]:
    unknown = sorted(set(models) - {*known, "all"})
    if unknown or not models:
        raise BadInput(f"there is no model {', '.join(unknown) or '(none named)'} here; choose from all, {', '.join(known)}")
    if out.exists() and not out.is_dir():
        raise BadInput(f"{out} is a file; --out names a folder")
    return known if "all" in models else models


def _site(lookback_days: int) -> SiteSettings:
    least = {"site_id": SITE, "name": SITE, "hosts": ["localhost"], "time_zone": "UTC"}
    return parse_settings({**least, "attribution": {"lookback_days": lookback_days}})


def _prepare(warehouse: DuckDbWarehouse, spend: Path | None) -> None:
    """Empty marts, and the spend per channel."""
    connection = warehouse.connection
    connection.execute("SET preserve_insertion_order = true")
    if spend is not None:
        load(connection, "spend_in", spend, [filled("channel"), amount("spend")])
    else:
        connection.execute("CREATE TEMP TABLE spend_in (channel varchar, spend varchar)")
    for table in tables.MARTS:
        connection.execute(create_table(table, "duckdb", ""))
    connection.execute(tables.TOUCHES_VIEW)


def _load(warehouse: DuckDbWarehouse, touches: Path, conversions: Path) -> None:
    connection = warehouse.connection
    load(
        connection,
        "touches_in",
        touches,
        [filled("event_id"), filled("customer_id"), instant("touch_tstamp"), filled("channel"), named_once("event_id")],
        optional=("campaign", "source", "medium"),
    )
    load(
        connection,
        "conversions_in",
        conversions,
        [filled("event_id"), filled("customer_id"), instant("conversion_tstamp"), amount("revenue"), named_once("event_id")],
    )
    connection.execute(
        f"""INSERT INTO sessions BY NAME
        SELECT '{SITE}' AS site_id, event_id AS session_id, customer_id AS visitor_id, channel, source, medium, campaign,
            touch_tstamp::timestamptz::timestamp AS started_at, started_at AS last_hit_at, started_at::date AS day,
            lower(channel) = 'direct' OR coalesce(source, '') = '(direct)' OR coalesce(medium, '') = '(none)' AS is_direct
        FROM touches_in
        QUALIFY row_number() OVER (PARTITION BY event_id ORDER BY touch_tstamp) = 1"""
    )
    connection.execute(
        f"""INSERT INTO requests BY NAME
        SELECT '{SITE}' AS site_id, event_id AS request_id, customer_id AS visitor_id, 'visitor:' || customer_id AS person_id,
            conversion_tstamp::timestamptz::timestamp AS created_at, created_at::date AS day, FALSE AS is_touch
        FROM conversions_in
        QUALIFY row_number() OVER (PARTITION BY event_id ORDER BY conversion_tstamp) = 1"""
    )
    connection.execute(
        f"""INSERT INTO money_events BY NAME
        SELECT '{SITE}' AS site_id, event_id AS money_event_id, event_id AS request_id,
            coalesce(nullif(trim(revenue), ''), '0')::decimal(18, 2) AS amount
        FROM conversions_in
        QUALIFY row_number() OVER (PARTITION BY event_id ORDER BY conversion_tstamp) = 1"""
    )
    connection.execute("CREATE TEMP TABLE counted AS SELECT request_id, 1e0 AS conversions FROM requests")


def _credit(warehouse: DuckDbWarehouse, site: SiteSettings, transform: str, models: Sequence[str]) -> None:
    values = {**site_values(site), "refresh_id": "attribute"}
    warehouse.connection.execute(bind("UPDATE sessions SET is_significant = coalesce(medium IN :significant_media, FALSE)", values))
    for part, covered in (("part_credit_weights", RULE_MODELS), ("part_marginal_weights", ("marginal",))):
        if set(covered) & set(models):
            warehouse.start(bind(insert(tables.CREDITS, render("credits", transform=transform, weights=part)), values))
    warehouse.connection.execute("DELETE FROM credits WHERE model NOT IN (SELECT unnest(?))", [list(models)])


def _write(warehouse: DuckDbWarehouse, site: SiteSettings, transform: str, models: Sequence[str], out: Path) -> dict[str, int]:
    path_columns = ("event_id", "customer_id", "conversion_tstamp", "revenue", "path", "transformed_path")
    credits = (
        "SELECT request_id AS event_id, model, position, channel, campaign, weight, revenue FROM credits "
        "ORDER BY model, event_id, position"
    )
    campaign_columns = ("model", "channel", "campaign", *TOTALS)
    return {
        "paths": _put(warehouse, site, out, "paths", path_columns, _query("paths", transform)),
        "nonconverting_paths": _put(
            warehouse,
            site,
            out,
            "nonconverting_paths",
            path_columns[1:2] + path_columns[4:],
            _query("nonconverting_paths", transform),
        ),
        "credits": _put(warehouse, site, out, "credits", CREDIT_COLUMNS, credits),
        **_write_channels(warehouse, site, transform, models, out),
        "campaigns": _put(warehouse, site, out, "campaigns", campaign_columns, _query("campaigns", transform)),
    }


def _write_channels(
    warehouse: DuckDbWarehouse, site: SiteSettings, transform: str, models: Sequence[str], out: Path
) -> dict[str, int]:
    warehouse.connection.execute("CREATE OR REPLACE TEMP TABLE models AS SELECT unnest(?) AS model", [list(models)])
    return {"channels": _put(warehouse, site, out, "channels", ("model", "channel", *TOTALS), _query("channels", transform))}


def _put(warehouse: DuckDbWarehouse, site: SiteSettings, out: Path, name: str, columns: Sequence[str], sql: str) -> int:
    rows = warehouse.rows(bind(sql, site_values(site)))
    write_csv(out / f"{name}.csv", columns, rows)
    return len(rows)


def _query(name: str, transform: str) -> str:
    return render_text((Path(__file__).parent / "sql" / f"{name}.sql").read_text(encoding="utf-8"), transform=transform)
