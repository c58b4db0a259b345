"""How many numbers a pool needs: Erlang B (A. K. Erlang, 1917). Who finds no free number sees the default one, and does
not wait.

Offered load in erlang = arrivals an hour × hold in hours; hold = visit + lease after the last sign of life + cool-down. Pure.
"""

from __future__ import annotations

MOST_NUMBERS = 100_000


def offered_load(visitors_per_hour: float, hold_seconds: float) -> float:
    """Erlang: how many numbers would be held at a time if none ever lacked."""
    return visitors_per_hour * hold_seconds / 3600


def loss(load: float, numbers: int) -> float:
    """Share of visitors who find all `numbers` held: B(0) = 1, B(n) = load · B(n−1) / (n + load · B(n−1))."""
    blocked = 1.0
    for count in range(1, numbers + 1):
        blocked = load * blocked / (count + load * blocked)
    return blocked


def numbers_for(load: float, most_loss: float) -> int:
    """Fewest numbers with a loss of at most `most_loss` (a share above 0). OverflowError above MOST_NUMBERS."""
    blocked = 1.0
    for count in range(MOST_NUMBERS + 1):
        if count:
            blocked = load * blocked / (count + load * blocked)
        if blocked <= most_loss:
            return count
    raise OverflowError(f"more than {MOST_NUMBERS} numbers")
