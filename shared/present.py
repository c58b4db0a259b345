"""The present time, for the few who work on nobody's event: a signature made now, a read of another system. Everywhere else `now`
is the event's own time. The local stack puts its clock in place of this one (infra/local/clock.py): a month can be played."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime


def wall_clock() -> datetime:
    """The machine's time, UTC."""
    return datetime.now(UTC)


_clock: Callable[[], datetime] = wall_clock


def present() -> datetime:
    """Now, UTC."""
    return _clock()


def follow(clock: Callable[[], datetime]) -> None:
    """From here on `present` asks this clock."""
    global _clock
    _clock = clock
