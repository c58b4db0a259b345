"""One cell of a cost file → its value. Pure; `BadCell` carries the code of the message."""

from __future__ import annotations

import calendar
import re
from datetime import date
from decimal import Decimal
from typing import Any

from shared.identity import redact, redact_emails
from shared.money import KOPECK, MICRO, parse_amount
from shared.records import COST

EARLIEST_YEAR = 2000
NOTHING = frozenset({"", "-", "--", "—", "–"})  # how ad systems write "no figure"
YES_NO = {
    **dict.fromkeys(("да", "yes", "true", "1", "с ндс"), True),
    **dict.fromkeys(("нет", "no", "false", "0", "без ндс"), False),
}
CURRENCIES = {**dict.fromkeys(("₽", "руб", "руб.", "р", "р.", "rur"), "RUB"), "$": "USD", "€": "EUR"}
_MOST_COST = next(column.bound for column in COST.columns if column.name == "cost")
_SPACES = re.compile(r"[\s\u00a0\u202f\u2009]")
_WHOLE = re.compile(r"[0-9]{1,15}(?:[.,]0{1,6})?")
_ISO_DAY = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
_RUSSIAN_DAY = re.compile(r"([0-9]{2})\.([0-9]{2})\.([0-9]{4})")
_MONTH = re.compile(r"([0-9]{4})-([0-9]{2})|([0-9]{2})\.([0-9]{4})")
_CODE = re.compile(r"[A-Z]{3}")
# 1,234: a thousand to an American, one and a bit to a Russian. 0,125 and 1234,567 have one reading.
_TWO_READINGS = re.compile(r"[+-]?[1-9][0-9]{0,2},[0-9]{3}")


class BadCell(ValueError):
    """`code` of functions/costs/messages.py and the values of its sentence."""

    def __init__(self, code: str, **values: Any) -> None:
        super().__init__(code)
        self.code, self.values = code, values


def cost(cell: str) -> Decimal:
    """Spend to the millionth; negative = a correction of the ad system. The sum must be told: 0 deletes a row."""
    text = cell.strip()
    if text in NOTHING:
        raise BadCell("cost_needed")
    if _TWO_READINGS.fullmatch(text):
        raise BadCell("two_readings", cell=text, plain=text.replace(",", ""), decimal=text.replace(",", "."))
    try:
        amount = parse_amount(text, MICRO)
    except ValueError as error:
        raise BadCell("bad_cost", cell=text) from error
    if abs(amount) >= _MOST_COST:
        raise BadCell("cost_too_large", cell=text, most=f"{_MOST_COST - 1:,}".replace(",", " "))
    return amount


def count(cell: str) -> int | None:
    """Clicks, impressions: a whole number from 0 up; None where none is told."""
    text = cell.strip()
    if text in NOTHING:
        return None
    text = _SPACES.sub("", text)
    if not _WHOLE.fullmatch(text):
        raise BadCell("bad_count", cell=cell)
    return int(re.split("[.,]", text)[0])


def day(cell: str, last_year: int) -> date | None:
    """`2026-10-31` or `31.10.2026`; None where empty."""
    text = cell.strip()
    if not text:
        return None
    if match := _ISO_DAY.fullmatch(text):
        year, month, number = match.groups()
    elif match := _RUSSIAN_DAY.fullmatch(text):
        number, month, year = match.groups()
    else:
        raise BadCell("bad_day", cell=text)
    _check_year(int(year), text, last_year)
    try:
        return date(int(year), int(month), int(number))
    except ValueError as error:
        raise BadCell("bad_day", cell=text) from error


def month(cell: str, last_year: int) -> tuple[date, date] | None:
    """`2026-10` or `10.2026` → its first and last day; None where empty."""
    text = cell.strip()
    if not text:
        return None
    match = _MONTH.fullmatch(text)
    if match is None:
        raise BadCell("bad_month", cell=text)
    year, number = int(match[1] or match[4]), int(match[2] or match[3])
    _check_year(year, text, last_year)
    if not 1 <= number <= 12:
        raise BadCell("bad_month", cell=text)
    return date(year, number, 1), date(year, number, calendar.monthrange(year, number)[1])


def text(cell: str, most: int) -> str | None:
    """Text as it stands (formulas and HTML are text too), its ends trimmed."""
    value = cell.strip()
    if len(value) > most:
        raise BadCell("too_long", most=most)
    return value or None


def mark(cell: str, most: int) -> str | None:
    """A utm mark as the hit door keeps it: without e-mails, long numbers stay."""
    value = text(cell, most)
    return redact_emails(value) if value else None


def account(cell: str, most: int) -> str | None:
    """An ad account. An e-mail or international phone is refused: it must not be stored, and without it two accounts would be
    one. Other digits stay: ids of accounts look like national phones."""
    value = text(cell, most)
    if value and (redact if "+" in value else redact_emails)(value) != value:
        raise BadCell("personal_account")
    return value


def currency(cell: str) -> str | None:
    """Code of three letters; the signs and short forms that people write are known."""
    value = cell.strip()
    if not value:
        return None
    code = CURRENCIES.get(value.lower(), value.upper())
    if not _CODE.fullmatch(code):
        raise BadCell("bad_currency", cell=value)
    return code


def yes_no(cell: str) -> bool | None:
    value = cell.strip().lower()
    if not value:
        return None
    if value not in YES_NO:
        raise BadCell("bad_yes_no", cell=cell)
    return YES_NO[value]


def percent(cell: str) -> Decimal | None:
    """`22`, `22%`, `без НДС` (0)."""
    value = cell.strip().lower()
    if not value:
        return None
    if value == "без ндс":
        return Decimal("0.00")
    try:
        share = parse_amount(value.removesuffix("%"), KOPECK)
    except ValueError as error:
        raise BadCell("bad_percent", cell=cell) from error
    if not 0 <= share <= 100:
        raise BadCell("bad_percent", cell=cell)
    return share


def _check_year(year: int, cell: str, last_year: int) -> None:
    if not EARLIEST_YEAR <= year <= last_year:
        raise BadCell("bad_year", cell=cell, most=last_year)
