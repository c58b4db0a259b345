"""What the portal allows: a leaky bucket of calls, and the running time of each method."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from datetime import datetime

PERIOD, MINUTE = 600, 60


class Bucket:
    """Every call fills it by one, `per_second` run off; a call over `most` is refused."""

    def __init__(self, clock: Callable[[], datetime], per_second: float = 2, most: float = 50) -> None:
        self._clock, self.per_second, self.most = clock, per_second, most
        self._level, self._at = 0.0, clock()
        self.calls, self.refused, self.highest = 0, 0, 0.0

    def takes(self) -> bool:
        """Whether one more call fits."""
        now = self._clock()
        self._level = max(0.0, self._level - (now - self._at).total_seconds() * self.per_second)
        self._at = now
        self.calls += 1
        if self._level + 1 > self.most + 1e-6:
            self.refused += 1
            return False
        self._level += 1
        self.highest = max(self.highest, self._level)
        return True


class Operating:
    """Seconds that each method ran, in ten buckets of a minute; over `most` in ten minutes it is blocked."""

    def __init__(self, clock: Callable[[], datetime], most: float = 480) -> None:
        self._clock, self.most = clock, most
        self._ran: dict[str, deque[tuple[int, float]]] = {}
        self.blocked = 0

    def spend(self, method: str, seconds: float) -> None:
        """The method ran."""
        self._ran.setdefault(method, deque()).append((self._minute(), seconds))

    def spent(self, method: str) -> float:
        """Seconds within the last ten minutes."""
        ran = self._ran.setdefault(method, deque())
        while ran and ran[0][0] <= self._minute() - PERIOD // MINUTE:
            ran.popleft()
        return sum(seconds for _, seconds in ran)

    def is_blocked(self, method: str) -> bool:
        """Counted, where it is."""
        blocked = self.spent(method) > self.most
        self.blocked += blocked
        return blocked

    def reset_at(self, method: str) -> int:
        """Unix seconds at which its oldest minute is forgotten."""
        ran = self._ran.get(method)
        return (ran[0][0] if ran else self._minute()) * MINUTE + PERIOD

    def _minute(self) -> int:
        return int(self._clock().timestamp()) // MINUTE
