"""Rows that nobody has asked for, to try a template on before it is published: any column is there, and its value may be taken for
a number, a text or a day."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from functions.report.own.filters import Filters, filters_of
from functions.report.own.record import Record
from functions.report.view.formats import Formats

ROWS = 20  # so that a template may speak of the first few


class Anything(Decimal):
    """A one that may be compared with, sliced and looked into like a text."""

    def __lt__(self, other: object) -> bool:
        return True

    __le__ = __gt__ = __ge__ = __lt__
    __hash__ = Decimal.__hash__

    def __eq__(self, other: object) -> bool:
        return False

    def __getitem__(self, place: object) -> Anything:
        return self

    def __contains__(self, part: object) -> bool:
        return True

    def __len__(self) -> int:
        return 1

    def __iter__(self) -> Iterator[Anything]:
        return iter((self,))


class AnyRecord(Record):
    """Has every column."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__({})

    def __getitem__(self, name: str) -> Any:
        return Anything(1)


def invented_names() -> Mapping[str, Any]:
    """What a template is told, over invented rows."""
    day = date(2026, 10, 1)
    return {
        "rows": [AnyRecord() for _ in range(ROWS)],
        "columns": ["column"] * ROWS,
        "is_cut": False,
        "title": "title",
        "site": "site",
        "first_day": day,
        "last_day": day,
        "language": "en",
        "model": "linear",
    }


def invented_filters() -> Filters:
    """The filters as they are, the one of days taking an invented value for a day."""
    filters = filters_of(Formats("en", "RUB", "UTC"))
    return {**filters, "day": _taking_anything(filters["day"])}


def _taking_anything(day: Callable[..., str]) -> Callable[..., str]:
    return lambda value: "1" if isinstance(value, Anything) else day(value)
