"""Do a person with 10,000 touches and a client with 500 deals cost what their rows cost, no more? (docs/scale.md)

The same number of touches, or of deals, is made of many small persons and of few big ones: what is linear takes as long either way.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import NamedTuple

from infra.warehouse.duckdb import DuckDbWarehouse
from tests.bench.big_lake import SITE, uuid_of
from tests.bench.walk import Figure, a_site, figure, open_lake, walk

TOUCHES, BIG_PATH, SMALL_PATH = 200_000, 10_000, 1_000
DEALS, BIG_CLIENT, SMALL_CLIENT = 20_000, 500, 50
VISITS_A_CLIENT = 10
RUNS = 3
SHOWN_STEPS = 3
SECONDS_BETWEEN = 700  # 10,000 of them are within the look-back of 90 days; each from another source, so that each is a visit


class Shape(NamedTuple):
    """`persons` with so many visits, then so many deals each; every fifth deal comes with a further request without one."""

    persons: int
    visits: int
    deals: int


def figures() -> list[Figure]:
    """CPU seconds of few big persons against many small ones with as many rows in all."""
    return [
        *_compared(
            f"a path of {BIG_PATH:,} touches",
            f"paths of {SMALL_PATH:,}, as many touches",
            Shape(TOUCHES // BIG_PATH, BIG_PATH, 2),
            Shape(TOUCHES // SMALL_PATH, SMALL_PATH, 2),
        ),
        *_compared(
            f"a client with {BIG_CLIENT} deals",
            f"clients with {SMALL_CLIENT}, as many deals",
            Shape(DEALS // BIG_CLIENT, VISITS_A_CLIENT, BIG_CLIENT),
            Shape(DEALS // SMALL_CLIENT, VISITS_A_CLIENT, SMALL_CLIENT),
        ),
    ]


def _compared(name: str, peer: str, big: Shape, small: Shape) -> list[Figure]:
    """All steps, and the steps that grow most: those that take a tenth of a second more for the big persons."""
    bigs, smalls = _best(big), _best(small)
    found = [figure(f"marts, {big.persons} × {name}: first run, CPU", sum(bigs.values()), "s", peer, sum(smalls.values()))]
    growing = sorted((step for step in bigs if bigs[step] > smalls[step] + 0.1), key=lambda step: smalls[step] - bigs[step])
    return found + [
        figure(f"marts, {name}: step {step}, CPU", bigs[step], "s", peer, smalls[step]) for step in growing[:SHOWN_STEPS]
    ]


def _best(shape: Shape) -> dict[str, float]:
    """CPU seconds of each step, the best of some runs on fresh marts."""
    runs = []
    for _ in range(RUNS):
        with tempfile.TemporaryDirectory(prefix="skvoz-bench-") as folder:
            site = a_site()
            warehouse = open_lake(Path(folder), site)
            _fill(warehouse, shape)
            runs.append({step: cost.cpu_seconds for step, cost in walk(warehouse, site, "1", "").items()})
            warehouse.close()
    return {step: min(run[step] for run in runs) for step in runs[0]}


def _fill(warehouse: DuckDbWarehouse, shape: Shape) -> None:
    con = warehouse.connection
    con.execute(
        f"""CREATE TEMP TABLE visits AS
        SELECT {uuid_of("-p - 1")} AS visitor_id, p, n, CAST(hash(p * 100000 + n) >> 33 AS bigint) AS chance,
            TIMESTAMP '2026-07-01' + to_seconds(CAST(p + n * {SECONDS_BETWEEN} AS bigint)) AS moment
        FROM range({shape.persons}) AS a (p), range({shape.visits}) AS b (n)"""
    )
    con.execute(
        f"""INSERT INTO hits BY NAME
        SELECT '{SITE}' AS site_id, {uuid_of("p * 100000 + n")} AS record_id, CAST(moment + INTERVAL 3 HOUR AS date) AS day,
            moment AS occurred_at, moment AS received_at, visitor_id, 'page_view' AS kind,
            ['yandex|cpc|||poisk', '|||google.com|', 'vk|cpc|||promo', 'newsletter|email|||may'][chance % 4 + 1] AS entry_key,
            'shop.example' AS page_host, '/' AS page_path, '0' AS refresh_id
        FROM visits"""
    )
    # The first request comes before the last visit, so that paths differ by one touch; the others two hours apart after it. Half of
    # the deals name theirs, the others find it by phone. Deals are won.
    con.execute(
        f"""CREATE TEMP TABLE asked AS
        SELECT visitor_id, p, i, row_number() OVER (ORDER BY p, i) AS n,
            last_at + to_minutes(CAST(i * 120 - 5 AS bigint)) AS moment
        FROM (SELECT visitor_id, p, max(moment) AS last_at FROM visits GROUP BY ALL), range({shape.deals}) AS k (i)"""
    )
    con.execute(
        f"""INSERT INTO request_records BY NAME
        SELECT {uuid_of("n * 20 + further")} AS record_id, '{SITE}' AS site_id,
            moment + to_minutes(CAST(further * 30 AS bigint)) AS occurred_at, occurred_at AS received_at,
            'tracker' AS via, 'Q' || n || '-' || further AS request_id, 'form' AS contact_channel, visitor_id,
            'p' || p AS phone_hash, '0' AS refresh_id
        FROM asked, range(2) AS k (further) WHERE further = 0 OR i % 5 = 4"""
    )
    con.execute(
        f"""INSERT INTO crm_events BY NAME
        SELECT {uuid_of("n * 20 + 10 + s")} AS record_id, '{SITE}' AS site_id,
            moment + to_minutes(CAST(1 + s * 4320 AS bigint)) AS occurred_at, occurred_at AS received_at, 'crm' AS via,
            'generic' AS provider, 'D' || n AS deal_id, ['unsorted', 'qualified', 'won'][s + 1] AS stage,
            CAST(1000 + n % 90000 AS decimal(18, 2)) AS amount, 'RUB' AS currency,
            CASE WHEN s = 0 AND n % 2 = 0 THEN 'Q' || n || '-0' END AS request_id,
            'p' || p AS phone_hash, 'C' || p AS contact_id, '0' AS refresh_id
        FROM asked, range(3) AS k (s)"""
    )
