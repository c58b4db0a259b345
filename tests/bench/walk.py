"""One refresh, step by step, with what each step takes; staging is left out, because these lakes begin at its result."""

from __future__ import annotations

import json
import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import duckdb

from functions.attribution.ddl import create_statements
from functions.attribution.refresh import encode_rule
from functions.attribution.rules import rule_rows
from functions.attribution.steps import STEPS
from functions.attribution.work import Work
from functions.attribution.working_tables import STAGED
from infra.warehouse.duckdb import DuckDbWarehouse
from shared.errors import WarehouseError
from shared.settings import SiteSettings, parse_settings
from tests.bench.big_lake import SITE

Figure = dict[str, object]
STAGING = {"hits", *(t.name for t in STAGED.values())}
FLOOR = "CREATE OR REPLACE TEMP TABLE sorted AS SELECT * FROM hits ORDER BY visitor_id, occurred_at"


class Cost(NamedTuple):
    """`cpu_seconds`: of all threads, much the same on a busy machine. `bytes_scanned`: what DuckDB's table scans hand on, the
    columns and rows of a table that a statement asks for, unpacked."""

    seconds: float
    cpu_seconds: float
    rows_scanned: int
    bytes_scanned: int
    bytes_spilled: int  # the most at one time


def a_site(**more: Any) -> SiteSettings:
    return parse_settings({"site_id": SITE, "name": SITE, "hosts": ["shop.example"], **more})


def open_lake(root: Path, site: SiteSettings, database: Path | None = None, hits: Path | None = None) -> DuckDbWarehouse:
    """Empty marts with the site's rules; `hits`: a Parquet file of that mart's rows."""
    warehouse = DuckDbWarehouse(root, database)
    for statement in create_statements("duckdb", ""):
        warehouse.connection.execute(statement)
    if hits is not None:
        warehouse.connection.execute("INSERT INTO hits BY NAME SELECT * FROM read_parquet(?)", [str(hits)])
    for name, rows in rule_rows([site]).items():
        warehouse.write_rules(name, [encode_rule(name, row) for row in rows])
    return warehouse


def walk(warehouse: DuckDbWarehouse, site: SiteSettings, refresh_id: str, since: str) -> dict[str, Cost]:
    """What each step took, in their order. `since` "" makes everything, else only what came after that refresh."""
    work = Work(warehouse, site, refresh_id, since, "2026/01/01", "2026/12/31")
    costs = {}
    for step in (s for s in STEPS if s.name not in STAGING):
        began, burned = time.perf_counter(), time.process_time()
        with counted(warehouse) as scan:
            parts = step.plan(work)
            while parts:
                part, *parts = parts
                try:
                    warehouse.start(step.statement(work, part))
                except WarehouseError as error:
                    raise WarehouseError(f"step {step.name}: {error}") from error
                scan.add()
                again = step.again(work, part)
                parts = [again, *parts] if again else parts
        costs[step.name] = scan.total._replace(seconds=time.perf_counter() - began, cpu_seconds=time.process_time() - burned)
    return costs


class Scan:
    """Adds up what the profiles of statements tell; a profile costs less than a hundredth of its statement."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection, self.total = connection, Cost(0, 0, 0, 0, 0)

    def add(self) -> None:
        """The statement that ran last."""
        told = json.loads(self._connection.get_profiling_information(format="json"))
        scans = list(_scans(told))
        self.total = Cost(
            0,
            0,
            self.total.rows_scanned + sum(int(s.get("rows_scanned", 0)) for s in scans),
            self.total.bytes_scanned + sum(int(s.get("intermediate_size_bytes", 0)) for s in scans),
            max(self.total.bytes_spilled, int(told["system"]["peak_temp_dir_size"])),
        )


@contextmanager
def counted(warehouse: DuckDbWarehouse) -> Iterator[Scan]:
    """Profiles are kept within."""
    warehouse.connection.execute("PRAGMA enable_profiling = 'no_output'; SET profiling_coverage = 'ALL'")
    yield Scan(warehouse.connection)
    warehouse.connection.execute("PRAGMA disable_profiling")


def _scans(node: Any) -> Iterator[dict[str, Any]]:
    """Table scans of a profile, at any depth."""
    if isinstance(node, list):
        for each in node:
            yield from _scans(each)
    elif isinstance(node, dict):
        if node.get("type") == "TABLE_SCAN":
            yield node
        for each in node.values():
            yield from _scans(each)


def timed(warehouse: DuckDbWarehouse, sql: str) -> float:
    """Seconds of one statement of DuckDB's own."""
    began = time.perf_counter()
    warehouse.connection.execute(sql)
    return time.perf_counter() - began


def peak_bytes() -> int:
    """The most memory that this process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def figure(name: str, value: float, unit: str, peer: str, peer_value: float) -> Figure:
    """`peer` says what `peer_value`, in the same unit, is; the ratio is value to peer."""
    return {
        "name": name,
        "value": round(value, 3),
        "unit": unit,
        "peer": f"{peer}: {peer_value:,.3f} {unit}",
        "ratio": round(value / peer_value, 3) if peer_value else None,
    }
