"""Exact money. Amounts are `Decimal` in major units (roubles); splitting works in whole kopecks."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import ROUND_FLOOR, ROUND_HALF_UP, Decimal

KOPECK = Decimal("0.01")
MICRO = Decimal("0.000001")
LARGEST = Decimal("9999999999999.99")
_NUMBER = re.compile(r"[+-]?[0-9]{1,13}(?:[.,][0-9]{1,6})?")
_SPACES = str.maketrans("", "", " \u00a0\u202f\u2009'")


def parse_amount(value: object, places: Decimal = KOPECK) -> Decimal:
    """Amount from outside: a JSON number or text such as `186400.00`, `1 234,50`. ValueError says what is wrong.

    More digits after the point than `places` carries are refused, never rounded away silently.
    """
    if isinstance(value, bool) or not isinstance(value, (str, int, float, Decimal)):
        raise ValueError("an amount must be a number or decimal text")
    text = repr(value) if isinstance(value, float) else str(value)
    text = text.translate(_SPACES)
    if not _NUMBER.fullmatch(text):
        raise ValueError("an amount must be a plain decimal number, for example 186400.00")
    amount = Decimal(text.replace(",", "."))
    if amount != amount.quantize(places):
        raise ValueError(f"an amount carries at most {-int(places.as_tuple().exponent)} digits after the point")
    return amount.quantize(places)


def to_kopecks(amount: Decimal) -> int:
    """Whole kopecks, halves away from zero."""
    return int((amount / KOPECK).to_integral_value(ROUND_HALF_UP))


def largest_remainder(total: int, weights: Sequence[float | Decimal]) -> list[int]:
    """Parts of `total` (kopecks) in proportion to `weights` (sum 1) that add up to it exactly.

    Quotas are taken to 10⁻⁶ kopeck, ties go to the earlier place, a negative total mirrors the positive one
    (docs/method.md, "Parts of money"). The same rule as functions/attribution/sql/credits.sql.
    """
    sign, size = (-1, -total) if total < 0 else (1, total)
    quotas = [Decimal(size) * Decimal(w) for w in weights]
    micro = [int((q * 1_000_000).to_integral_value(ROUND_HALF_UP)) for q in quotas]
    parts = [int((Decimal(m) / 1_000_000).to_integral_value(ROUND_FLOOR)) for m in micro]
    left = size - sum(parts)
    order = sorted(range(len(parts)), key=lambda i: (-(micro[i] % 1_000_000), i))
    for i in order[: max(left, 0)]:
        parts[i] += 1
    for i in order[left:] if left < 0 else ():  # weights a hair over 1 in sum overshoot by a kopeck in 10¹⁵
        parts[i] -= 1
    return [sign * part for part in parts]
