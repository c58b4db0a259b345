"""Filters of a customer's template. Each takes a bounded time whatever it is given, and says in words what it does not take."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from jinja2.filters import FILTERS

from functions.report.own.record import Record
from functions.report.view.formats import EMPTY, Formats
from shared.errors import BadInput

MOST_DIGITS = 9  # after the point
OWN_FILTERS = ("money", "number", "percent", "day", "sum", "round", "abs")
# Of Jinja2: their time and their answer grow with the value alone. Left out are those that make much of little (center, format,
# join, indent, wordwrap), that sort or group, or that call.
PLAIN_FILTERS = ("default", "d", "length", "count", "first", "last", "upper", "lower", "trim", "e", "escape")
Filters = dict[str, Callable[..., Any]]


def filters_of(formats: Formats) -> Filters:
    """All filters there are, for one reader. What is empty is a dash in the first four, and stays empty in `round` and `abs`."""

    def money(value: Any) -> str:
        return EMPTY if value is None else formats.money(_number("money", value))

    def number(value: Any, digits: Any = 0) -> str:
        return EMPTY if value is None else formats.decimal(_number("number", value), _digits("number", digits))

    def percent(value: Any) -> str:
        return EMPTY if value is None else formats.share(_number("percent", value))

    def day(value: Any) -> str:
        if isinstance(value, datetime):
            return formats.short_instant(value)
        if value is not None and not isinstance(value, date):
            raise BadInput(f"the template's filter day takes a day or a time, not {_told(value)}")
        return EMPTY if value is None else formats.short_day(value)

    return {
        **{name: FILTERS[name] for name in PLAIN_FILTERS},
        "money": money,
        "number": number,
        "percent": percent,
        "day": day,
        "sum": _sum,
        "round": _round,
        "abs": _abs,
    }


def _sum(rows: Any, column: Any) -> Any:
    """Of a column; empty cells are nothing."""
    if not isinstance(rows, list) or not all(isinstance(row, Record) for row in rows):
        raise BadInput('the template\'s filter sum takes rows and the name of a column: rows|sum("revenue")')
    values = [value for row in rows if (value := row[column]) is not None]
    return sum(_number("sum", value) for value in values)


def _round(value: Any, digits: Any = 0, method: str = "common") -> Any:
    if method != "common":
        raise BadInput("the template's filter round knows no other method than common")
    return None if value is None else round(_number("round", value), _digits("round", digits))


def _abs(value: Any) -> Any:
    return None if value is None else abs(_number("abs", value))


def _number(name: str, value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal)):
        raise BadInput(f"the template's filter {name} takes a number, not {_told(value)}")
    return value


def _digits(name: str, digits: Any) -> int:
    if isinstance(digits, bool) or not isinstance(digits, int) or not 0 <= digits <= MOST_DIGITS:
        raise BadInput(f"the template's filter {name} shows 0 to {MOST_DIGITS} digits after the point")
    return digits


def _told(value: Any) -> str:
    if isinstance(value, str):
        return f"the text «{value[:40]}»"
    return {bool: "yes or no", list: "a list", Record: "a row", date: "a day", datetime: "a time"}.get(type(value), "a number")
