"""The marts of 1, 10 and 30 million hits: first run and next day, against sorting those hits by visitor and time (docs/scale.md).

Every part of a measurement is a process of its own, as a refresh is, so that peak memory is that part's and files are opened anew.
The database is a file; memory is what DuckDbWarehouse allows itself. Bytes scanned are DuckDB's own count of what its table scans
hand on (columns and rows asked for, unpacked), to be compared among themselves; what Athena and Trino bill (packed columns of whole
files, `DataScannedInBytes`, `physicalInputBytes`) is in the log of each refresh.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from infra.warehouse.duckdb import DuckDbWarehouse
from tests.bench.big_crm import stage_deals, stage_next_day
from tests.bench.big_lake import make_hits
from tests.bench.walk import FLOOR, Cost, Figure, a_site, counted, figure, open_lake, peak_bytes, timed, walk

ROOT = Path(__file__).parents[2]
HITS_A_DEAL = 100
MOST_SECONDS = 3600
MEMORY_BUDGET_GB = 8.0
FIRST_BUDGET, NEXT_BUDGET = 1.5, 0.1
GB = 1e9
RULE_STEPS = ("sources", "excluded_visitors", "sessions", "paths", "credits")
Told = dict[str, Any]


def figures(sizes: Sequence[int], steps_file: Path) -> list[Figure]:
    """Figures of each size and of the growth from one to the next; seconds and bytes of every step are left in `steps_file`."""
    told = []
    for hits in sorted(sizes):
        print(f"  {hits:,} hits …", flush=True)
        with tempfile.TemporaryDirectory(prefix="skvoz-bench-") as folder:
            told.append(_measure(Path(folder), hits))
        steps_file.parent.mkdir(parents=True, exist_ok=True)
        steps_file.write_text(json.dumps(told, indent=1), encoding="utf-8")
        print(_table(told[-1]), flush=True)
    return [f for size in told for f in _of_size(size)] + [f for small, big in pairwise(told) for f in _growth(small, big)]


def _measure(folder: Path, hits: int) -> Told:
    """The parts one after another; the floor before and after the first run, because machines have other work too."""
    part = {name: _child(name, folder, hits) for name in ("make", "load", "floor", "first")}
    again = _child("floor", folder, hits)
    part |= {name: _child(name, folder, hits) for name in ("arrive", "next")}
    floor = {name: (part["floor"][name] + again[name]) / 2 for name in ("seconds", "cpu_seconds")}
    return {"hits": hits, "floor": part["floor"] | floor, "first": part["first"], "next": part["next"]}


def _child(part: str, folder: Path, hits: int) -> Told:
    command = [sys.executable, "-m", "tests.bench.scale", part, str(folder), str(hits)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=MOST_SECONDS, check=False)
    if done.returncode:
        raise RuntimeError(f"{part} of {hits:,} hits failed:\n{done.stderr[-3000:]}")
    told: Told = json.loads(done.stdout.splitlines()[-1])
    return told


def _do(part: str, folder: Path, hits: int) -> Told:
    """One part, in this process."""
    database, site = folder / "warehouse.duckdb", a_site()
    if part == "make":
        make_hits(folder, hits)
        return {}
    base, following = make_hits(folder, hits)
    warehouse = open_lake(folder, site, database, base) if part == "load" else DuckDbWarehouse(folder, database)
    told: Told = {}
    if part == "load":
        stage_deals(warehouse.connection, hits // HITS_A_DEAL)
    elif part == "arrive":
        stage_next_day(warehouse.connection, following, hits // HITS_A_DEAL)
    elif part == "floor":
        burned = time.process_time()
        with counted(warehouse) as scan:
            told = {"seconds": timed(warehouse, FLOOR)}
            scan.add()
        told["cpu_seconds"] = time.process_time() - burned
        told |= {"bytes_scanned": scan.total.bytes_scanned, "bytes_spilled": scan.total.bytes_spilled, "peak_bytes": peak_bytes()}
    else:
        costs = walk(warehouse, site, *(("1", "") if part == "first" else ("2", "1")))
        told = {"steps": {name: cost._asdict() for name, cost in costs.items()}, **_sum(costs.values()), "peak_bytes": peak_bytes()}
        told["checkpoint_seconds"] = timed(warehouse, "CHECKPOINT")
    warehouse.close()
    return {**told, "file_bytes": database.stat().st_size}


def _sum(costs: Any) -> Told:
    every: list[Cost] = list(costs)
    return {
        "seconds": sum(c.seconds for c in every),
        "cpu_seconds": sum(c.cpu_seconds for c in every),
        "bytes_scanned": sum(c.bytes_scanned for c in every),
        "bytes_spilled": max(c.bytes_spilled for c in every),
    }


def _of_size(told: Told) -> list[Figure]:
    hits, floor, first, following = told["hits"], told["floor"], told["first"], told["next"]
    size = f"marts, {hits:,} hits, {hits // HITS_A_DEAL:,} deals"
    sorting = "sorting those hits by visitor and time"
    rules = {name: first["steps"][name] for name in RULE_STEPS}
    found = [
        figure(f"{size}: first run, all models", first["seconds"], "s", sorting, floor["seconds"]),
        figure(f"{size}: first run, all models, CPU", first["cpu_seconds"], "s", sorting, floor["cpu_seconds"]),
        figure(
            f"{size}: of the first run, sources, sessions, paths and credits of the rule models",
            sum(cost["seconds"] for cost in rules.values()),
            "s",
            f"{sorting} (budget {FIRST_BUDGET})",
            floor["seconds"],
        ),
        figure(f"{size}: first run, rows", hits / first["seconds"], "hits/s", "sorting them", hits / floor["seconds"]),
        figure(f"{size}: next day", following["seconds"], "s", f"first run (budget {NEXT_BUDGET})", first["seconds"]),
        figure(f"{size}: next day, CPU", following["cpu_seconds"], "s", "first run", first["cpu_seconds"]),
        _scanned(f"{size}: scanned by the first run", first, "all columns of the hits once", floor),
        _scanned(f"{size}: scanned by the next day", following, "by the first run", first),
    ]
    for name, part in (("sorting", floor), ("first run", first), ("next day", following)):
        spilled = f", {part['bytes_spilled'] / GB:.2f} GB spilled" if part["bytes_spilled"] else ""
        found.append(figure(f"{size}: peak memory, {name}{spilled}", part["peak_bytes"] / GB, "GB", "budget", MEMORY_BUDGET_GB))
    return found


def _scanned(name: str, part: Told, peer: str, other: Told) -> Figure:
    return figure(name, part["bytes_scanned"] / GB, "GB", peer, other["bytes_scanned"] / GB)


def _growth(small: Told, big: Told) -> list[Figure]:
    """How time grows with hits: the exponent x of CPU ~ hits^x; 1 is linear. CPU, because sizes are not measured side by side."""
    times = math.log(big["hits"] / small["hits"])
    between = f"CPU ~ hits^x from {small['hits']:,} to {big['hits']:,} hits"
    return [
        figure(
            f"marts, {name}: {between}", math.log(big[part]["cpu_seconds"] / small[part]["cpu_seconds"]) / times, "x", "linear", 1.0
        )
        for part, name in (("first", "first run"), ("next", "next day"), ("floor", "sorting"))
    ]


def _table(told: Told) -> str:
    """Seconds, CPU seconds and megabytes scanned of each step: first run and next day."""
    first, following = told["first"], told["next"]
    heads = ("first, s", "next, s", "first, CPU", "next, CPU", "first, MB", "next, MB")
    rows = [(name, cost, following["steps"][name]) for name, cost in first["steps"].items()]
    return "\n".join(
        [
            f"    {'step':<24}" + "".join(f"{head:>12}" for head in heads),
            *(f"    {name:<24}" + _cells(*pair) for name, *pair in [*rows, ("all", first, following)]),
            f"    {'checkpoint of the file':<24}{first['checkpoint_seconds']:>12.2f}{following['checkpoint_seconds']:>12.2f}",
        ]
    )


def _cells(*pair: Told) -> str:
    seconds = "".join(f"{cost[unit]:>12.2f}" for unit in ("seconds", "cpu_seconds") for cost in pair)
    return seconds + "".join(f"{cost['bytes_scanned'] / 1e6:>12,.0f}" for cost in pair)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="one part of one size; prints what it took as JSON")
    parser.add_argument("part", choices=("make", "load", "floor", "first", "arrive", "next"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("hits", type=int)
    chosen = parser.parse_args()
    print(json.dumps(_do(chosen.part, chosen.folder, chosen.hits)))
