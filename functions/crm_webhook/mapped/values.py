"""What people and their systems write for sums, times and codes of money → what the lake keeps. Pure; ValueError says what is
wrong."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from functions.crm_webhook.reading import EARLIEST_YEAR
from shared.money import KOPECK, LARGEST, MICRO, parse_amount
from shared.times import parse_instant

# Signs and words of money as they stand beside sums, and their codes. What is not among them is no currency.
_CURRENCIES = {
    "₽": "RUB", "р": "RUB", "руб": "RUB", "рубль": "RUB", "рубля": "RUB", "рублей": "RUB", "rur": "RUB", "rub": "RUB",
    "$": "USD", "usd": "USD", "€": "EUR", "eur": "EUR", "£": "GBP", "₸": "KZT", "тг": "KZT", "тенге": "KZT", "kzt": "KZT",
    "br": "BYN", "byn": "BYN", "₴": "UAH", "грн": "UAH", "uah": "UAH", "¥": "CNY", "cny": "CNY", "₾": "GEL", "₺": "TRY", "₼": "AZN",
    "сум": "UZS", "uzs": "UZS",
}  # fmt: skip
_CODE = re.compile(r"[a-z]{3}")
_SUM = re.compile(r"(?P<before>[^\d+-]*)(?P<number>[+-]?[\d.,\s'\u00a0\u202f\u2009]*\d)(?P<after>[^\d]*)")
_SPACES = re.compile(r"[\s'\u00a0\u202f\u2009]")
# `1.234.567,5` and `1,234,567.5`: the sign that stands several times, or first, parts thousands.
_THOUSANDS = re.compile(r"[+-]?\d{1,3}(?:(?P<sign>[.,])\d{3})(?:(?P=sign)\d{3})*(?P<rest>[.,]\d{1,6})?")
_DAY_FIRST = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})(?:[ T,]+(\d{1,2}):(\d{2})(?::(\d{2}))?)?")
_NO_TIME = re.compile(r"0000-00-00.*")  # what databases write where there is none
_MOST_TEXT = 60  # characters of a sum or a time: longer ones are none, and cost the patterns nothing
_UNIX = re.compile(r"\d{9,13}(?:\.\d{1,6})?")


class Sum(NamedTuple):
    """`currency` where a sign or word of money stood beside the number."""

    amount: Decimal
    currency: str | None


def sum_of(told: Any, unit: str = "whole") -> Sum:
    """`1 200,50 ₽`, `1.200,50`, `$1,200.50`, 186400, `"18640000.0"` (unit `cents`: hundredths, a fraction of one is rounded).

    `1,234` and `1.234` are refused: a thousand to one reader, one and a bit to another.
    """
    currency = None
    if isinstance(told, str):
        found = _SUM.fullmatch(told.strip()) if len(told) <= _MOST_TEXT else None
        if found is None:
            raise ValueError("a sum is a number, with or without a sign of money: 1 200,50 ₽")
        signs = [sign for part in (found["before"], found["after"]) if (sign := part.strip().strip(".:").strip())]
        codes = {_code(sign) for sign in signs}
        if len(codes) > 1:
            raise ValueError("two currencies stand beside one sum")
        currency = next(iter(codes), None)
        told = _plain(_SPACES.sub("", found["number"]))
    amount = (parse_amount(told, MICRO) / 100).quantize(KOPECK, ROUND_HALF_UP) if unit == "cents" else parse_amount(told)
    if abs(amount) > LARGEST:
        raise ValueError("the sum is larger than can be stored")
    return Sum(amount, currency)


def currency_of(told: str) -> str:
    """Code of a currency, of its sign or its Russian word."""
    return _code(told.strip().strip("."))


def instant_of(told: Any, zone: str) -> datetime:
    """ISO 8601, `2026-10-29 15:12:48.310`, `29.10.2026 15:12`, a day alone, unix seconds or milliseconds. What has no offset is
    the zone's local time."""
    if isinstance(told, str):
        text = told.strip()[:_MOST_TEXT]
        told = (float(text) if "." in text else int(text)) if _UNIX.fullmatch(text) else _with_offset(text, zone)
    instant = parse_instant(told)
    if instant.year < EARLIEST_YEAR:
        raise ValueError(f"a time before the year {EARLIEST_YEAR} cannot be right")
    return instant


def is_no_time(told: Any) -> bool:
    """A database's way of saying that there is none."""
    return isinstance(told, str) and _NO_TIME.fullmatch(told.strip()) is not None


def _code(text: str) -> str:
    word = text.lower().strip(".")
    if word in _CURRENCIES:
        return _CURRENCIES[word]
    if _CODE.fullmatch(word):
        return word.upper()
    raise ValueError("what stands there, or beside the sum, is no currency; write a code of three letters")


def _plain(number: str) -> str:
    """Without signs that part thousands. What stands once before three digits may be either, and stays to be refused."""
    parted = _THOUSANDS.fullmatch(number)
    if parted is None or (parted["rest"] or "")[:1] == parted["sign"]:
        return number
    if parted["rest"] is None and number.count(parted["sign"]) == 1:
        return number
    return number.replace(parted["sign"], "")


def _with_offset(text: str, zone: str) -> str:
    if day_first := _DAY_FIRST.fullmatch(text):
        day, month, year, hour, minute, second = (int(part or 0) for part in day_first.groups())
        try:
            local = datetime(year, month, day, hour, minute, second)
        except ValueError as error:
            raise ValueError("there is no such day or hour") from error
    else:
        try:
            local = datetime.fromisoformat(text)
        except ValueError as error:
            raise ValueError("a time is ISO 8601, 29.10.2026 15:12, or unix time") from error
    if local.tzinfo is not None:
        return local.isoformat()
    try:
        return local.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC).isoformat()
    except OverflowError as error:
        raise ValueError("the time lies outside the calendar") from error
