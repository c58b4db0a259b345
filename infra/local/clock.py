"""Clocks of the local stack, and moto made to follow them.

A simulated clock lets a month be played in a minute: the gateway stamps it on every event, and moto must agree with it, because it
names Firehose's objects by the hour, stamps `SentTimestamp` on messages and decides when a hidden message becomes visible again.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import Protocol

from shared import present


class Clock(Protocol):
    """Where the local stack's `now` comes from."""

    def now(self) -> datetime:
        """Aware instant in UTC."""
        ...


class RealClock:
    """The machine's clock, for `make up`."""

    def now(self) -> datetime:
        return datetime.now(UTC)


class SimulatedClock:
    """Stands still until it is moved; safe to read while another thread moves it."""

    def __init__(self, start: datetime) -> None:
        self._lock = threading.Lock()
        self._now = _utc(start)

    def now(self) -> datetime:
        with self._lock:
            return self._now

    def set(self, instant: datetime) -> None:
        """Jump to an instant, forward or back. ValueError when it has no time zone."""
        with self._lock:
            self._now = _utc(instant)

    def advance(self, by: timedelta) -> datetime:
        """Move on; gives the new now."""
        with self._lock:
            self._now += by
            return self._now


def _utc(instant: datetime) -> datetime:
    if instant.tzinfo is None:
        raise ValueError("the clock needs an instant with a time zone")
    return instant.astimezone(UTC)


# moto has one clock, `moto.core.utils.utcnow` (naive UTC); `unix_time` and its kin call it there. These modules imported the
# function by name, so each holds a reference of its own: Firehose's object keys, S3's LastModified, the sending times of SES.
_MOTO_MODULES = ("moto.core.utils", "moto.firehose.models", "moto.s3.models", "moto.ses.models")
_DRIVING: list[Clock] = []


def _moto_now() -> datetime:
    # A module of moto first imported while a stack runs keeps this function for good; without a stack it tells the real time.
    instant = _DRIVING[-1].now() if _DRIVING else datetime.now(UTC)
    return instant.replace(tzinfo=None)


@contextmanager
def moto_follows(clock: Clock) -> Iterator[None]:
    """While open, moto's time and the functions' present are the clock's.

    RuntimeError when another clock drives it: moto's state is one per process.
    """
    if _DRIVING:
        raise RuntimeError("another local stack runs in this process; close it first")
    modules = [import_module(name) for name in _MOTO_MODULES]
    originals = [module.utcnow for module in modules]
    _DRIVING.append(clock)
    for module in modules:
        module.utcnow = _moto_now  # type: ignore[attr-defined]  # a module as such has no such attribute
    present.follow(clock.now)
    try:
        yield
    finally:
        for module, original in zip(modules, originals, strict=True):
            module.utcnow = original  # type: ignore[attr-defined]  # as where it was put
        _DRIVING.remove(clock)
        present.follow(present.wall_clock)
