"""The product's own steps on a warehouse in memory: what the rules make of entry keys, or of raw hits. Nothing else is written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from functions.attribution.ddl import create_statements
from functions.attribution.refresh import FIRST_ARRIVAL, encode_rule
from functions.attribution.source_rules import RULES, Row, source_rows
from functions.attribution.steps import STEPS
from functions.attribution.work import Work
from infra.warehouse.duckdb import DuckDbWarehouse
from shared.errors import BadInput
from shared.settings import SiteSettings

LAST_ARRIVAL = "9999/12/31"
_STEPS = {step.name: step for step in STEPS}


def rules_of(site: SiteSettings, rules: Path = RULES) -> dict[str, list[Row]]:
    """Rows of the source tables from a folder of rule files. BadInput names the file that is missing or of another shape."""
    try:
        return source_rows([site], rules)
    except OSError as error:
        raise BadInput(
            f"{rules} is no folder of rules: {Path(str(error.filename)).name} cannot be read ({error.strerror}); "
            "skvoz source lists --out DIR makes a whole one"
        ) from error
    except KeyError as error:
        raise BadInput(f"{rules} is no folder of rules: a file there has no column {error.args[0]}") from error


def prepare(warehouse: DuckDbWarehouse, rows: Mapping[str, Sequence[Row]]) -> None:
    """Empty tables of the marts, and the rules."""
    for statement in create_statements(warehouse.ddl_dialect, ""):
        warehouse.connection.execute(statement)  # DuckDB's own words already
    for table, listed in rows.items():
        warehouse.write_rules(table, [encode_rule(table, row) for row in listed])


def run_step(warehouse: DuckDbWarehouse, site: SiteSettings, name: str) -> None:
    """One step of a full refresh of the site."""
    work = Work(warehouse, site, "1", "", FIRST_ARRIVAL, LAST_ARRIVAL)
    step = _STEPS[name]
    for part in step.plan(work):
        warehouse.start(step.statement(work, part))


def add_keys(warehouse: DuckDbWarehouse, site_id: str, keys: Iterable[str]) -> None:
    """Entry keys for the step `sources` to look at, beside those of hits."""
    warehouse.connection.execute(
        "INSERT INTO request_records (site_id, record_id, source_key) SELECT ?, key, key FROM (SELECT unnest(?::varchar[]) AS key)",
        [site_id, sorted(set(keys))],
    )


def classified(keys: Iterable[str], site: SiteSettings, rules: Path = RULES) -> dict[str, Mapping[str, Any]]:
    """Entry key → its row of the mart `sources` under these settings and rules."""
    rows = rules_of(site, rules)
    with TemporaryDirectory() as folder:
        warehouse = DuckDbWarehouse(Path(folder))
        try:
            prepare(warehouse, rows)
            add_keys(warehouse, site.site_id, keys)
            run_step(warehouse, site, "sources")
            return {row["entry_key"]: row for row in warehouse.rows("SELECT * FROM sources")}
        finally:
            warehouse.close()
