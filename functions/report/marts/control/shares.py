"""A share beside that of the period before, and whether it jumped. Pure."""

from __future__ import annotations

import math
from typing import Any

from functions.report.marts.ratios import divide

LEAST = 10  # of both periods; fewer say nothing
JUMP = 0.05  # five percentage points
SURE = 2.5758293035489  # of 1 % of all pairs of equal shares, chance alone makes a greater difference (both sides)


def share_of(count: int, of: int, before: int, of_before: int) -> dict[str, Any]:
    """Unrounded shares of both periods; None where there is nothing to have a share of."""
    return {"share": divide(count, of), "share_before": divide(before, of_before), "is_jump": jumped(count, of, before, of_before)}


def jumped(count: int, of: int, before: int, of_before: int, jump: float = JUMP) -> bool:
    """Whether a share moved by at least `jump` (five points), and by more than chance explains: two proportions with a pooled
    variance (the z-test), at 99 %, of at least ten each."""
    if min(of, of_before) < LEAST:
        return False
    pooled = (count + before) / (of + of_before)
    spread = math.sqrt(pooled * (1 - pooled) * (1 / of + 1 / of_before))
    difference = abs(count / of - before / of_before)
    return difference >= jump and difference > SURE * spread
