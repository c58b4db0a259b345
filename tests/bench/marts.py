"""Speed of reading raw lines on DuckDB, as ratios to the engine's own read_json → Parquet copy in the same run (docs/scale.md).

What finding the sources adds is measured in classification.py, on the same raw lines; what comes after staging, in scale.py.
"""

from __future__ import annotations

import json
import time
from pathlib import Path

from functions.attribution.steps import STEPS
from functions.attribution.work import Work
from shared.records import HIT
from tests.bench import classification
from tests.bench.big_lake import write_raw_hits
from tests.bench.walk import Figure, a_site, figure, open_lake, timed

RAW_LINES = 2_000_000  # a line takes 770 bytes
RUNS = 3


def figures(folder: Path, lines: int = RAW_LINES) -> list[Figure]:
    """The raw lines that become hits, against DuckDB's own copy of them, by turns; then what classification adds."""
    raw, site = write_raw_hits(folder / "raw-root", lines), a_site()
    warehouse = open_lake(folder / "raw-root", site)
    spec = json.dumps({c.name: c.type.upper() for c in HIT.columns}).replace('"', "'")
    read = f"read_json('{raw}', columns = {spec}, format = 'newline_delimited')"
    copy = f"COPY (SELECT * FROM {read}) TO '{folder}/copy.parquet' (FORMAT parquet)"
    step = next(s for s in STEPS if s.name == "hits")
    work = Work(warehouse, site, "1", "", "2026/01/01", "2026/12/31")
    floors, taken = [], []
    for _ in range(RUNS):
        floors.append(timed(warehouse, copy))
        warehouse.connection.execute("DELETE FROM hits")
        began = time.perf_counter()
        for part in step.plan(work):
            warehouse.start(step.statement(work, part))
        taken.append(time.perf_counter() - began)
    name = f"raw JSON lines → hits mart, {lines:,} lines (best of {RUNS})"
    found = [
        figure(name, min(taken), "s", "read_json → Parquet copy", min(floors)),
        *classification.figures(warehouse, site, lines),
    ]
    warehouse.close()
    return found
