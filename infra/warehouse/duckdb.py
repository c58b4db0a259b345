"""DuckDB as the embedded default engine: the same SQL files, translated from Athena's dialect by sqlglot.

Reads a plain folder (`raw/<kind>/…*.jsonl[.gz]`), keeps the marts in one database file and exports them as Parquet.
Measured traps are handled here and nowhere else: integer division, date_diff (whole units, not boundaries), dates that become
timestamps when days are added, time zones.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import duckdb
import sqlglot
from sqlglot import exp

from functions.attribution.rules import RULE_TABLES
from shared.errors import WarehouseError
from shared.records import KINDS, Column, RecordKind
from shared.warehouse import QueryState, Row, within

_ARRIVAL = re.compile(r"/(\d{4}/\d\d/\d\d)/")
_UNITS = {"bytes": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}
# A statement with this line has its small tables on the right of every join; sizes that DuckDB foresees would turn some round, and
# what follows a join with few rows on its left runs in one thread.
JOINS_AS_WRITTEN = "-- joins: as written"
FETCHED = 100  # rows at a time, where an answer may be too large to be kept
# Of the engine's own buffers; what it takes beside them stays within 8 GB in all, measured at 30 M hits (docs/scale.md).
MOST_MEMORY_BYTES = 5 * 2**30


class DuckDbWarehouse:
    """`root` holds `raw/` and gets `marts/`; `database` is a file, or None for one in memory that ends with the process.

    What does not fit into memory is spilled beside the database file, or to the system's folder for temporary files; a refresh
    gets slower then, it does not fail. `threads` and `memory_bytes` are the machine's where they are not given.
    """

    ddl_dialect = "duckdb"
    most_partitions = 0
    bytes_scanned = 0  # nobody is billed

    def __init__(
        self, root: Path, database: Path | None = None, threads: int | None = None, memory_bytes: int | None = None
    ) -> None:
        self.root = root
        if database is not None:
            database.parent.mkdir(parents=True, exist_ok=True)
        self.connection = duckdb.connect(str(database) if database else ":memory:")
        self.connection.execute("SET TimeZone = 'UTC'; SET integer_division = true; SET preserve_insertion_order = false")
        if threads:
            self.connection.execute(f"SET threads = {threads:d}")
        self._is_as_written = False
        self._limit(database, memory_bytes)
        self.connection.execute("CREATE OR REPLACE TEMP MACRO with_timezone(t, zone) AS timezone(zone, t)")

    def _limit(self, database: Path | None, memory_bytes: int | None) -> None:
        """Left alone, DuckDB takes 80 % of the machine, and spills an in-memory database into the working folder."""
        self._spill = tempfile.TemporaryDirectory(prefix="skvoz-spill-") if database is None else None  # else beside the file
        if self._spill is not None:
            self.connection.execute("SET temp_directory = ?", [self._spill.name])
        if memory_bytes is None:
            row = self.connection.execute("SELECT current_setting('memory_limit')").fetchone()
            number, unit = str(row[0] if row else "").split()  # 80 % of the memory, or of what a container allows
            memory_bytes = min(MOST_MEMORY_BYTES, int(float(number) * _UNITS[unit] * 3 / 4))
        self.connection.execute("SET memory_limit = ?", [f"{memory_bytes} bytes"])

    def start(self, sql: str, token: str = "") -> str:
        self._run(sql)
        return "done"

    def poll(self, query_id: str) -> QueryState:
        return QueryState(is_done=True)

    def cancel(self, query_id: str) -> None:
        """Nothing to do: `start` has run the statement to its end."""

    def rows(self, sql: str, most_characters: int = 0) -> Sequence[Row]:
        cursor = self._run(sql)
        names = [d[0] for d in cursor.description]
        parts = iter(lambda: cursor.fetchmany(FETCHED), []) if most_characters else [cursor.fetchall()]
        return within(([dict(zip(names, map(_value, row), strict=True)) for row in rows] for rows in parts), most_characters)

    def open_raw(self, kind: str, first_arrival: str, last_arrival: str) -> None:
        columns = KINDS[kind].columns
        files = [str(p) for p in self.raw_files(kind, first_arrival, last_arrival)]
        view = KINDS[kind].table
        if not files:
            empty = ", ".join(f"CAST(NULL AS {_type(c)}) AS {c.name}" for c in columns)
            self.connection.execute(f"CREATE OR REPLACE TEMP VIEW {view} AS SELECT {empty}, '' AS arrival_day WHERE FALSE")
            return
        spec = ", ".join(f"'{c.name}': '{_type(c)}'" for c in columns)
        listed = ", ".join("'" + f.replace("'", "''") + "'" for f in files)
        day = f"coalesce(nullif(regexp_extract(filename, '/(\\d{{4}}/\\d\\d/\\d\\d)/', 1), ''), '{last_arrival}')"
        self.connection.execute(
            f"""CREATE OR REPLACE TEMP VIEW {view} AS
            SELECT * EXCLUDE (filename), {day} AS arrival_day
            FROM read_json([{listed}], columns = {{{spec}}}, format = 'newline_delimited', filename = true)"""
        )

    def raw_files(self, kind: str, first_arrival: str, last_arrival: str) -> Iterable[Path]:
        """Raw files of those arrival days; files that lie under no day folder always belong, those with a dot in front never."""
        for path in sorted((self.root / "raw" / kind).rglob("*")):
            found = _ARRIVAL.search(path.as_posix())
            if path.is_file() and path.name[0] != "." and (found is None or first_arrival <= found.group(1) <= last_arrival):
                yield path

    def open_lake(self, kinds: Sequence[RecordKind]) -> None:
        """Nothing to do: views and tables are made when they are opened and written."""

    def write_rules(self, table: str, lines: Sequence[bytes]) -> None:
        folder = self.root / "rules" / table
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / "rules.jsonl"
        path.write_bytes(b"".join(line + b"\n" for line in lines))
        kind = next(k for k in RULE_TABLES if k.name == table)
        spec = ", ".join(f"'{c.name}': '{_type(c)}'" for c in kind.columns)
        columns = ", ".join(f"{c.name} {_type(c)}" for c in kind.columns)
        self.connection.execute(f"CREATE OR REPLACE TABLE {table} ({columns})")
        if lines:
            self.connection.execute(
                f"INSERT INTO {table} SELECT * FROM read_json(?, columns = {{{spec}}}, format = 'newline_delimited')", [str(path)]
            )

    def export(self, tables: Iterable[str], folder: Path) -> None:
        """Each mart as `folder/<table>.parquet`, replaced whole: written beside, then renamed."""
        folder.mkdir(parents=True, exist_ok=True)
        for table in tables:
            beside = folder / f".{table}.parquet.new"
            self.connection.execute(f"COPY (SELECT * FROM {table}) TO '{beside}' (FORMAT parquet, COMPRESSION zstd)")
            beside.replace(folder / f"{table}.parquet")

    def close(self) -> None:
        self.connection.close()
        if self._spill is not None:
            self._spill.cleanup()

    def _run(self, sql: str) -> duckdb.DuckDBPyConnection:
        try:
            self._plan_joins(is_as_written=JOINS_AS_WRITTEN in sql)
            return self.connection.execute(to_duckdb(sql))
        except (duckdb.Error, sqlglot.errors.SqlglotError) as error:
            raise WarehouseError(f"DuckDB refused a query: {error}") from error

    def _plan_joins(self, is_as_written: bool) -> None:
        if is_as_written != self._is_as_written:
            self.connection.execute(f"SET disabled_optimizers = '{'build_side_probe_side' if is_as_written else ''}'")
            self._is_as_written = is_as_written


@lru_cache(maxsize=2048)
def to_duckdb(sql: str) -> str:
    """Athena's dialect → DuckDB's, with the transforms that keep the meaning where sqlglot alone would change it."""
    return ";\n".join(
        tree.transform(_keep_meaning, copy=False).sql(dialect="duckdb", copy=False)
        for tree in sqlglot.parse(sql, read="athena")
        if tree
    )


def _keep_meaning(node: exp.Expression) -> exp.Expression:
    if isinstance(node, exp.DateDiff):
        unit = exp.Literal.string(str(node.args["unit"].name).lower())
        return exp.Anonymous(this="date_sub", expressions=[unit, node.expression, node.this])
    if isinstance(node, (exp.ArgMin, exp.ArgMax)):  # a NULL beside the extreme is the answer; DuckDB's own would look further
        return exp.Anonymous(this=f"{node.sql_name().lower()}_null", expressions=[node.this, node.expression])
    if isinstance(node, exp.DateAdd) and str(node.args["unit"].name).lower() in {"day", "week", "month", "year"}:
        is_dated = isinstance(node.parent, exp.Cast) and node.parent.to.is_type("date")
        return node if is_dated else exp.cast(node.copy(), "DATE")
    return node


def _type(column: Column) -> str:
    return {"timestamp": "TIMESTAMP"}.get(column.type, column.type.upper())


def _value(value: Any) -> Any:
    return value.replace(tzinfo=UTC) if isinstance(value, datetime) and value.tzinfo is None else value
