"""Speed of the marts on DuckDB, as ratios to the engine's own floor in the same run (docs/scale.md).

Floor of the marts: sorting the same hits by visitor and time. Floor of reading raw lines: read_json → Parquet copy. What
finding the sources adds is measured in classification.py, on the same raw lines.
"""

from __future__ import annotations

import json
import time
from pathlib import Path

from functions.attribution.ddl import create_statements
from functions.attribution.refresh import encode_rule
from functions.attribution.rules import rule_rows
from functions.attribution.steps import STEPS
from functions.attribution.work import Work
from functions.attribution.working_tables import STAGED
from infra.warehouse.duckdb import DuckDbWarehouse
from shared.records import HIT
from shared.settings import SiteSettings, parse_settings
from tests.bench import classification
from tests.bench.big_lake import SITE, make_hits, more_hits, stage_deals, write_raw_hits

Figure = dict[str, object]
RAW_LINES = 2_000_000  # at most: a line takes 770 bytes
STAGING = {"hits", *(t.name for t in STAGED.values())}
JUDGED = ("sources", "excluded_visitors")
VISITS = (*JUDGED, "sessions")


def figures(folder: Path, hits: int, deals: int) -> list[Figure]:
    """All figures of this module; `folder` keeps the made hits between runs."""
    parquet = make_hits(folder, hits)
    site = parse_settings({"site_id": SITE, "name": SITE, "hosts": ["shop.example"]})
    warehouse = _warehouse(folder / "root", site, f"CREATE TABLE hits AS SELECT * FROM read_parquet('{parquet}')")
    stage_deals(warehouse.connection, deals)
    floors = [_timed(warehouse, "CREATE OR REPLACE TEMP TABLE sorted AS SELECT * FROM hits ORDER BY visitor_id, occurred_at")]
    first = _walk(warehouse, site, "1", "")
    floors.append(_timed(warehouse, "CREATE OR REPLACE TEMP TABLE sorted AS SELECT * FROM hits ORDER BY visitor_id, occurred_at"))
    warehouse.connection.execute("DROP TABLE sorted")
    floor = sum(floors) / len(floors)
    more_hits(warehouse.connection, hits // 90, deals // 90)
    following = _walk(warehouse, site, "2", "1")
    warehouse.close()
    total, visits, judged = sum(first.values()), sum(first[s] for s in (*VISITS, "credits")), sum(first[s] for s in JUDGED)
    peer = "sorting those hits by visitor and time"
    return [
        _figure(f"marts: {hits:,} hits, {deals:,} deals, all steps after staging, first run", total, peer, floor),
        _figure(f"marts: of these sources, sessions and credits ({hits:,} hits)", visits, peer, floor),
        _figure(f"marts: of these sources and excluded_visitors ({hits:,} hits)", judged, "all other steps", total - judged),
        _figure("marts: refresh of the next day (1/90 more hits and deals)", sum(following.values()), "first run", total),
        *_raw_lines(folder, site, min(hits, RAW_LINES)),
    ]


def _raw_lines(folder: Path, site: SiteSettings, lines: int) -> list[Figure]:
    """The raw lines that become hits, against DuckDB's own copy of them, by turns; then what classification adds."""
    raw = write_raw_hits(folder / "raw-root", lines)
    warehouse = _warehouse(folder / "raw-root", site)
    spec = json.dumps({c.name: c.type.upper() for c in HIT.columns}).replace('"', "'")
    read = f"read_json('{raw}', columns = {spec}, format = 'newline_delimited')"
    copy = f"COPY (SELECT * FROM {read}) TO '{folder}/copy.parquet' (FORMAT parquet)"
    step = next(s for s in STEPS if s.name == "hits")
    work = Work(warehouse, site, "1", "", "2026/01/01", "2026/12/31")
    floors, taken = [], []
    for _ in range(3):
        floors.append(_timed(warehouse, copy))
        warehouse.connection.execute("DELETE FROM hits")
        began = time.perf_counter()
        for part in step.plan(work):
            warehouse.start(step.statement(work, part))
        taken.append(time.perf_counter() - began)
    name = f"raw JSON lines → hits mart, {lines:,} lines (best of 3)"
    found = [_figure(name, min(taken), "read_json → Parquet copy", min(floors)), *classification.figures(warehouse, site, lines)]
    warehouse.close()
    return found


def _walk(warehouse: DuckDbWarehouse, site: SiteSettings, refresh_id: str, since: str) -> dict[str, float]:
    """Seconds per step, staging left out."""
    work = Work(warehouse, site, refresh_id, since, "2026/01/01", "2026/12/31")
    seconds = {}
    for step in (s for s in STEPS if s.name not in STAGING):
        began = time.perf_counter()
        parts = step.plan(work)
        while parts:
            part, *parts = parts
            warehouse.start(step.statement(work, part))
            again = step.again(work, part)
            parts = [again, *parts] if again else parts
        seconds[step.name] = time.perf_counter() - began
    return seconds


def _warehouse(root: Path, site: SiteSettings, hits: str | None = None) -> DuckDbWarehouse:
    warehouse = DuckDbWarehouse(root)
    for statement in create_statements("duckdb", ""):
        if hits is not None and " hits (" in statement:
            statement = hits
        warehouse.connection.execute(statement)
    for name, rows in rule_rows([site]).items():
        warehouse.write_rules(name, [encode_rule(name, row) for row in rows])
    return warehouse


def _timed(warehouse: DuckDbWarehouse, sql: str) -> float:
    began = time.perf_counter()
    warehouse.connection.execute(sql)
    return time.perf_counter() - began


def _figure(name: str, value: float, peer: str, peer_value: float) -> Figure:
    return {
        "name": name,
        "value": round(value, 3),
        "unit": "s",
        "peer": f"{peer}: {peer_value:.3f} s",
        "ratio": round(value / peer_value, 3),
    }
