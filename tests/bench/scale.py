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
    floor = (part["floor"]["seconds"] + again["seconds"]) / 2
    return {"hits": hits, "floor": {**part["floor"], "seconds": floor}, "first": part["first"], "next": part["next"]}


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
        with counted(warehouse) as scan:
            told = {"seconds": timed(warehouse, FLOOR)}
            scan.add()
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
        "bytes_scanned": sum(c.bytes_scanned for c in every),
        "bytes_spilled": max(c.bytes_spilled for c in every),
    }


def _of_size(told: Told) -> list[Figure]:
    hits, floor, first, following = told["hits"], told["floor"], told["first"], told["next"]
    size = f"{hits:,} hits, {hits // HITS_A_DEAL:,} deals"
    sorting = f"sorting those hits by visitor and time (budget {FIRST_BUDGET})"
    found = [
        figure(f"marts, {size}: first run", first["seconds"], "s", sorting, floor["seconds"]),
        figure(f"marts, {size}: first run, rows", hits / first["seconds"], "hits/s", "sorting them", hits / floor["seconds"]),
        figure(f"marts, {size}: next day", following["seconds"], "s", f"first run (budget {NEXT_BUDGET})", first["seconds"]),
        figure(
            f"marts, {size}: scanned by the first run",
            first["bytes_scanned"] / GB,
            "GB",
            "all columns of the hits once",
            floor["bytes_scanned"] / GB,
        ),
        figure(
            f"marts, {size}: scanned by the next day",
            following["bytes_scanned"] / GB,
            "GB",
            "by the first run",
            first["bytes_scanned"] / GB,
        ),
    ]
    for name, part in (("sorting", floor), ("first run", first), ("next day", following)):
        spilled = f", {part['bytes_spilled'] / GB:.2f} GB spilled" if part["bytes_spilled"] else ""
        found.append(
            figure(f"marts, {size}: peak memory of {name}{spilled}", part["peak_bytes"] / GB, "GB", "budget", MEMORY_BUDGET_GB)
        )
    return found


def _growth(small: Told, big: Told) -> list[Figure]:
    """How time grows with hits: the exponent of time ~ hits^x; 1 is linear."""
    times = math.log(big["hits"] / small["hits"])
    between = f"from {small['hits']:,} to {big['hits']:,} hits: time ~ hits^x"
    return [
        figure(f"marts, {name} {between}", math.log(big[part]["seconds"] / small[part]["seconds"]) / times, "x", "linear", 1.0)
        for part, name in (("first", "first run"), ("next", "next day"), ("floor", "sorting"))
    ]


def _table(told: Told) -> str:
    """Seconds and megabytes of each step, first run and next day."""
    first, following = told["first"], told["next"]
    lines = [f"    {'step':<24}{'first, s':>10}{'next, s':>10}{'first, MB':>12}{'next, MB':>12}"]
    for name, cost in first["steps"].items():
        other = following["steps"][name]
        lines.append(
            f"    {name:<24}{cost['seconds']:>10.2f}{other['seconds']:>10.2f}"
            f"{cost['bytes_scanned'] / 1e6:>12,.0f}{other['bytes_scanned'] / 1e6:>12,.0f}"
        )
    lines.append(
        f"    {'all':<24}{first['seconds']:>10.2f}{following['seconds']:>10.2f}"
        f"{first['bytes_scanned'] / 1e6:>12,.0f}{following['bytes_scanned'] / 1e6:>12,.0f}"
    )
    lines.append(f"    {'checkpoint of the file':<24}{first['checkpoint_seconds']:>10.2f}{following['checkpoint_seconds']:>10.2f}")
    return "\n".join(lines)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="one part of one size; prints what it took as JSON")
    parser.add_argument("part", choices=("make", "load", "floor", "first", "arrive", "next"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("hits", type=int)
    chosen = parser.parse_args()
    print(json.dumps(_do(chosen.part, chosen.folder, chosen.hits)))
