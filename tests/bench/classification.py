"""What telling people from robots and finding sources adds to a first refresh, and what the robots matcher costs (docs/scale.md).

The same raw lines become marts with and without it. Left out: robots, places of referrers, `sources` and `excluded_visitors`; all
else is made by the same statements of the same rows. CPU seconds of all threads, so that a busy machine says the same.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial

from functions.attribution.statements import insert
from functions.attribution.steps import STEPS
from functions.attribution.visit_tables import HITS
from functions.attribution.work import Step, Work
from functions.attribution.working_tables import STAGED
from infra.warehouse.duckdb import DuckDbWarehouse
from shared.robots import is_robot
from shared.settings import SiteSettings
from tests.bench.agents import agents
from tests.bench.big_crm import stage_deals
from tests.bench.big_lake import RAW_DAYS

Figure = dict[str, object]
RUNS = 3
LOADS = 9
BUDGET, AGENT_BUDGET_US, LOAD_BUDGET_MS = 1.25, 10, 50
VISITS = ("hits", "sources", "excluded_visitors", "sessions")
_HITS_ONLY = """SELECT
    site_id, record_id, day, occurred_at, received_at, visitor_id, kind, CAST(NULL AS varchar) AS excluded,
    CASE
        WHEN utm_source IS NOT NULL OR utm_medium IS NOT NULL OR click_id_name IS NOT NULL OR referrer_host <> page_host
        THEN coalesce(utm_source, '') || '|' || coalesce(utm_medium, '') || '|' || coalesce(click_id_name, '') || '|'
            || coalesce(referrer_host, '') || '|' || coalesce(utm_campaign, '')
    END AS entry_key,
    utm_campaign AS campaign, utm_content AS content, utm_term AS term, click_id, CAST(NULL AS varchar) AS referrer_query,
    page_host, page_path, country, region, city, :refresh_id AS refresh_id
FROM (
    SELECT *, row_number() OVER (PARTITION BY day, record_id ORDER BY received_at, occurred_at, visitor_id) AS arrival
    FROM (
        SELECT
            site_id, record_id, occurred_at, received_at, visitor_id, kind, utm_source, utm_medium, utm_campaign, utm_content,
            utm_term, click_id_name, click_id, referrer_host, page_host, page_path, country, region, city,
            CAST(with_timezone(occurred_at, 'UTC') AT TIME ZONE :time_zone AS date) AS day
        FROM raw_hit
        WHERE site_id = :site_id AND arrival_day BETWEEN :first_arrival AND :last_arrival
    ) AS dated
) AS arrived
WHERE arrival = 1"""
# A fresh process: what a door or a command pays for its first answer.
_LOAD = (
    "import time; began = time.perf_counter(); from shared.robots import is_robot; is_robot('AnyBot/1.0 (compatible; a robot)');"
    "print((time.perf_counter() - began) * 1000)"
)


def figures(warehouse: DuckDbWarehouse, site: SiteSettings, lines: int) -> list[Figure]:
    """`warehouse` has the raw lines of the big lake, and no visits yet; deals are one for a hundred lines."""
    work = Work(warehouse, site, "1", "", "2026/01/01", "2026/12/31")
    alone = insert(HITS, work.bind(_HITS_ONLY))
    rounds: dict[str, list[float]] = {}
    for number in range(RUNS + 1):
        told = {"hits alone": _seconds(lambda: warehouse.start(alone), emptied=(warehouse, "hits"))}
        for step in (s for s in STEPS if s.name in VISITS):
            told[step.name] = _seconds(partial(_do, work, step), emptied=(warehouse, step.name))
        for name, value in told.items():
            if number:  # the first is the warm-up
                rounds.setdefault(name, []).append(value)
    one = {name: statistics.median(values) for name, values in rounds.items()}
    stage_deals(warehouse.connection, lines // 100, RAW_DAYS)
    others = (s for s in STEPS if s.name not in VISITS and s.name not in {table.name for table in STAGED.values()})
    one["others"] = sum(_seconds(partial(_do, work, step)) for step in others)
    keys = warehouse.rows("SELECT count(*) AS n FROM sources")[0]["n"]
    total = sum(one[n] for n in (*VISITS, "others"))
    without = one["hits alone"] + one["sessions"] + one["others"]
    shown = ", ".join(f"{name} {value:.2f}" for name, value in one.items())
    return [
        {
            "name": f"refresh of {lines:,} raw lines with {keys:,} entry keys, CPU ({shown})",
            "value": round(total, 3),
            "unit": "s",
            "peer": f"the same without robots, sources and left-out visitors: {without:.3f} s (budget {BUDGET})",
            "ratio": round(total / without, 3),
        },
        *_matcher(),
    ]


def _do(work: Work, step: Step) -> None:
    parts = step.plan(work)
    while parts:
        part, *parts = parts
        work.warehouse.start(step.statement(work, part))
        again = step.again(work, part)
        parts = [again, *parts] if again else parts


def _seconds(run: Callable[[], object], emptied: tuple[DuckDbWarehouse, str] | None = None) -> float:
    if emptied:
        emptied[0].start(f"DELETE FROM {emptied[1]}")
    began = time.process_time()
    run()
    return time.process_time() - began


def _matcher() -> list[Figure]:
    """CPU per agent of the robots matcher in Python, each agent met for the first time, and its load in a fresh process."""
    met = [agent for _, agent in agents()]
    is_robot(met[0])
    rounds = []
    for _ in range(5):
        began = time.process_time()
        for agent in met:
            is_robot(agent)
        rounds.append((time.process_time() - began) / len(met) * 1e6)
    loads = [
        float(subprocess.run([sys.executable, "-c", _LOAD], check=True, capture_output=True, text=True).stdout)
        for _ in range(LOADS)
    ]
    per_agent, load = statistics.median(rounds), statistics.median(loads)
    return [
        _against_budget(f"robots matcher, per user agent ({len(met):,} different ones)", per_agent, "µs", AGENT_BUDGET_US),
        _against_budget(
            f"robots matcher, load and first answer in a fresh process (median of {LOADS})", load, "ms", LOAD_BUDGET_MS
        ),
    ]


def _against_budget(name: str, value: float, unit: str, budget: float) -> Figure:
    return {
        "name": name,
        "value": round(value, 2),
        "unit": unit,
        "peer": f"budget: {budget} {unit}",
        "ratio": round(value / budget, 3),
    }
