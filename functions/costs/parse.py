"""Bytes of a cost file → its rows, or every mistake with its line. Pure: no clock, no store.

CSV with a header; UTF-8 (with or without BOM) or windows-1251; comma, semicolon or tab; columns of functions/costs/columns.py.
A row is for a day, a month, or a period. One mistake anywhere refuses the whole file, so that nothing is imported by half.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any, TypeVar

from functions.costs import cells
from functions.costs.cells import BadCell
from functions.costs.columns import FIELD_OF, Columns, columns_of, plain_name
from functions.costs.messages import MOST_PROBLEMS, Problem
from shared.records import COST

MOST_BYTES = 10 * 1024 * 1024
MOST_ROWS = 100_000
MOST_DAYS = 366
DELIMITERS = (",", ";", "\t")
TEXT_FIELDS: Mapping[str, str] = {  # field → column of the record
    "source": "utm_source",
    "medium": "utm_medium",
    "campaign": "utm_campaign",
    "content": "utm_content",
    "term": "utm_term",
}
_LIMITS = {column.name: column.limit for column in COST.columns}
_SPREADSHEETS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")  # xlsx (a zip), xls
# Russian text in UTF-8; in windows-1251 these bytes would read `РќР°С`, which nobody writes.
_RUSSIAN_UTF8 = re.compile(rb"(?:[\xd0\xd1][\x80-\xbf]){3}")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class CostRow:
    """One line: `last_day` is set for a month or a period. `marks` are utm columns of the record."""

    line: int
    account: str
    day: date
    last_day: date | None
    marks: Mapping[str, str | None]
    clicks: int | None
    impressions: int | None
    cost: Decimal
    currency: str | None
    is_vat_included: bool | None
    vat_percent: Decimal | None

    @property
    def deletes(self) -> bool:
        """0 without clicks and impressions: the row only says that there is nothing."""
        return self.cost == 0 and not self.clicks and not self.impressions


@dataclass(frozen=True, slots=True)
class Parsed:
    """Either rows or problems. `unused` are columns that nobody reads."""

    rows: Sequence[CostRow] = ()
    problems: Sequence[Problem] = ()
    unused: Sequence[str] = field(default=())


def parse(raw: bytes, today: date) -> Parsed:
    """The file's rows; with any mistake, all mistakes (up to 1,000 and one) and no rows. `today` bounds the years."""
    text = _text(raw)
    if isinstance(text, Problem):
        return Parsed(problems=[text])
    lines = _Lines(text)
    header = next(iter(lines), None)
    if header is None:
        return Parsed(problems=lines.problems or [Problem(0, "", "empty")])
    columns = columns_of(header[1], header[0])
    if columns.problems:
        return Parsed(problems=columns.problems)
    rows, problems = _rows(lines, columns, today.year + 1)
    if not rows and not problems:
        problems = [Problem(0, "", "only_header")]
    return Parsed(problems=problems) if problems else Parsed(rows=rows, unused=columns.unused)


def _rows(lines: _Lines, columns: Columns, last_year: int) -> tuple[list[CostRow], list[Problem]]:
    rows: list[CostRow] = []
    problems: list[Problem] = []
    for number, (line, row) in enumerate(lines, 1):
        if number > MOST_ROWS:
            return [], [Problem(0, "", "too_many_rows", {"most": MOST_ROWS})]
        reader = _RowReader(line, row, columns, last_year)
        read = reader.row()
        problems += reader.problems
        if read is not None:
            rows.append(read)
        if len(problems) > MOST_PROBLEMS:
            break
    return rows, problems + lines.problems


class _Lines:
    """Rows of the CSV with the line each begins on; blank lines are passed over. A broken quote ends it with a problem."""

    def __init__(self, text: str) -> None:
        self.problems: list[Problem] = []
        body = text.split("\n", 1)
        first = 1
        if body[0].strip().lower().startswith("sep=") and len(body) == 2:  # Excel's own hint
            text, first = body[1], 2
        self._reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
        self._rows = self._walk(first)

    def __iter__(self) -> Iterator[tuple[int, list[str]]]:
        return self._rows

    def _walk(self, first: int) -> Iterator[tuple[int, list[str]]]:
        begins = first
        try:
            for row in self._reader:
                if any(cell.strip() for cell in row):
                    yield begins, row
                begins = self._reader.line_num + first
        except csv.Error:
            self.problems.append(Problem(begins, "", "bad_quotes"))


class _RowReader:
    """Reads one row; every broken cell leaves a problem, so that one upload shows all mistakes."""

    def __init__(self, line: int, row: Sequence[str], columns: Columns, last_year: int) -> None:
        self._line, self._row, self._columns, self._last_year = line, row, columns, last_year
        self.problems: list[Problem] = []

    def row(self) -> CostRow | None:
        wanted = len(self._columns.names)
        if len(self._row) < wanted or any(cell.strip() for cell in self._row[wanted:]):
            self._problem("", "cell_count", found=len(self._row), wanted=wanted)
            return None
        marks = {column: self._read_text(name, column, cells.mark) for name, column in TEXT_FIELDS.items()}
        account = self._read_text("account", "account", cells.account)
        days = self._days()
        values: dict[str, Any] = {
            "clicks": self._read("clicks", cells.count),
            "impressions": self._read("impressions", cells.count),
            "currency": self._read("currency", cells.currency),
            "is_vat_included": self._read("vat_included", cells.yes_no),
            "vat_percent": self._read("vat_percent", cells.percent),
        }
        cost = self._read("cost", cells.cost)
        account = account or (marks["utm_source"] or "")[: _LIMITS["account"]]
        if not account and not self.problems:
            self._problem(self._columns.name("account" if "account" in self._columns.places else "source"), "account_needed")
        if self.problems or days is None or cost is None:
            return None
        return CostRow(line=self._line, account=account, day=days[0], last_day=days[1], marks=marks, cost=cost, **values)

    def _days(self) -> tuple[date, date | None] | None:
        """(day, None), or (first, last) of a month or period; None once a problem is noted."""
        before = len(self.problems)
        day = self._read("day", self._day)
        month = self._read("month", lambda c: cells.month(c, self._last_year))
        first, last = self._read("period_from", self._day), self._read("period_to", self._day)
        if len(self.problems) > before:
            return None
        wrong = self._wrong_days(day, month, first, last)
        if wrong:
            self._problem(self._columns.name(wrong[0]), wrong[1], **wrong[2])
            return None
        if day:
            return day, None
        if first and last:
            return first, last
        return month

    def _wrong_days(
        self, day: date | None, month: tuple[date, date] | None, first: date | None, last: date | None
    ) -> tuple[str, str, dict[str, Any]] | None:
        """(field, code, values) where the row does not say exactly one day, month or period."""
        told = [name for name, value in (("day", day), ("month", month), ("period_from", first or last)) if value]
        if len(told) > 1:
            return told[1], "days_twice", {}
        if day or month:
            return None
        if not first or not last:
            asked = next((name for name in ("day", "month", "period_from") if name in self._columns.places), "day")
            return asked, "day_needed", {}
        if last < first:
            return "period_to", "period_backwards", {}
        if (last - first).days >= MOST_DAYS:
            return "period_to", "period_too_long", {"most": MOST_DAYS}
        return None

    def _day(self, cell: str) -> date | None:
        return cells.day(cell, self._last_year)

    def _read_text(self, name: str, column: str, read: Callable[[str, int], str | None]) -> str | None:
        return self._read(name, lambda cell: read(cell, _LIMITS[column]))

    def _read(self, name: str, read: Callable[[str], T]) -> T | None:
        place = self._columns.places.get(name)
        if place is None:
            return None
        try:
            return read(self._row[place])
        except BadCell as error:
            self._problem(self._columns.name(name), error.code, **error.values)
            return None

    def _problem(self, column: str, code: str, **values: Any) -> None:
        self.problems.append(Problem(self._line, column, code, values))


def _text(raw: bytes) -> str | Problem:
    if len(raw) > MOST_BYTES:
        return Problem(0, "", "too_large", {"most": MOST_BYTES // 1024**2})
    if raw.startswith(_SPREADSHEETS):
        return Problem(0, "", "spreadsheet")
    if not raw.strip():
        return Problem(0, "", "empty")
    if b"\x00" in raw:
        return Problem(0, "", "not_text")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if _RUSSIAN_UTF8.search(raw):
            return Problem(raw.count(b"\n", 0, error.start) + 1, "", "damaged_text")
    try:
        return raw.decode("cp1251")
    except UnicodeDecodeError:
        return Problem(0, "", "not_text")


def _delimiter(text: str) -> str:
    """The one that makes the most known columns of the header; a comma where none does."""
    header = next((line for line in text.splitlines() if line.strip()), "")
    return max(DELIMITERS, key=lambda d: sum(plain_name(cell.strip('"')) in FIELD_OF for cell in header.split(d)))
