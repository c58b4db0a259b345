"""Ready touches and conversions as the marts' own tables in memory: every conversion is a request with its sale.

Direct is what carries the channel `Direct` or `(direct)`, the source `(direct)` or the medium `(none)`.
"""

from __future__ import annotations

from pathlib import Path

from functions.attribution import path_tables, tables
from functions.attribution.statements import create_table
from functions.attribution.work import site_values
from infra.attribute.files import amount, filled, instant, load, named_once, plain_channels
from infra.attribute.options import SITE
from infra.warehouse.duckdb import DuckDbWarehouse
from shared.settings import SiteSettings
from shared.sql import bind

DIRECT = "('direct', '(direct)')"
# A repeated line counts once; `named_once` has refused lines of one id that differ.
_ONCE = "QUALIFY row_number() OVER (PARTITION BY event_id ORDER BY number) = 1"
_SESSIONS = f"""INSERT INTO sessions BY NAME
SELECT '{SITE}' AS site_id, event_id AS session_id, customer_id AS visitor_id, channel, source, medium, campaign,
    touch_tstamp::timestamptz::timestamp AS started_at, started_at AS last_hit_at, started_at::date AS day,
    lower(trim(channel)) IN {DIRECT} OR coalesce(source, '') = '(direct)' OR coalesce(medium, '') = '(none)' AS is_direct,
    coalesce(lower(trim(medium)) IN :media, FALSE) AS is_significant
FROM touches_in {_ONCE}"""
_REQUESTS = f"""INSERT INTO requests BY NAME
SELECT '{SITE}' AS site_id, event_id AS request_id, customer_id AS visitor_id, 'visitor:' || customer_id AS person_id,
    conversion_tstamp::timestamptz::timestamp AS created_at, created_at::date AS day, FALSE AS is_touch, TRUE AS is_counted,
    1 AS sales
FROM conversions_in {_ONCE}"""
_MONEY = f"""INSERT INTO money_events BY NAME
SELECT '{SITE}' AS site_id, event_id AS money_event_id, event_id AS request_id,
    coalesce(nullif(trim(revenue), ''), '0')::decimal(18, 2) AS amount
FROM conversions_in {_ONCE}"""
# Who converted is a person: the paths that lead to nothing are those of the others.
_PERSONS = f"""INSERT INTO persons BY NAME
SELECT DISTINCT '{SITE}' AS site_id, 'visitor' AS key_kind, visitor_id AS key, person_id, FALSE AS is_hub FROM requests"""


def load_touches(warehouse: DuckDbWarehouse, site: SiteSettings, touches: Path, conversions: Path) -> None:
    """CSV files → sessions, requests, persons and money_events; the other tables stand empty. BadInput names every wrong line."""
    connection = warehouse.connection
    load(
        connection,
        "touches_in",
        touches,
        [
            filled("event_id"),
            filled("customer_id"),
            instant("touch_tstamp"),
            filled("channel"),
            plain_channels("channel"),
            named_once("event_id"),
        ],
        optional=("campaign", "source", "medium"),
    )
    load(
        connection,
        "conversions_in",
        conversions,
        [filled("event_id"), filled("customer_id"), instant("conversion_tstamp"), amount("revenue"), named_once("event_id")],
    )
    for table in (*tables.MARTS, *path_tables.PATH_WORKING):
        connection.execute(create_table(table, "duckdb", ""))
    media = [medium.lower() for medium in site.attribution.significant_media]
    for statement in (_SESSIONS, _REQUESTS, _MONEY, _PERSONS):
        connection.execute(bind(statement, {**site_values(site), "media": media}))
