"""CSV files of `skvoz attribute`: read as text, checked whole with every mistake named by its line, written without formulas.

The structure is read once by Python, which knows lines; the columns then by DuckDB, which is fast. A file that the two read
differently is refused.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import duckdb

from shared.errors import BadInput, FieldError

MOST_MISTAKES = 50
DELIMITERS = (",", ";", "\t")
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


class Check(NamedTuple):
    """One rule for a column: rows where `wrong` holds are mistakes. Rules see all rows as `rows`."""

    column: str
    wrong: str
    message: str


class Shape(NamedTuple):
    """What Python found: columns by name in lower case (their place), what the file itself calls them, how many records there are,
    what separates cells."""

    columns: dict[str, int]
    written: dict[str, str]
    cells: int
    records: int
    delimiter: str


def filled(column: str) -> Check:
    return Check(column, f"coalesce(trim({column}), '') = ''", "is empty")


def plain_channels(column: str) -> Check:
    """Paths are joined by that character (shared with the marts), so no channel may hold it."""
    return Check(column, f"contains({column}, chr(31))", "holds the control character 31; take it out")


def instant(column: str) -> Check:
    wrong = f"NOT coalesce(isfinite(try_cast({column} AS timestamptz)), FALSE)"
    return Check(column, wrong, "is no time such as 2026-10-12 10:40:26 (UTC, or with an offset)")


def amount(column: str) -> Check:
    exact = f"try_cast({column} AS decimal(30, 8)) = try_cast({column} AS decimal(18, 2))"
    wrong = f"trim(coalesce({column}, '')) <> '' AND NOT coalesce({exact}, FALSE)"
    return Check(column, wrong, "is no amount with at most two decimals")


def named_once(column: str) -> Check:
    """An id that stands for two different rows; the same row twice is one row."""
    wrong = f"{column} IN (SELECT {column} FROM (SELECT DISTINCT * EXCLUDE (number) FROM rows) GROUP BY 1 HAVING count(*) > 1)"
    return Check(column, wrong, "stands in several lines that differ; an id names one event")


def load(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    path: Path,
    checks: Sequence[Check],
    optional: Sequence[str] = (),
    other_names: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """CSV (UTF-8; commas, semicolons or tabs; a header line) → temporary table of the named columns as text; optional ones may be
    missing and are NULL then, other columns are passed over. `other_names`: what another system calls a column → our name.

    BadInput when the file cannot be read, lacks a column, or any line is broken; the first 50 mistakes are listed with lines.
    """
    needed = [name for name in dict.fromkeys(check.column for check in checks) if name not in optional]
    shape = _shape(path, other_names)
    if missing := [name for name in needed if name not in shape.columns]:
        raise BadInput(f"{path} has no column {', '.join(missing)}; its columns are: {', '.join(shape.columns)}")
    chosen = [
        f"column{shape.columns[name]} AS {name}" if name in shape.columns else f"NULL::varchar AS {name}"
        for name in (*needed, *optional)
    ]
    spec = ", ".join(f"'column{place}': 'VARCHAR'" for place in range(shape.cells))
    try:
        connection.execute(
            f"""CREATE OR REPLACE TEMP TABLE {table} AS SELECT row_number() OVER () AS number, {", ".join(chosen)}
            FROM read_csv(?, columns = {{{spec}}}, auto_detect = false, header = true, delim = '{shape.delimiter}',
                quote = '"', escape = '"', parallel = false)""",
            [str(path)],
        )
    except duckdb.Error as error:
        raise BadInput(f"{path} cannot be read as CSV: {str(error).splitlines()[0]}") from error
    read = connection.execute(f"SELECT count(*) FROM {table}").fetchall()[0][0]
    if read != shape.records:
        raise BadInput(
            f"{path} cannot be read as CSV: its quotes can be understood in two ways ({shape.records} or {read} records)"
        )
    _refuse_mistakes(connection, table, path, checks, shape)


def _refuse_mistakes(connection: duckdb.DuckDBPyConnection, table: str, path: Path, checks: Sequence[Check], shape: Shape) -> None:
    found = [
        (number, check, value)
        for check in checks
        for number, value in connection.execute(
            f"WITH rows AS (SELECT * FROM {table}) SELECT number, {check.column} FROM rows WHERE {check.wrong} "
            f"ORDER BY number LIMIT {MOST_MISTAKES}"
        ).fetchall()
    ]
    if not found:
        return
    lines = _lines_of({number for number, _, _ in found}, path, shape.delimiter)
    mistakes = [
        FieldError(
            f"line {lines[number]}, {shape.written[check.column]}", f"{'' if value is None else value!r} {check.message}".strip()
        )
        for number, check, value in sorted(found, key=lambda mistake: mistake[0])
    ]
    raise BadInput(f"{path} is not used; mend these lines:", mistakes[:MOST_MISTAKES])


def _shape(path: Path, other_names: Mapping[str, str]) -> Shape:
    """BadInput for what is no CSV, for repeated columns, and for every line with more or fewer cells than the header has."""
    try:
        return _read_shape(path, other_names)
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise BadInput(f"{path} is not UTF-8 (line {_line_of_bad_byte(path)}); save it as UTF-8") from error


def _read_shape(path: Path, other_names: Mapping[str, str]) -> Shape:
    with path.open(encoding="utf-8-sig", newline="") as file:
        delimiter = _delimiter(file.readline())
    rows = _rows(path, delimiter)
    header = next(rows, None)
    if header is None:
        raise BadInput(f"{path} is empty; its first line must name the columns")
    names = [other_names.get(name.strip().lower(), name.strip().lower()) for name in header[1]]
    if twice := sorted({name for name in names if name and names.count(name) > 1}):
        raise BadInput(f"{path} has several columns {', '.join(twice)}")
    records = 0
    mistakes: list[FieldError] = []
    for line, cells in rows:
        records += 1
        if len(cells) != len(names) and len(mistakes) < MOST_MISTAKES:
            mistakes.append(FieldError(f"line {line}", f"has {len(cells)} cells, the header has {len(names)}"))
    if mistakes:
        raise BadInput(f"{path} is not used; mend these lines:", mistakes)
    if not records:
        raise BadInput(f"{path} has no lines below its header")
    written = dict(zip(names, (name.strip().lower() for name in header[1]), strict=True))
    return Shape({name: place for place, name in enumerate(names) if name}, written, len(names), records, delimiter)


def _rows(path: Path, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """(line it begins on, cells) of each record, empty lines left out. BadInput names the record whose quotes are broken."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader, before = csv.reader(file, delimiter=delimiter, strict=True), 0
        while True:
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                mistake = FieldError(f"line {before + 1}", f"is broken: {error}; a quote inside a cell is written twice")
                raise BadInput(f"{path} is not used; mend this line:", [mistake]) from error
            if cells:
                yield before + 1, cells
            before = reader.line_num


def _lines_of(numbers: set[int], path: Path, delimiter: str) -> dict[int, int]:
    """Lines on which records (from 1, without the header) begin."""
    return {number: line for number, (line, _) in enumerate(_rows(path, delimiter)) if number in numbers}


def _delimiter(header: str) -> str:
    return max(DELIMITERS, key=lambda mark: (header.count(mark), -DELIMITERS.index(mark)))


def _line_of_bad_byte(path: Path) -> int:
    raw = path.read_bytes()
    try:
        raw.decode()
    except UnicodeDecodeError as error:
        return raw.count(b"\n", 0, error.start) + 1
    return 1


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
    if isinstance(value, str) and value.startswith(FORMULA_STARTS):
        return "'" + value
    return value
