"""The plan as people keep it: a CSV or XLSX file, one row a month and channel → rows of `report.plan`.

Columns by name, English or Russian, in any order; what no plan has is refused, not passed over: a mistyped column would lose a plan
in silence. Without a channel a row is for the whole site. Empty cells plan nothing.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from shared.errors import FieldError, SettingsError
from shared.money import MICRO, parse_amount
from shared.report_settings import PlanRow

NAMES = {
    "month": ("month", "месяц"),
    "channel": ("channel", "канал"),
    "cost": ("cost", "spend", "расход", "расходы", "бюджет"),
    "requests": ("requests", "заявки"),
    "qualified": ("qualified", "целевые", "целевые_заявки"),
    "sales": ("sales", "продажи"),
    "revenue": ("revenue", "выручка"),
    "gross_profit": ("gross_profit", "валовая_прибыль"),
    "cpl": ("cpl", "цена_заявки"),
    "cpo": ("cpo", "цена_продажи", "допустимая_цена_продажи"),
    "margin_romi": ("margin_romi", "romi_с_маржой"),
}
FIELD_OF = {name: field for field, names in NAMES.items() for name in names}
TEXTS = ("month", "channel")
COUNTS = ("requests", "qualified", "sales")
MOST_ROWS = 2000
MOST_TOLD = 20  # mistakes of one file
MOST_BYTES = 5_000_000
_JOINTS = re.compile(r"[\s_\-.,()]+")
_MONTH = re.compile(r"(20\d\d)-(\d\d)(?:-01)?|(?:01\.)?(\d\d)\.(20\d\d)")
Line = tuple[int, Sequence[Any]]


def plan_rows(path: Path) -> list[dict[str, Any]]:
    """Rows of the file as the settings have them. SettingsError names every mistake with its file, row and column."""
    lines = list(_lines(path))
    if not lines:
        raise _wrong(path, [FieldError("row 1", "the file is empty; its first row names the columns: month, channel, cost …")])
    fields = _fields(path, lines[0])
    told = [line for line in lines[1:] if any(_text(cell) for cell in line[1])]
    if not 1 <= len(told) <= MOST_ROWS:
        raise _wrong(
            path, [FieldError("row 2", f"a plan has 1 to {MOST_ROWS} rows under its columns' names, this one {len(told)}")]
        )
    mistakes: list[FieldError] = []
    rows: list[dict[str, Any]] = []
    seen: dict[tuple[str, str], int] = {}
    for number, cells in told:
        row = _row(number, cells, fields, mistakes)
        if row is None:
            continue
        key = row["month"], row.get("channel", "").casefold()
        if key in seen:
            mistakes.append(FieldError(f"row {number}", f"the same month and channel as row {seen[key]}"))
        seen.setdefault(key, number)
        rows.append(row)
    if mistakes:
        raise _wrong(path, mistakes)
    return rows


def _lines(path: Path) -> Iterable[Line]:
    """Number of the row in the file, and its cells."""
    try:
        body = path.read_bytes()
    except OSError as error:
        raise _wrong(path, [FieldError("(file)", f"cannot be read: {error.strerror}")]) from error
    if len(body) > MOST_BYTES:
        raise _wrong(path, [FieldError("(file)", f"has {len(body):,} bytes; a plan has at most {MOST_BYTES:,}")])
    return _sheet_lines(path, body) if path.suffix.lower() == ".xlsx" else _csv_lines(path, body)


def _csv_lines(path: Path, body: bytes) -> Iterable[Line]:
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise _wrong(path, [FieldError("(file)", "is not UTF-8; save it as “CSV UTF-8”")]) from None
    head = text.split("\n", 1)[0]
    separator = max(";\t,", key=head.count)
    try:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
        return [(reader.line_num, row) for row in reader]
    except csv.Error as error:
        raise _wrong(path, [FieldError("(file)", f"is no CSV: {error}")]) from error


def _sheet_lines(path: Path, body: bytes) -> Iterable[Line]:
    from python_calamine import CalamineError, CalamineWorkbook

    try:
        sheet = CalamineWorkbook.from_filelike(io.BytesIO(body)).get_sheet_by_index(0)
        return list(enumerate(sheet.to_python(skip_empty_area=False), start=1))
    except (CalamineError, OSError, ValueError) as error:
        raise _wrong(path, [FieldError("(file)", f"is no XLSX that can be read: {error}")]) from error


def _fields(path: Path, line: Line) -> list[str]:
    number, header = line
    fields, mistakes = [], []
    for place, cell in enumerate(header):
        name = _JOINTS.sub("_", _text(cell).lower().replace("ё", "е")).strip("_")
        field = FIELD_OF.get(name, "")
        where = f"row {number}, column {_text(cell) or place + 1}"
        if name and not field:
            mistakes.append(FieldError(where, f"no such column; a plan has {', '.join(NAMES)}"))
        elif field and field in fields:
            mistakes.append(FieldError(where, f"{field} is told twice"))
        fields.append(field)
    if not mistakes and "month" not in fields:
        mistakes.append(FieldError(f"row {number}", "there is no column month"))
    if mistakes:
        raise _wrong(path, mistakes)
    return fields


def _row(number: int, cells: Sequence[Any], fields: Sequence[str], mistakes: list[FieldError]) -> dict[str, Any] | None:
    """The row, or None with its mistakes told."""
    row: dict[str, Any] = {}
    before = len(mistakes)
    extra = [cell for cell in cells[len(fields) :] if _text(cell)]
    if extra:
        mistakes.append(FieldError(f"row {number}", "has more cells than there are columns"))
    for field, cell in zip(fields, cells, strict=False):
        if not _text(cell) or not field:
            if field == "" and _text(cell):
                mistakes.append(FieldError(f"row {number}", f"{_text(cell)} stands in a column without a name"))
            continue
        try:
            row[field] = _value(field, cell)
        except ValueError as error:
            mistakes.append(FieldError(f"row {number}, column {field}", f"{_text(cell)}: {error}"))
    if len(mistakes) == before:
        try:
            PlanRow.model_validate(row)
        except ValidationError as error:
            for told in error.errors():
                mistakes.append(FieldError(f"row {number}, column {'.'.join(map(str, told['loc']))}", told["msg"]))
    return row if len(mistakes) == before else None


def _value(field: str, cell: Any) -> Any:
    if field == "month":
        return _month(cell)
    if field == "channel":
        return _text(cell)
    if field == "margin_romi" and _text(cell).endswith("%"):
        return str(parse_amount(_text(cell).removesuffix("%").strip(), MICRO) / 100)
    if isinstance(cell, float):
        cell = round(cell, 6)
    amount = parse_amount(cell if isinstance(cell, (int, float)) else _text(cell), MICRO)
    if field in COUNTS:
        if amount != amount.to_integral_value():
            raise ValueError("a whole number is needed")
        return int(amount)
    return str(amount.normalize() if amount else Decimal(0)) if abs(amount) < 1 else f"{amount.normalize():f}"


def _month(cell: Any) -> str:
    if isinstance(cell, (date, datetime)):
        return f"{cell:%Y-%m}"
    match = _MONTH.fullmatch(_text(cell))
    if match is None:
        raise ValueError("a month is written 2026-10 or 10.2026")
    return f"{match[1] or match[4]}-{match[2] or match[3]}"


def _text(cell: Any) -> str:
    return "" if cell is None else str(cell).strip()


def _wrong(path: Path, mistakes: Sequence[FieldError]) -> SettingsError:
    left = len(mistakes) - MOST_TOLD
    told = [FieldError(f"{path.name}, {mistake.path}", mistake.message) for mistake in mistakes[:MOST_TOLD]]
    if left > 0:
        told.append(FieldError(path.name, f"and {left} more"))
    return SettingsError("the plan is not applied; mend these places:", told)
