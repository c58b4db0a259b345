"""Ready paths (`A > B > C` with how often they converted) → the marts' own tables in memory, as one request a line.

Such paths know neither times nor media, so only the models that need neither apply: see `PATH_MODELS`.
"""

from __future__ import annotations

from pathlib import Path

from infra.attribute.files import Check, amount, filled, load
from infra.warehouse.duckdb import DuckDbWarehouse

PATH_MODELS = ("first", "last", "last_non_direct", "linear", "position")
_COUNT = Check(
    "conversions",
    "NOT coalesce(isfinite(try_cast(conversions AS double)) AND try_cast(conversions AS double) >= 0, FALSE)",
    "is no number of conversions (0 or more)",
)
_STEP = Check("path", "regexp_matches('>' || path || '>', '>\\s*>')", "has an empty step beside a >")


def load_paths(warehouse: DuckDbWarehouse, site_id: str, paths: Path) -> None:
    """CSV with path, conversions and revenue (empty = 0) → sessions, requests, money_events and `counted`.

    BadInput names every wrong line.
    """
    connection = warehouse.connection
    load(connection, "paths_in", paths, [filled("path"), _STEP, _COUNT, amount("revenue")])
    connection.execute(
        f"""INSERT INTO sessions BY NAME
        SELECT '{site_id}' AS site_id, number || ':' || lpad(n::varchar, 6, '0') AS session_id, number::varchar AS visitor_id,
            trim(channel) AS channel, TIMESTAMP '2000-01-01' + to_seconds(n) AS started_at, started_at AS last_hit_at,
            DATE '2000-01-01' AS day, lower(trim(channel)) IN ('direct', '(direct)') AS is_direct
        FROM (
            SELECT number, unnest(string_split(path, '>')) AS channel, generate_subscripts(string_split(path, '>'), 1) AS n
            FROM paths_in
        )"""
    )
    connection.execute(
        f"""INSERT INTO requests BY NAME
        SELECT '{site_id}' AS site_id, number::varchar AS request_id, request_id AS visitor_id, 'visitor:' || number AS person_id,
            TIMESTAMP '2000-01-01 23:59:59' AS created_at, DATE '2000-01-01' AS day, FALSE AS is_touch
        FROM paths_in"""
    )
    connection.execute(
        f"""INSERT INTO money_events BY NAME
        SELECT '{site_id}' AS site_id, number::varchar AS money_event_id, money_event_id AS request_id,
            coalesce(nullif(trim(revenue), ''), '0')::decimal(18, 2) AS amount
        FROM paths_in"""
    )
    connection.execute(
        "CREATE TEMP TABLE counted AS SELECT number::varchar AS request_id, conversions::double AS conversions FROM paths_in"
    )
