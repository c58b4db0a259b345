"""CSV files of `skvoz attribute`: read as text, checked whole with every mistake named by its line, written without formulas."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import duckdb

from shared.errors import BadInput, FieldError

MOST_MISTAKES = 50


class Check(NamedTuple):
    """One rule for a column: rows where `wrong` holds are mistakes."""

    column: str
    wrong: str
    message: str


def filled(column: str) -> Check:
    return Check(column, f"coalesce(trim({column}), '') = ''", "is empty")


def instant(column: str) -> Check:
    return Check(
        column, f"try_cast({column} AS timestamptz) IS NULL", "is no time such as 2026-10-12 10:40:26 (UTC, or with an offset)"
    )


def amount(column: str) -> Check:
    exact = f"try_cast({column} AS decimal(30, 8)) = try_cast({column} AS decimal(18, 2))"
    return Check(column, f"coalesce({column}, '') <> '' AND NOT coalesce({exact}, FALSE)", "is no amount with at most two decimals")


def load(
    connection: duckdb.DuckDBPyConnection, table: str, path: Path, checks: Sequence[Check], optional: Sequence[str] = ()
) -> None:
    """CSV (UTF-8, commas, a header line) → temporary table of texts with its line numbers; missing optional columns are NULL.

    BadInput when the file cannot be read, lacks a column, or any line breaks a rule; the first 50 mistakes are listed.
    """
    try:
        connection.execute(
            f"CREATE OR REPLACE TEMP TABLE {table} AS SELECT row_number() OVER () + 1 AS line, * "
            "FROM read_csv(?, all_varchar = true, header = true, delim = ',', quote = '\"', escape = '\"', null_padding = true)",
            [str(path)],
        )
    except duckdb.Error as error:
        raise BadInput(f"{path} cannot be read as CSV: {str(error).splitlines()[0]}") from error
    names = [d[0] for d in connection.execute(f"SELECT * FROM {table} LIMIT 0").description]
    missing = sorted({c.column for c in checks} - set(names))
    if missing:
        raise BadInput(f"{path} has no column {', '.join(missing)}; its columns are: {', '.join(names[1:])}")
    for column in optional:
        if column not in names:
            connection.execute(f"ALTER TABLE {table} ADD COLUMN {column} varchar")
    mistakes = [
        FieldError(f"line {line}, {check.column}", f"{value!r} {check.message}")
        for check in checks
        for line, value in connection.execute(
            f"SELECT line, {check.column} FROM {table} WHERE {check.wrong} ORDER BY line LIMIT {MOST_MISTAKES}"
        ).fetchall()
    ]
    if mistakes:
        raise BadInput(f"{path} is not used; mend these lines:", mistakes[:MOST_MISTAKES])


def write_csv(path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
    """Rows as CSV. Text that a spreadsheet would run as a formula is led by an apostrophe."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(columns)
        for row in rows:
            writer.writerow([_cell(row[c]) for c in columns])


def _cell(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return "'" + value
    return value
