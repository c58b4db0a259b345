"""The snapshot of a page with 100,000 deals: how long it takes, how much memory, and how big its files are (docs/scale.md).

Marts are made by the engine itself; then another process makes the snapshot, so that peak memory is that of the snapshot, DuckDB's
own part within a bound.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from functions.report.marts.questions import Period
from functions.report.snapshot.snapshot import packed, snapshot_of
from functions.report.store import Refresh
from infra.warehouse.duckdb import DuckDbWarehouse
from shared.models import PATH_MODELS
from shared.settings import published
from tests.bench.big_lake import SITE
from tests.bench.walk import Figure, a_site, figure, open_lake, peak_bytes

ROOT = Path(__file__).parents[2]
DEALS = 100_000
VISITS_A_DEAL = 10
DAYS = 400
LAST = date(2026, 11, 22)
ENGINE_BYTES = 400_000_000
MOST_SECONDS = 1200
# What the report's function may take: 900 s and 1024 MB for everything (template.yaml).
BUDGET_SECONDS, BUDGET_GB, BUDGET_FILE_MB = 300.0, 0.9, 3.0
ONE_TOUCH = ("first", "last", "last_non_direct", "last_significant")
Told = dict[str, Any]


def figures(deals: int = DEALS) -> list[Figure]:
    """Time, memory and sizes."""
    with tempfile.TemporaryDirectory(prefix="skvoz-bench-") as folder:
        for part in ("fill", "make"):
            told = _child(part, Path(folder), deals)
    size = f"snapshot, {deals:,} deals"
    return [
        figure(f"{size}: made", told["seconds"], "s", "budget", BUDGET_SECONDS),
        figure(f"{size}: made, CPU", told["cpu_seconds"], "s", "all of it", told["seconds"]),
        figure(
            f"{size}: peak memory, DuckDB's {ENGINE_BYTES / 1e6:.0f} MB in it", told["peak_bytes"] / 1e9, "GB", "budget", BUDGET_GB
        ),
        figure(f"{size}: biggest file packed ({told['biggest']})", told["biggest_bytes"] / 1e6, "MB", "bound", BUDGET_FILE_MB),
        figure(f"{size}: {told['files']:,} files packed", told["packed_bytes"] / 1e6, "MB", "as JSON", told["bytes"] / 1e6),
        figure(f"{size}: read to open a month", told["opening_bytes"] / 1e6, "MB", "all packed", told["packed_bytes"] / 1e6),
    ]


def fill(warehouse: DuckDbWarehouse, deals: int) -> None:
    """Marts of `deals` requests over 400 days, each with a deal and up to four touches, under every model."""
    con = warehouse.connection
    begin = LAST - timedelta(days=DAYS - 1)
    place = """['Yandex Direct', 'Google Ads', 'VK Ads', 'Organic search', 'direct', 'Referral'][k % 6 + 1] AS channel,
        ['yandex', 'google', 'vk', 'yandex', '(direct)', 'otzovik.example'][k % 6 + 1] AS source, 'cpc' AS medium,
        CASE WHEN k % 6 < 3 THEN 'campaign ' || k % 97 END AS campaign, CASE WHEN k % 6 < 3 THEN 'ad ' || k % 7 END AS content,
        CASE WHEN k % 6 < 3 THEN 'keyword ' || k % 1009 END AS term"""
    con.execute(
        f"""INSERT INTO sessions BY NAME
        SELECT '{SITE}' AS site_id, 's' || n AS session_id, 'v' || n // 4 AS visitor_id, CAST(moment AS date) AS day,
            moment AS started_at, moment + INTERVAL 3 MINUTE AS last_hit_at, {place}, '/page-' || hash(n) % 300 AS landing_path
        FROM (SELECT n, CAST(hash(n * 7) >> 33 AS bigint) AS k,
                DATE '{begin}' + to_seconds(CAST(n * {DAYS * 86_400} // {deals * VISITS_A_DEAL} AS bigint)) AS moment
              FROM range({deals * VISITS_A_DEAL}) AS r (n))"""
    )
    con.execute(
        """INSERT INTO hits BY NAME
        SELECT site_id, session_id || '-' || i AS record_id, day, started_at + to_seconds(i * 90) AS occurred_at, visitor_id,
            'page_view' AS kind, '/section-' || hash(session_id || i) % 40 || '/x' AS page_path
        FROM sessions, range(2) AS r (i)"""
    )
    con.execute(
        f"""INSERT INTO requests BY NAME
        SELECT site_id, 'r' || n AS request_id, started_at + INTERVAL 2 MINUTE AS created_at, day, ['form', 'call'][n % 2 + 1] AS
            contact_channel, 'p' || n % {deals * 2 // 3} AS person_id, visitor_id, 1 AS deals, n % 10 <> 0 AS is_counted,
            n % 10 <> 0 AND n % 3 = 0 AS is_qualified, n % 5 = 1 AS is_disqualified, CASE WHEN n % 4 = 0 THEN 1 ELSE 0 END AS sales,
            CAST(CASE WHEN n % 4 = 0 THEN 1000 + n % 90000 ELSE 0 END AS decimal(18, 2)) AS revenue,
            CASE WHEN n % 4 = 0 THEN CAST(400 + n % 9000 AS decimal(18, 2)) END AS gross_profit,
            'not_determined' AS no_source_reason
        FROM (SELECT *, CAST(substr(session_id, 2) AS bigint) // {VISITS_A_DEAL} AS n FROM sessions
              WHERE CAST(substr(session_id, 2) AS bigint) % {VISITS_A_DEAL} = 0)"""
    )
    con.execute(
        """INSERT INTO deals BY NAME
        SELECT site_id, 'amocrm:' || substr(request_id, 2) AS deal_id, request_id, 'request_id' AS match_method, person_id,
            created_at, day, 'sales' AS pipeline,
            CASE WHEN sales > 0 THEN 'won' ELSE 'working' END AS stage, stage AS meaning, revenue AS amount,
            'RUB' AS currency, CASE WHEN sales > 0 THEN day END AS sale_day, revenue, gross_profit, FALSE AS is_apart,
            'manager ' || hash(request_id) % 30 AS manager, 'branch ' || hash(request_id || 'b') % 5 AS branch,
            'product ' || hash(request_id || 'p') % 20 AS product, 3 AS communications
        FROM requests"""
    )
    con.execute(
        f"""INSERT INTO paths BY NAME
        SELECT r.site_id, r.request_id, s.session_id AS touch_id, r.created_at, r.day, s.started_at AS touched_at,
            s.day AS touch_day,
            row_number() OVER (PARTITION BY r.request_id ORDER BY s.started_at) AS position,
            count(*) OVER (PARTITION BY r.request_id) AS path_length, s.channel, s.source, s.medium, s.campaign, s.content, s.term
        FROM requests AS r INNER JOIN range(4) AS k (i) ON i <= CAST(substr(r.request_id, 2) AS bigint) % 4
        INNER JOIN sessions AS s ON s.session_id = 's' || (CAST(substr(r.request_id, 2) AS bigint) * {VISITS_A_DEAL} - i * 3)
        WHERE CAST(substr(r.request_id, 2) AS bigint) % 20 <> 19"""
    )
    for model in PATH_MODELS:
        which = "TRUE" if model not in ONE_TOUCH else "position = 1" if model == "first" else "position = path_length"
        weight = "1e0" if model in ONE_TOUCH else "1e0 / path_length"
        con.execute(
            f"""INSERT INTO credits BY NAME
            SELECT p.site_id, p.request_id, '{model}' AS model, p.touch_id, p.day, p.position, p.path_length, p.touched_at,
                p.channel, p.source, p.medium, p.campaign, p.content, p.term, {weight} AS weight,
                CAST(r.revenue * {weight} AS decimal(18, 2)) AS revenue,
                CAST(r.gross_profit * {weight} AS decimal(18, 2)) AS gross_profit
            FROM paths AS p INNER JOIN requests AS r ON r.request_id = p.request_id WHERE {which}"""
        )
    con.execute(
        """INSERT INTO credit_money BY NAME
        SELECT site_id, request_id, model, touch_id, 'm' || request_id AS money_event_id, day, revenue, gross_profit
        FROM credits WHERE revenue <> 0"""
    )
    con.execute(
        f"""INSERT INTO costs BY NAME
        SELECT '{SITE}' AS site_id, d || '-' || k AS cost_id, CAST(DATE '{begin}' + CAST(d AS integer) AS date) AS day, {place},
            20 + k % 9 AS clicks, 900 AS impressions, CAST(750.123456 AS decimal(18, 6)) AS cost, 'RUB' AS currency
        FROM range({DAYS}) AS r (d), range(300) AS s (k) WHERE k % 6 < 3"""
    )
    con.execute(
        f"""INSERT INTO sources BY NAME
        SELECT DISTINCT '{SITE}' AS site_id, channel AS entry_key, channel, source, medium, FALSE AS is_direct, TRUE AS is_ad
        FROM sessions"""
    )


def make(warehouse: DuckDbWarehouse) -> Told:
    """The snapshot of the last 30 days' report."""
    noon = datetime(LAST.year, LAST.month, LAST.day, 12, tzinfo=UTC) + timedelta(days=1)
    began, burned = time.perf_counter(), time.process_time()
    made = snapshot_of(warehouse, published(a_site()), Period(LAST - timedelta(days=29), LAST), "day", Refresh("1", noon, noon))
    seconds, cpu_seconds = time.perf_counter() - began, time.process_time() - burned
    stored = packed(made)  # as the files are kept: nothing is packed twice
    biggest = max(stored, key=lambda name: len(stored[name]))
    manifest = json.loads(made.files["manifest"])
    month, model = manifest["months"][-2], manifest["model"]
    opening = ("manifest", "places", "dims", f"traffic-{month}", f"results-{model}-request-{month}", manifest["pages"][0]["name"])
    return {
        "seconds": seconds,
        "cpu_seconds": cpu_seconds,
        "peak_bytes": peak_bytes(),
        "files": len(stored),
        "bytes": sum(manifest["files"].values()),
        "packed_bytes": sum(map(len, stored.values())),
        "biggest": biggest,
        "biggest_bytes": len(stored[biggest]),
        "opening_bytes": sum(len(stored[name]) for name in opening),
        "requests": manifest["total_requests"],
    }


def _child(part: str, folder: Path, deals: int) -> Told:
    command = [sys.executable, "-m", "tests.bench.snapshot", part, str(folder), str(deals)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=MOST_SECONDS, check=False)
    if done.returncode:
        raise RuntimeError(f"{part} of {deals:,} deals failed:\n{done.stderr[-3000:]}")
    told: Told = json.loads(done.stdout.splitlines()[-1])
    return told


def _do(part: str, folder: Path, deals: int) -> Told:
    database = folder / "warehouse.duckdb"
    if part == "make":
        warehouse = DuckDbWarehouse(folder, database, memory_bytes=ENGINE_BYTES)
        warehouse.connection.execute("SET enable_progress_bar = false")  # it would stand among the figures
        told = make(warehouse)
    else:
        warehouse, told = open_lake(folder, a_site(), database), {}
        fill(warehouse, deals)
    warehouse.close()
    return told


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="one part of the measurement; prints what it took as JSON")
    parser.add_argument("part", choices=("fill", "make"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("deals", type=int)
    chosen = parser.parse_args()
    print(json.dumps(_do(chosen.part, chosen.folder, chosen.deals)))
