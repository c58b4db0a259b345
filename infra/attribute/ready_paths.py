"""Ready paths (`A > B > C` with how often they led to a sale, what it brought, how often to nothing) → channels, for one fit.

Such paths know neither times nor media. The file is read into lists of coded channels, so that the rule models are a few sums.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from functions.attribution.path_steps import path_parts
from functions.attribution.statements import render_text
from infra.attribute.files import Check, amount, filled, load, plain_channels
from infra.attribute.fit import work_of
from infra.attribute.options import Options
from infra.attribute.out import Attributed, load_spend, refuse_file, write_channels, write_effects
from infra.attribute.ready_models import by_models
from infra.attribute.touches import DIRECT
from infra.warehouse.duckdb import DuckDbWarehouse
from shared.settings import SiteSettings
from shared.sql import literal

SQL = Path(__file__).parent / "sql"
# What ChannelAttribution's data sets and our own earlier files call the columns.
OTHER_NAMES = {
    "revenue": "value",
    "total_conversions": "conversions",
    "total_conversion_value": "value",
    "total_null": "nulls",
}
_LOST = """SELECT coalesce(sum(conversions), 0) AS conversions, coalesce(sum(gains + losses), 0) AS kopecks
FROM (
    SELECT conversions, gains, losses FROM ready_in
    UNION ALL
    SELECT -conversions, -gains, -losses FROM ready
) AS told"""
_STEP = Check("path", r"regexp_matches('>' || path || '>', '>\s*>')", "has an empty step beside a >")


def _count(column: str) -> Check:
    wrong = f"trim(coalesce({column}, '')) <> '' AND NOT regexp_matches(trim({column}), '^[0-9]{{1,12}}([.][0-9]{{1,6}})?$')"
    return Check(column, wrong, "is no number of paths (0 or more, at most six decimals)")


def attribute_paths(paths: Path, out: Path, options: Options, spend: Path | None = None) -> Attributed:
    """Ready paths → `channels.csv` in `out`, and `removal_effects.csv` where a Markov model is chosen.

    BadInput names every wrong line. Nothing is written then.
    """
    refuse_file(out)
    warehouse = DuckDbWarehouse(out)
    try:
        spent = load_spend(warehouse, spend)
        load_paths(warehouse, paths)
        channels = code_paths(warehouse, options.site)
        given = by_models(warehouse, options.site, options.models)
        lost = warehouse.rows(_LOST)[0]
        rows = {"channels": write_channels(out, options.models, channels, given.brought, spent)}
        rows |= write_effects(out, given.effects, options.fit)
        return Attributed(rows, float(lost["conversions"]), Decimal(lost["kopecks"]).scaleb(-2), _not_met(warehouse, options.site))
    finally:
        warehouse.close()


def load_paths(warehouse: DuckDbWarehouse, paths: Path) -> None:
    """CSV with path, conversions, value and nulls (these two may be missing or empty: 0) → `ready_in`.

    Its columns: number, channels (texts), conversions, nulls, gains and losses (kopecks: the value above and below 0).
    BadInput names every wrong line.
    """
    checks = [
        filled("path"),
        _STEP,
        plain_channels("path"),
        filled("conversions"),
        _count("conversions"),
        amount("value"),
        _count("nulls"),
    ]
    load(warehouse.connection, "paths_in", paths, checks, optional=("value", "nulls"), other_names=OTHER_NAMES)
    warehouse.connection.execute(
        r"""CREATE OR REPLACE TEMP TABLE ready_in AS
        SELECT number, list_transform(string_split(path, '>'), lambda name: trim(name, e' \t\n\f\r')) AS channels,
            trim(conversions)::decimal(18, 6) AS conversions, coalesce(nullif(trim(nulls), ''), '0')::decimal(18, 6) AS nulls,
            greatest(kopecks, 0) AS gains, least(kopecks, 0) AS losses
        FROM (SELECT *, (coalesce(nullif(trim(value), ''), '0')::decimal(18, 2) * 100)::bigint AS kopecks FROM paths_in)"""
    )
    warehouse.connection.execute("DROP TABLE paths_in")


def code_paths(warehouse: DuckDbWarehouse, site: SiteSettings) -> list[str]:
    """`ready_in` → `ready`: the paths as the options let them count, with coded channels; a path left with nothing stays behind.

    Gives the channels of these paths, sorted.
    """
    connection, told = warehouse.connection, site.attribution
    if told.excluded_channels or told.lookback_touches or told.path_transforms:
        text = (SQL / "ready_steps.sql").read_text(encoding="utf-8")
        warehouse.start(work_of(warehouse, site).bind(render_text(text, direct=DIRECT, **path_parts(site))))
    else:
        connection.execute("CREATE OR REPLACE TEMP VIEW ready_left AS SELECT * FROM ready_in")
    names = [row[0] for row in connection.execute("SELECT DISTINCT unnest(channels) FROM ready_left ORDER BY 1").fetchall()]
    connection.execute(f"CREATE TYPE code AS ENUM ({', '.join(map(literal, names or ['']))})")
    connection.execute(
        "CREATE TABLE ready AS SELECT channels::code[] AS channels, conversions, nulls, gains, losses FROM ready_left"
    )
    return names


def _not_met(warehouse: DuckDbWarehouse, site: SiteSettings) -> list[str]:
    met = {row[0] for row in warehouse.connection.execute("SELECT DISTINCT unnest(channels) FROM ready_in").fetchall()}
    return [name for name in site.attribution.excluded_channels if name not in met]
