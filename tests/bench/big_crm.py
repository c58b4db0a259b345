"""Requests, deals, payments and costs of the big lake, as staged tables: those known by a moment, and those of the next day.

A deal goes through four states in about twelve days, so that on any day some are new, some move and some are won or lost.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

from tests.bench.big_lake import BEGIN, DAYS, SITE, next_day, uuid_of

COST_LINES_A_DAY = 100
# Hours from the deal's creation to each state; half a day of chance on top.
_STATES = (
    (0, "'unsorted'"),
    (26, "'working'"),
    (5 * 24, "'qualified'"),
    (12 * 24, "CASE WHEN n % 3 = 0 THEN 'won' ELSE 'lost' END"),
)


def stage_deals(con: duckdb.DuckDBPyConnection, deals: int, days: int = DAYS) -> None:
    """`deals` requests of visitors who came, each with a deal, and costs: all that was told before the lake's last day ended."""
    con.execute("CREATE TABLE buyers (visitor_id varchar, moment timestamp, n bigint)")
    _ask(con, deals, "excluded IS NULL")
    _tell(con, "2000-01-01", next_day(days), "0")
    _spend(con, BEGIN, days, "0")


def stage_next_day(con: duckdb.DuckDBPyConnection, hits: Path, deals: int, days: int = DAYS) -> None:
    """The day after: its hits (made by big_lake), a ninetieth of the requests more, and what became of deals that day."""
    con.execute("INSERT INTO hits BY NAME SELECT * FROM read_parquet(?)", [str(hits)])
    _ask(con, deals // days, f"excluded IS NULL AND refresh_id = '2' AND occurred_at >= TIMESTAMP '{next_day(days)}'")
    _tell(con, next_day(days), next_day(days + 1), "2")
    _spend(con, next_day(days), 1, "2")


def _ask(con: duckdb.DuckDBPyConnection, count: int, which: str) -> None:
    """`count` visitors ask for something in the last of their visits."""
    con.execute(
        f"""INSERT INTO buyers
        SELECT visitor_id, max(occurred_at) + INTERVAL 20 SECOND,
            (SELECT count(*) FROM buyers) + row_number() OVER (ORDER BY visitor_id)
        FROM hits WHERE {which} GROUP BY visitor_id ORDER BY visitor_id LIMIT {count}"""
    )


def _tell(con: duckdb.DuckDBPyConnection, since: str, until: str, refresh_id: str) -> None:
    """What requests and deals told from `since` to `until` (days). A visitor keeps his phone and his place in the CRM; a fifth of
    the won deals is paid in two parts, so that money comes both from payments and from states."""
    person = "left(md5(visitor_id), 12)"
    within = f">= TIMESTAMP '{since}' AND told < TIMESTAMP '{until}'"
    con.execute(
        f"""INSERT INTO request_records BY NAME
        SELECT {uuid_of("n * 10 + 1")} AS record_id, '{SITE}' AS site_id, moment AS occurred_at,
            moment AS received_at, 'tracker' AS via, 'Q' || n AS request_id, 'form' AS contact_channel, visitor_id,
            'p' || {person} AS phone_hash, '{refresh_id}' AS refresh_id
        FROM (SELECT *, moment AS told FROM buyers) WHERE told {within}"""
    )
    states = ", ".join(f"({place}, {hours})" for place, (hours, _) in enumerate(_STATES))
    stage = " ".join(f"WHEN {place} THEN {text}" for place, (_, text) in enumerate(_STATES))
    told = "moment + INTERVAL 2 MINUTE + to_hours(hours) + to_seconds(CASE WHEN hours = 0 THEN 0 ELSE hash(n * 5 + s) % 43200 END)"
    con.execute(
        f"""INSERT INTO crm_events BY NAME
        SELECT {uuid_of("n * 10 + 2 + s")} AS record_id, '{SITE}' AS site_id, told AS occurred_at,
            told AS received_at, 'crm' AS via, 'generic' AS provider, 'D' || n AS deal_id, CASE s {stage} END AS stage,
            CAST(1000 + n % 90000 AS decimal(18, 2)) AS amount, 'RUB' AS currency, CASE WHEN s = 0 THEN 'Q' || n END AS request_id,
            'p' || {person} AS phone_hash, 'C' || {person} AS contact_id, '{refresh_id}' AS refresh_id
        FROM (SELECT *, {told} AS told FROM buyers, (VALUES {states}) AS k (s, hours)) WHERE told {within}"""
    )
    con.execute(
        f"""INSERT INTO payments BY NAME
        SELECT {uuid_of("n * 10 + 8 + part")} AS record_id, '{SITE}' AS site_id, told AS occurred_at, told AS received_at,
            'crm' AS via, 'generic' AS provider, 'D' || n AS deal_id, 'M' || n || '-' || part AS payment_id,
            CAST(CASE part WHEN 0 THEN 300 ELSE 700 + n % 90000 END AS decimal(18, 2)) AS amount, 'RUB' AS currency,
            '{refresh_id}' AS refresh_id
        FROM (
            SELECT *, moment + to_days(CAST(part * 10 + 8 AS integer)) AS told FROM buyers, range(2) AS k (part) WHERE n % 15 = 0
        ) WHERE told {within}"""
    )


def _spend(con: duckdb.DuckDBPyConnection, since: str, days: int, refresh_id: str) -> None:
    con.execute(
        f"""INSERT INTO cost_lines BY NAME
        SELECT {uuid_of("1000000000000 + (day - DATE '2020-01-01') * 1000 + i")} AS record_id, '{SITE}' AS site_id,
            CAST(day AS timestamp) + INTERVAL 1 DAY AS occurred_at, occurred_at AS received_at, 'file' AS via,
            'direct/' || day AS scope, 'import/' || day AS import_id, FALSE AS is_scope_mark, 'direct' AS account, day,
            'yandex' AS utm_source, 'cpc' AS utm_medium, 'poisk-' || i * 12 AS utm_campaign, 5 + i % 7 AS clicks,
            100 * (5 + i % 7) AS impressions, CAST(37 * (5 + i % 7) AS decimal(18, 6)) AS cost, 'RUB' AS currency,
            TRUE AS is_vat_included, CAST(20 AS decimal(5, 2)) AS vat_percent,
            'yandex|cpc|||poisk-' || i * 12 AS source_key, '{refresh_id}' AS refresh_id
        FROM (SELECT CAST(DATE '{since}' + CAST(d AS integer) AS date) AS day FROM range({days}) AS r (d)),
            range({COST_LINES_A_DAY}) AS k (i)"""
    )
