"""Sums of deals in CRMs that compute with them: fractions of a kopeck and all digits of a float (0.30000000000000004). Pure."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Decimal

from shared.money import KOPECK, LARGEST, parse_amount

_LONG = re.compile(r"[+-]?[0-9]{1,40}(?:\.[0-9]{0,400})?(?:[eE][+-]?[0-9]{1,3})?")


def rounded_sum(told: object) -> Decimal | None:
    """A number, or text of one, to whole kopecks, halves away from zero; None for an empty one. ValueError for what is no sum, or
    one beyond the lake's range."""
    if told is None or told == "":
        return None
    try:
        return parse_amount(told)
    except ValueError:
        text = repr(told) if isinstance(told, float) else str(told) if isinstance(told, (str, int)) else ""
        if isinstance(told, bool) or not _LONG.fullmatch(text.strip()):
            raise
    amount = Decimal(text.strip())
    if abs(amount) > LARGEST:
        raise ValueError("an amount has at most 13 digits before the point")
    return amount.quantize(KOPECK, ROUND_HALF_UP) + 0  # no minus before nothing
