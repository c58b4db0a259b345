"""A big lake for the benchmarks, made by the engine itself: hits as Parquet or raw lines; the next day's hits on top of them.

Visits come from 24,000 combinations of marks and referrers with a long tail, hits from 3,000 user agents. In a hundred hits eight
are robots', half a one has a spam referrer, and some visitors are too fast for reading. Requests, deals and costs: big_crm.py.
"""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import NamedTuple

import duckdb

from shared.robots import verdict_of
from tests.bench.agents import AGENTS, ROBOT_PERCENT, agents

SITE = "bench"
BEGIN = "2026-07-01"
DAYS = 90
RAW_DAYS = 30
KEYS = 24_000
FAST_PAGES = 80  # page views of a fast robot within a minute
HITS_A_FAST_ROBOT = 25_000  # one of them per so many hits
# Marks of the long tail, by the place of a key: (utm_source, utm_medium, click id name, referrer, utm_campaign).
_TAIL = (
    ("yandex", "cpc", "yclid", "https://yandex.ru/", "poisk-{i}"),
    ("Yandex.Direct", "CPC", "yclid", "https://yandex.kz/", "rsya-{i}"),
    ("ya", "cpm", "", "https://an.yandex.ru/", "media-{i}"),
    ("vk", "cpc", "rb_clickid", "https://vk.com/", "promo-{i}"),
    ("google", "cpc", "gclid", "https://www.google.com/", "search-{i}"),
    ("", "", "", "https://site-{i}.example/page", ""),
    ("", "", "", "https://forum.town-{i}.ru/topic/{i}", ""),
    ("", "", "", "https://news.blog-{i}.co.uk/?p={i}", ""),
    ("partner-{i}", "referral", "", "https://partner-{i}.example/", ""),
    ("newsletter", "email", "", "", "mailing-{i}"),
    ("tg-channel-{i}", "post", "", "https://t.me/", ""),
    ("", "", "", "android-app://com.app{i}.android/", ""),
)
_HEAD = (
    ("yandex", "cpc", "yclid", "https://yandex.ru/", "poisk"),
    ("", "", "", "https://yandex.ru/search/?text=%D1%82%D0%B5%D0%BF%D0%BB%D1%8B%D0%B9+%D0%BF%D0%BE%D0%BB", ""),
    ("", "", "", "https://www.google.com/", ""),
    ("", "", "", "https://www.google.co.uk/search?q=floor", ""),
    ("vk", "cpc", "rb_clickid", "https://vk.com/", "promo"),
    ("", "", "", "https://yandex.ru/maps/213/moscow/", ""),
    ("", "", "", "https://100dollars-seo.com/", ""),
    ("", "", "", "https://chatgpt.com/", ""),
)


def uuid_of(expression: str) -> str:
    """A UUID-like text made of a number."""
    return f"CAST(CAST(md5(CAST({expression} AS varchar)) AS uuid) AS varchar)"


class Visits(NamedTuple):
    """`count` visits from `first` on, in the days from `since` on; `visitor` is a number made of `i` and its hash `g`."""

    first: int
    count: int
    since: str
    days: int
    visitor: str
    fast: int  # fast robots of FAST_PAGES page views each
    first_fast: int


def _base(hits: int, days: int) -> Visits:
    """About four hits a visit, six visits a heavy visitor."""
    visits = hits // 4
    visitor = f"hash(i * 13 + 5) % ({visits} * 2 // 3)"
    return Visits(0, visits, BEGIN, days, visitor, max(1, hits // HITS_A_FAST_ROBOT), hits)


def _next_day(hits: int, days: int) -> Visits:
    """The day after `_base`, with its part of the hits: a third of the visits are of visitors who have been there."""
    base, visits = _base(hits, days), hits // days // 4
    known, new = base.count * 2 // 3, base.count * 2
    visitor = f"CASE WHEN (hash(i * 13 + 5) >> 50) % 3 = 0 THEN hash(i * 17) % {known} ELSE {new} + hash(i * 19) % {visits} END"
    first_fast = base.first_fast + base.fast * FAST_PAGES
    fast = max(1, base.fast // days)
    return Visits(first_fast // 4 + fast * FAST_PAGES, visits, next_day(days), 1, visitor, fast, first_fast)


def next_day(days: int = DAYS) -> str:
    """The day that the first refresh of a lake of `days` days does not know."""
    return (date.fromisoformat(BEGIN) + timedelta(days)).isoformat()


def _visits_sql(made: Visits) -> str:
    """CTEs up to `each_hit`: four hits a visit, and fast robots' page views beside them. Of a day that follows others, one visit in
    a hundred was held back by its browser and is up to three days old."""
    begin = f"TIMESTAMP '{made.since}'"
    late = f"CASE WHEN {made.days} = 1 AND (g >> 40) % 100 = 0 THEN 1 + (g >> 44) % 3 ELSE 0 END"
    return f"""
        visits AS (
            SELECT i AS visit, hash(i * 7 + 1) AS h, hash(i * 13 + 5) AS g, ({made.visitor}) AS visitor
            FROM range({made.first}, {made.first + made.count}) AS r (i)
        ), placed AS (
            SELECT visit, h, g, visitor,
                -- Day after day, as hits arrive.
                {begin} + to_days(CAST((visit - {made.first}) * {made.days} // {made.count} - {late} AS integer))
                    + to_seconds(CAST(h % 86400 AS bigint)) AS started,
                -- A sixth come by the few links that bring most, a fifth by none, the others by the long tail.
                CASE (g >> 20) % 6
                    WHEN 0 THEN NULL WHEN 1 THEN CAST((g >> 30) % 8 AS bigint)
                    ELSE CAST(floor({KEYS} * power(((g >> 24) % 1000003) / 1000003.0, 2)) AS bigint)
                END AS key_place,
                CASE
                    WHEN hash(visitor) % 100 < {ROBOT_PERCENT} THEN hash(visitor * 3) % ({AGENTS} * {ROBOT_PERCENT} // 100)
                    ELSE {AGENTS} * {ROBOT_PERCENT} // 100 + CAST(floor({AGENTS} * (100 - {ROBOT_PERCENT}) // 100
                        * power((hash(visitor * 5) % 1000003) / 1000003.0, 3)) AS bigint)
                END AS agent_place
            FROM visits
        ), each_hit AS (
            SELECT visit * 4 + n AS number, visitor, n, h, key_place, agent_place,
                started + to_seconds(CAST(n * (20 + (g >> 9) % 200) AS bigint))
                    + to_milliseconds(CAST((h >> 7) % 1000 AS bigint)) AS moment
            FROM placed, range(4) AS k (n)
            UNION ALL
            SELECT {made.first_fast} + i, {made.first + made.count} + i // {FAST_PAGES}, 1, hash(i), NULL,
                {AGENTS} * {ROBOT_PERCENT} // 100,
                {begin} + to_hours(CAST(i // {FAST_PAGES} AS bigint) % ({made.days} * 24))
                    + to_milliseconds(CAST(i % {FAST_PAGES} AS bigint) * 700)
            FROM range({made.fast * FAST_PAGES}) AS r (i)
        )"""


def _connect() -> duckdb.DuckDBPyConnection:
    """With the tables `entries` (marks by place) and `agents`."""
    con = duckdb.connect()
    con.execute("SET preserve_insertion_order = false")
    con.execute("CREATE TABLE agents (place BIGINT, user_agent VARCHAR, agent_verdict VARCHAR)")
    judged = [(place, agent, verdict_of(agent)) for place, agent in agents()]
    con.execute("INSERT INTO agents SELECT unnest(?), unnest(?), unnest(?)", [list(column) for column in zip(*judged, strict=True)])
    rows = [_HEAD[i] if i < len(_HEAD) else tuple(t.replace("{i}", str(i)) for t in _TAIL[i % len(_TAIL)]) for i in range(KEYS)]
    con.execute(
        """CREATE TABLE entries (
            place BIGINT, utm_source VARCHAR, utm_medium VARCHAR, click_id_name VARCHAR, referrer VARCHAR, utm_campaign VARCHAR)"""
    )
    columns = list(zip(*((i, *(text or None for text in row)) for i, row in enumerate(rows)), strict=True))
    con.execute("INSERT INTO entries SELECT " + ", ".join(["unnest(?)"] * 6), [list(column) for column in columns])
    con.execute("ALTER TABLE entries ADD COLUMN referrer_host VARCHAR")
    con.execute("UPDATE entries SET referrer_host = replace(regexp_extract(referrer, '^[a-z-]+://([^/?]+)', 1), 'www.', '')")
    return con


def make_hits(folder: Path, hits: int, days: int = DAYS) -> tuple[Path, Path]:
    """`hits` rows of the mart and the fast robots' on top, and those of the next day; made once and kept."""
    base, following = folder / f"hits-{hits}.parquet", folder / f"hits-{hits}-next.parquet"
    if not following.exists():
        folder.mkdir(parents=True, exist_ok=True)
        _write_hits(base, _base(hits, days), "0")
        _write_hits(following, _next_day(hits, days), "2")
    return base, following


def _write_hits(path: Path, made: Visits, refresh_id: str) -> None:
    con = _connect()
    con.execute(
        f"""COPY (
        WITH {_visits_sql(made)}
        SELECT '{SITE}' AS site_id, {uuid_of("number")} AS record_id,
            CAST(moment + INTERVAL 3 HOUR AS date) AS day, moment AS occurred_at,
            greatest(moment, TIMESTAMP '{made.since}') AS received_at,
            {uuid_of("-visitor - 1")} AS visitor_id, 'page_view' AS kind,
            CASE WHEN agent_place < {AGENTS} * {ROBOT_PERCENT} // 100 THEN 'bot' END AS excluded,
            CASE WHEN n = 0 AND e.place IS NOT NULL
                THEN lower(coalesce(utm_source, '') || '|' || coalesce(utm_medium, '') || '|' || coalesce(click_id_name, '') || '|'
                    || CASE
                    WHEN referrer LIKE 'android-app:%' THEN 'app:' || referrer_host
                    WHEN referrer LIKE '%/maps/%' THEN referrer_host || '/maps' ELSE coalesce(referrer_host, '')
                END || '|' || coalesce(utm_campaign, ''))
            END AS entry_key,
            CASE WHEN n = 0 THEN utm_campaign END AS campaign, NULL::varchar AS content, NULL::varchar AS term,
            CASE WHEN n = 0 AND click_id_name IS NOT NULL THEN CAST(h AS varchar) END AS click_id,
            CASE WHEN n = 0 AND strpos(referrer, '?') > 0 THEN split_part(referrer, '?', 2) END AS referrer_query,
            'shop.example' AS page_host, '/catalog/item-' || (h >> (n * 3)) % 500 AS page_path,
            'RU' AS country, NULL::varchar AS region, NULL::varchar AS city, '{refresh_id}' AS refresh_id
        FROM each_hit AS i LEFT JOIN entries AS e ON e.place = i.key_place
        ) TO '{path}' (FORMAT parquet)"""
    )
    con.close()


def write_raw_hits(root: Path, lines: int) -> Path:
    """About `lines` raw hits of one arrival day as the collector writes them, in one file under `root/raw/hit`."""
    path = root / "raw" / "hit" / "2026" / "07" / "01" / "00" / "part.jsonl"
    if path.exists():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    con = _connect()
    con.execute(
        f"""COPY (
        WITH {_visits_sql(_base(lines, RAW_DAYS))}
        SELECT {uuid_of("number")} AS record_id, '{SITE}' AS site_id,
            strftime(moment, '%Y-%m-%d %H:%M:%S.%g') AS occurred_at, occurred_at AS received_at,
            'tracker' AS via, 'page_view' AS kind, {uuid_of("-visitor - 1")} AS visitor_id,
            'https://shop.example/catalog/item-' || h % 500 || CASE WHEN n = 0 AND utm_source IS NOT NULL
                THEN '?utm_source=' || utm_source || '&utm_medium=' || utm_medium || coalesce('&utm_campaign=' || utm_campaign, '')
                ELSE '' END AS page_url,
            'shop.example' AS page_host, '/catalog/item-' || h % 500 AS page_path, 'Catalogue' AS page_title,
            CASE WHEN n = 0 THEN referrer ELSE 'https://shop.example/catalog/item-' || (h >> 3) % 500 END AS referrer,
            CASE WHEN n = 0 THEN referrer_host ELSE 'shop.example' END AS referrer_host,
            CASE WHEN n = 0 THEN utm_source END AS utm_source, CASE WHEN n = 0 THEN utm_medium END AS utm_medium,
            CASE WHEN n = 0 THEN utm_campaign END AS utm_campaign,
            CASE WHEN n = 0 THEN click_id_name END AS click_id_name,
            CASE WHEN n = 0 AND click_id_name IS NOT NULL THEN CAST(h AS varchar) END AS click_id,
            user_agent, agent_verdict, 'ru-RU' AS language, '1920x1080' AS screen, '203.0.113.0' AS ip_masked
        FROM each_hit AS i
        LEFT JOIN entries AS e ON e.place = i.key_place
        LEFT JOIN agents AS a ON a.place = i.agent_place
        ) TO '{path}' (FORMAT json)"""
    )
    con.close()
    return path
