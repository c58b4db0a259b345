"""Field types of CRM bodies: what people's systems write → what the lake keeps. Pure.

Ids are text and never pass through a float; money goes through `parse_amount`; empty text means "not told".
Words are cut to the contract's length; ids that are too long are refused, because a cut id names something else.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict

from shared.identity import numbers_of, private_id, redact
from shared.money import MICRO, parse_amount
from shared.records import CRM_EVENT, PAYMENT
from shared.times import parse_instant

EARLIEST_YEAR = 2000
MOST_ID = 100
_CURRENCY = re.compile(r"[A-Z]{3}")
_SAME_CURRENCY = {"RUR": "RUB"}
LIMITS = {column.name: column.limit for column in (*CRM_EVENT.columns, *PAYMENT.columns)}
# Ids that are hashed whenever they look like a phone; digits alone of others may just look like one.
_OPEN_IDS = frozenset({"contact_id", "visitor_id", "request_id"})


class Body(BaseModel):
    """Unknown fields are passed over: CRMs send more than we read."""

    model_config = ConfigDict(extra="ignore", frozen=True)


def _text(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        return value
    return str(value).replace("\x00", "").strip()


def _identifier(value: Any) -> Any:
    if value is None:
        return None
    if isinstance(value, (float, bool)):
        raise ValueError("an id must be text or a whole number of at most 64 bits; write it as text")
    text = _text(value)
    if isinstance(text, str) and len(text) > MOST_ID:
        raise ValueError(f"an id has at most {MOST_ID} characters")
    return text or None


def _needed(value: str | None) -> str:
    if not value:
        raise ValueError("is needed")
    return value


def _words(value: Any) -> Any:
    if isinstance(value, (float, bool)):
        raise ValueError("must be text")
    return _text(value) or None


def _instant(value: Any) -> datetime | None:
    if value is None or value == "":
        return None
    instant = parse_instant(value)
    if instant.year < EARLIEST_YEAR:
        raise ValueError(f"a time before the year {EARLIEST_YEAR} cannot be right")
    return instant


def _amount(value: Any) -> Decimal | None:
    return None if value is None or value == "" else parse_amount(value)


def _exact(value: Any) -> Decimal | None:
    return None if value is None or value == "" else parse_amount(value, MICRO)


def _currency(value: Any) -> str | None:
    if value is None or value == "":
        return None
    code = value.strip().upper() if isinstance(value, str) else ""
    if not _CURRENCY.fullmatch(code):
        raise ValueError("a currency is a code of three letters, for example RUB")
    return _SAME_CURRENCY.get(code, code)


def _several(value: Any) -> Any:
    """One phone alone is taken like a list of one."""
    if value is None:
        return []
    items = value if isinstance(value, list) else [value]
    return [_text(item) for item in items if item is not None]


Identifier = Annotated[str | None, BeforeValidator(_identifier)]
NeededIdentifier = Annotated[str | None, BeforeValidator(_identifier), AfterValidator(_needed)]
Words = Annotated[str | None, BeforeValidator(_words)]
Instant = Annotated[datetime | None, BeforeValidator(_instant)]
NeededInstant = Annotated[datetime, BeforeValidator(_instant)]
Amount = Annotated[Decimal | None, BeforeValidator(_amount)]
ExactAmount = Annotated[Decimal | None, BeforeValidator(_exact)]
CurrencyCode = Annotated[str | None, BeforeValidator(_currency)]
Several = Annotated[list[str], BeforeValidator(_several)]


class BadField(ValueError):
    """A mistake that shows only when fields are seen together; the message names the place."""


class Private:
    """Keeps people's keys out of what is stored, whatever field a CRM puts them into (docs/method.md, privacy).

    `phones` are those that the body tells of the people concerned.
    """

    def __init__(self, phones: Iterable[str], key: bytes) -> None:
        self._numbers = numbers_of(phones)
        self._key = key

    def identifier(self, field: str, text: str | None) -> str | None:
        """An id as it is; one that holds a phone or an e-mail becomes its keyed hash (shared/identity.py)."""
        if text is None:
            return None
        if len(text) > LIMITS[field]:
            raise BadField(f"data.{field}: an id here has at most {LIMITS[field]} characters")
        return private_id(text, self._numbers, self._key, is_open=field in _OPEN_IDS)

    def words(self, field: str, text: str | None) -> str | None:
        """Free text without phones and e-mails, cut to what the lake keeps."""
        return redact(text)[: LIMITS[field]] if text else None

    def mark(self, field: str, text: str | None) -> str | None:
        """UTM text: long numbers in it are ids of campaigns and stay."""
        if not text:
            return None
        return (redact(text) if "@" in text or "+" in text or "%" in text else text)[: LIMITS[field]]
