"""Numbers, money and dates as a reader of that language writes them. One rule per kind of figure, for mail, text and page."""

from __future__ import annotations

import unicodedata
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from zoneinfo import ZoneInfo

from babel import Locale
from babel.core import UnknownLocaleError
from babel.dates import format_date, format_interval, format_time, get_timezone_location
from babel.numbers import format_decimal, get_currency_symbol

NBSP = "\u00a0"
MINUS = "\u2212"
EMPTY = "\u2014"
WHOLE_FROM = 1000  # from here on money is shown in whole units
MONEY = frozenset({"cost", "revenue", "gross_profit", "cpl", "cpo"})
COUNTS = frozenset({"visits", "requests", "qualified", "sales"})
Number = Decimal | float | int


class Formats:
    """`language` ru or en, `currency` an ISO code, `zone` the site's time zone."""

    def __init__(self, language: str, currency: str, time_zone: str) -> None:
        self.locale = Locale(language)
        self.zone = ZoneInfo(time_zone)
        self.symbol = "₽" if currency == "RUB" else _symbol(currency, self.locale)
        self._is_symbol_first = language == "en"

    def figure(self, measure: str, value: Number | None) -> str:
        """Any measure of M without its currency; an empty one is a dash."""
        if value is None:
            return EMPTY
        if measure in MONEY:
            return self.amount(value)
        if measure in COUNTS:
            return self.count(value)
        return self.decimal(value, 2) if measure == "roas" else self.percent(value)

    def amount(self, value: Number) -> str:
        """Money without its symbol: kopecks below 1000 where there are any, whole units above."""
        amount = value if isinstance(value, Decimal) else Decimal(repr(value))
        is_whole = abs(amount) >= WHOLE_FROM or amount == amount.to_integral_value()
        return self.decimal(amount, 0 if is_whole else 2, fixed=True)

    def money(self, value: Number | None) -> str:
        """Money with its symbol."""
        if value is None:
            return EMPTY
        text = self.amount(value)
        if not self._is_symbol_first:
            return f"{text}{NBSP}{self.symbol}"
        gap = NBSP if self.symbol.isalpha() else ""
        return f"{MINUS}{self.symbol}{gap}{text[1:]}" if text.startswith(MINUS) else f"{self.symbol}{gap}{text}"

    def count(self, value: Number) -> str:
        """A count; a sum of parts carries one digit after the point, unless the parts make a whole (to a millionth)."""
        told: Number = round(float(value), 6)
        return self.decimal(told, 1, fixed=told != int(told))

    def decimal(self, value: Number, digits: int, fixed: bool = True) -> str:
        """Rounded half away from zero to `digits`, grouped; `fixed` keeps trailing zeros."""
        pattern = "#,##0" + (f".{('0' if fixed else '#') * digits}" if digits else "")
        number = value if isinstance(value, Decimal) else Decimal(repr(value))
        rounded = number.quantize(Decimal(1).scaleb(-digits), "ROUND_HALF_UP")
        rounded = abs(rounded) if rounded == 0 else rounded
        return format_decimal(rounded, pattern, locale=self.locale).replace("-", MINUS)

    def percent(self, fraction: Number) -> str:
        """A signed share: 1.44 is +144 %."""
        text = self._percent_number(fraction)
        sign = "" if text.startswith(MINUS) or text == "0" else "+"
        return sign + text + self._percent_sign

    def share(self, fraction: Number) -> str:
        """A share without a plus."""
        return self._percent_number(fraction) + self._percent_sign

    def points(self, difference: Number) -> str:
        """A difference of two shares, in percentage points, without their name."""
        return self.percent(difference).removesuffix(self._percent_sign)

    def _percent_number(self, fraction: Number) -> str:
        hundredths = Decimal(repr(fraction) if isinstance(fraction, float) else fraction) * 100
        return self.decimal(hundredths, 1 if abs(hundredths) < WHOLE_FROM else 0, fixed=False)

    @property
    def _percent_sign(self) -> str:
        return "%" if self._is_symbol_first else f"{NBSP}%"

    def days(self, first: date, last: date) -> str:
        """A period, as `13 сентября – 12 октября 2026 г.`"""
        if first == last:
            return self.day(first)
        return str(format_interval(first, last, "yMMMMd", locale=self.locale))

    def day(self, day: date) -> str:
        return format_date(day, "d MMMM y" if not self._is_symbol_first else "MMMM d, y", locale=self.locale)

    def short_day(self, day: date) -> str:
        """A day for a table: `03.10.2026`, `Oct 3, 2026`."""
        return _short_day(day, self.locale)

    def short_instant(self, at: datetime) -> str:
        """Day and time of an instant in the site's zone, for a list: `03.10.2026 12:12`."""
        local = at.astimezone(self.zone)
        return f"{_short_day(local.date(), self.locale)} {local:%H:%M}"

    def instant(self, at: datetime) -> tuple[str, str, str]:
        """Time, day and place of an instant in the site's zone: `06:10`, `13 октября 2026`, `Москва`."""
        local = at.astimezone(self.zone)
        place = get_timezone_location(self.zone, locale=self.locale, return_city=True) or self.zone.key
        return format_time(local, "HH:mm", locale=self.locale), self.day(local.date()), place


def clean(text: str, most: int = 0) -> str:
    """Text from outside for one line: no control or direction characters, single spaces, cut to `most` characters."""
    kept = "".join(" " if unicodedata.category(c) in ("Cc", "Zl", "Zp", "Cs") else c for c in text if not _turns(c))
    line = " ".join(kept.split())
    return line if not most or len(line) <= most else line[: most - 1].rstrip() + "…"


def _turns(character: str) -> bool:
    """Characters that change the direction of what follows, and could make a line read as something else."""
    return character in "\u200e\u200f\u061c\ufeff" or "\u202a" <= character <= "\u202e" or "\u2066" <= character <= "\u2069"


@lru_cache(maxsize=4096)
def _short_day(day: date, locale: Locale) -> str:
    """Kept, because thousands of touches share a few hundred days and wording one takes time."""
    return str(format_date(day, "dd.MM.y" if locale.language == "ru" else "MMM d, y", locale=locale))


def _symbol(currency: str, locale: Locale) -> str:
    try:
        return get_currency_symbol(currency, locale=locale)
    except (UnknownLocaleError, LookupError):
        return currency
