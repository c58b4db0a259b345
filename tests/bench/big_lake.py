"""A big lake for the benchmarks, made by the engine itself: hits as Parquet, requests and deals as staged tables."""

from __future__ import annotations

from pathlib import Path

import duckdb

SITE = "bench"
_AGENT = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36"


def _uuid(expression: str) -> str:
    """A UUID-like text made of a number."""
    return f"CAST(CAST(md5(CAST({expression} AS varchar)) AS uuid) AS varchar)"


def make_hits(folder: Path, hits: int, days: int = 90) -> Path:
    """`hits` rows as `hits.parquet` (about four hits a visit, six visits a heavy visitor), made once and kept."""
    path = folder / f"hits-{hits}.parquet"
    if path.exists():
        return path
    folder.mkdir(parents=True, exist_ok=True)
    visits = hits // 4
    con = duckdb.connect()
    con.execute("SET preserve_insertion_order = false")
    con.execute(
        f"""COPY (
        WITH visits AS (
            SELECT i AS visit, hash(i * 7 + 1) AS h, hash(i * 13 + 5) AS g FROM range({visits}) AS r (i)
        ), placed AS (
            SELECT visit, h, (g % ({visits} * 2 // 3)) AS visitor,
                TIMESTAMP '2026-07-01' + to_seconds(CAST(h % ({days} * 86400) AS bigint)) AS started, g
            FROM visits
        ), each_hit AS (
            SELECT p.*, n, started + to_seconds(CAST(n * (20 + (g >> 9) % 200) AS bigint))
                + to_milliseconds(CAST((h >> 7) % 1000 AS bigint)) AS moment
            FROM placed AS p, range(4) AS k (n)
        )
        SELECT '{SITE}' AS site_id, {_uuid("visit * 4 + n")} AS record_id,
            CAST(moment + INTERVAL 3 HOUR AS date) AS day, moment AS occurred_at, moment AS received_at,
            {_uuid("-visitor - 1")} AS visitor_id,
            'page_view' AS kind, NULL::varchar AS excluded,
            CASE WHEN n = 0 THEN CASE (g >> 20) % 5
                WHEN 0 THEN 'yandex|cpc|yclid|yandex.ru' WHEN 1 THEN '|||yandex.ru'
                WHEN 2 THEN 'vk|cpc||vk.com' WHEN 3 THEN '|||google.com' END
            END AS entry_key,
            CASE WHEN n = 0 AND (g >> 20) % 5 IN (0, 2) THEN 'campaign-' || (g >> 25) % 30 END AS campaign,
            NULL::varchar AS content, NULL::varchar AS term,
            CASE WHEN n = 0 AND (g >> 20) % 5 = 0 THEN CAST(h AS varchar) END AS click_id,
            'shop.example' AS page_host, '/catalog/item-' || (h >> (n * 3)) % 500 AS page_path,
            'RU' AS country, NULL::varchar AS region, NULL::varchar AS city, '0' AS refresh_id
        FROM each_hit
        ) TO '{path}' (FORMAT parquet)"""
    )
    con.close()
    return path


def stage_deals(con: duckdb.DuckDBPyConnection, deals: int) -> None:
    """`deals` requests of visitors who came, each with a deal that moves through four states; fills the staged tables."""
    con.execute(
        f"""CREATE TEMP TABLE buyers AS
        SELECT visitor_id, min(occurred_at) + INTERVAL 20 MINUTE AS moment, row_number() OVER (ORDER BY visitor_id) AS n
        FROM hits GROUP BY visitor_id ORDER BY visitor_id LIMIT {deals}"""
    )
    con.execute(
        f"""INSERT INTO request_records BY NAME
        SELECT {_uuid("n * 10 + 1")} AS record_id, '{SITE}' AS site_id, moment AS occurred_at,
            moment AS received_at, 'tracker' AS via, 'Q' || n AS request_id, 'form' AS contact_channel, visitor_id,
            'p' || n AS phone_hash, '0' AS refresh_id
        FROM buyers"""
    )
    con.execute(
        f"""INSERT INTO crm_events BY NAME
        SELECT {_uuid("n * 10 + 2 + s")} AS record_id, '{SITE}' AS site_id,
            moment + to_hours(CAST(s * 30 AS bigint)) AS occurred_at,
            occurred_at AS received_at, 'crm' AS via, 'generic' AS provider, 'D' || n AS deal_id,
            ['unsorted', 'working', 'qualified', CASE WHEN n % 3 = 0 THEN 'won' ELSE 'lost' END][s + 1] AS stage,
            CAST(1000 + n % 90000 AS decimal(18, 2)) AS amount, 'RUB' AS currency,
            CASE WHEN s = 0 THEN 'Q' || n END AS request_id, 'p' || n AS phone_hash, 'C' || n AS contact_id, '0' AS refresh_id
        FROM buyers, range(4) AS k (s)"""
    )


def more_hits(con: duckdb.DuckDBPyConnection, hits: int, deals: int) -> None:
    """The next day on top: `hits` more hits of known and new visitors, and `deals` deals that move on."""
    con.execute(
        f"""INSERT INTO hits
        SELECT * REPLACE (
            record_id || 'n' AS record_id, day + CAST(last_day - day + 1 AS integer) AS day,
            occurred_at + to_days(CAST(last_day - day + 1 AS integer)) AS occurred_at, '2' AS refresh_id)
        FROM (SELECT h.*, (SELECT max(day) FROM hits) AS last_day FROM hits AS h USING SAMPLE {hits} ROWS (reservoir, 7)) AS picked
        """.replace("SELECT * REPLACE (", "SELECT * EXCLUDE (last_day) REPLACE (")
    )
    con.execute(
        f"""INSERT INTO crm_events
        SELECT * REPLACE (record_id || 'n' AS record_id, occurred_at + INTERVAL 40 DAY AS occurred_at, '2' AS refresh_id)
        FROM crm_events WHERE stage IN ('won', 'lost') ORDER BY record_id LIMIT {deals}"""
    )


def write_raw_hits(root: Path, lines: int) -> Path:
    """`lines` raw hits as the collector writes them, in one file under `root/raw/hit`."""
    path = root / "raw" / "hit" / "2026" / "07" / "01" / "00" / "part.jsonl"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        con = duckdb.connect()
        con.execute(
            f"""COPY (
            SELECT {_uuid("i")} AS record_id, '{SITE}' AS site_id,
                strftime(TIMESTAMP '2026-07-01' + to_seconds(CAST(i % 86400 AS bigint)), '%Y-%m-%d %H:%M:%S.%g') AS occurred_at,
                occurred_at AS received_at, 'tracker' AS via, 'page_view' AS kind, {_uuid("-(i // 6) - 1")} AS visitor_id,
                'https://shop.example/catalog/item-' || i % 500 || '?utm_source=yandex&utm_medium=cpc' AS page_url,
                'shop.example' AS page_host, '/catalog/item-' || i % 500 AS page_path, 'Catalogue' AS page_title,
                'https://yandex.ru/' AS referrer, 'yandex.ru' AS referrer_host, 'yandex' AS utm_source, 'cpc' AS utm_medium,
                'campaign-' || i % 30 AS utm_campaign,
                '{_AGENT}' AS user_agent,
                'ru-RU' AS language, '203.0.113.0' AS ip_masked
            FROM range({lines}) AS r (i)
            ) TO '{path}' (FORMAT json)"""
        )
        con.close()
    return path
