"""The answer to a customer's query as a report keeps and shows it: bounded in rows, columns and characters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from functions.report.own.reading import MOST_ROWS
from functions.report.view.formats import EMPTY, Formats, clean
from shared.errors import BadInput
from shared.warehouse import Row

MOST_CELL = 2000  # characters of a text
MOST_NAME = 60
MOST_COLUMNS = 50
MOST_CHARACTERS = 4_000_000  # of all texts of an answer; a kept answer takes less than 20 MB
_SPARE = 4  # cleaning shortens a text: so many times more of it is looked at
Cell = str | int | float | bool | Decimal | date | datetime | None


class Answer(NamedTuple):
    """At most 1,000 rows, each with all `columns`; `is_cut`: there were more."""

    columns: tuple[str, ...]
    rows: tuple[dict[str, Cell], ...]
    is_cut: bool


def answer_of(rows: Sequence[Row]) -> Answer:
    """What is kept of what the engine gave. BadInput for too many columns, and columns that cannot be told apart."""
    names = list(rows[0]) if rows else []
    if len(names) > MOST_COLUMNS:
        raise BadInput(f"it has {len(names)} columns; a section shows at most {MOST_COLUMNS}")
    columns = tuple(clean(name[: MOST_NAME * _SPARE], MOST_NAME) for name in names)
    if len(set(columns)) < len(columns):
        raise BadInput(f"two of its columns have the same first {MOST_NAME} characters of their names; give them other names")
    kept = (dict(zip(columns, map(_cell, row.values()), strict=True)) for row in rows[:MOST_ROWS])
    return Answer(columns, tuple(kept), len(rows) > MOST_ROWS)


def shown(value: Cell, formats: Formats, words: Mapping[str, Any]) -> str:
    """A cell in the reader's language; an empty one is a dash."""
    if value is None or value == "":
        return EMPTY
    if isinstance(value, bool):
        return str(words["own"]["yes" if value else "no"])
    if isinstance(value, datetime):
        return formats.short_instant(value)
    if isinstance(value, date):
        return formats.short_day(value)
    if isinstance(value, int):
        return formats.count(value)
    if isinstance(value, Decimal):
        return formats.decimal(value, 2)
    return formats.decimal(value, 3, fixed=False) if isinstance(value, float) else value


def _cell(value: Any) -> Cell:
    if value is None or isinstance(value, (bool, int, float, Decimal, date)):
        finite = not isinstance(value, (float, Decimal)) or (value == value and abs(value) != float("inf"))
        return value if finite else None
    return clean(str(value)[: MOST_CELL * _SPARE], MOST_CELL)  # texts, and what has no form of its own: lists, maps
