"""The one way figures are divided."""

from __future__ import annotations

from decimal import Decimal


def divide(part: Decimal | float | None, whole_: Decimal | float | None) -> float | None:
    """Unrounded fraction, or None where one side is missing or the divisor is nothing."""
    if part is None or not whole_:
        return None
    return float(Decimal(part) / Decimal(whole_))
