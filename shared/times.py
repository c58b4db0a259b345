"""Instants: aware UTC `datetime`, exact to the millisecond; text form of the lake is `YYYY-MM-DD HH:MM:SS.mmm`.

`now` is always the event's own time and comes in as an argument; nothing here reads a clock.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def from_millis(millis: int) -> datetime:
    """Unix milliseconds → instant. Raises OverflowError outside years 1..9999."""
    return EPOCH + timedelta(milliseconds=millis)


def to_millis(instant: datetime) -> int:
    """Instant → whole unix milliseconds (rounded down)."""
    return (instant - EPOCH) // timedelta(milliseconds=1)


def lake_text(instant: datetime) -> str:
    """`2026-10-12 07:40:26.000`: the one form of an instant in the lake, in UTC."""
    # Not strftime: its %Y gives 999 for the year 999, which no engine reads.
    return instant.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "milliseconds")


def from_lake_text(text: str) -> datetime:
    """Inverse of `lake_text`; ValueError on anything else."""
    return datetime.strptime(text, "%Y-%m-%d %H:%M:%S.%f").replace(tzinfo=UTC)


def parse_instant(value: object) -> datetime:
    """Instant from outside: ISO 8601 text with an offset or `Z`, or unix seconds/milliseconds as a number.

    A number ≥ 10¹¹ counts as milliseconds (10¹¹ seconds is the year 5138). Truncated to the millisecond.
    Raises ValueError with a message for the sender.
    """
    if isinstance(value, bool):
        raise ValueError("a time must be ISO 8601 text with an offset, or unix time")
    if isinstance(value, (int, float)):
        try:
            return from_millis(int(value) if abs(value) >= 1e11 else int(value * 1000))
        except (OverflowError, ValueError) as error:
            raise ValueError("the unix time lies outside the calendar") from error
    if isinstance(value, str):
        try:
            parsed = datetime.fromisoformat(value.strip())
        except ValueError as error:
            raise ValueError("a time must be ISO 8601, for example 2026-10-12T10:40:26+03:00") from error
        if parsed.tzinfo is None:
            raise ValueError("a time needs an offset, for example +03:00 or Z")
        try:
            utc = parsed.astimezone(UTC)
        except OverflowError as error:
            raise ValueError("the time lies outside the calendar") from error
        return utc.replace(microsecond=utc.microsecond // 1000 * 1000)
    raise ValueError("a time must be ISO 8601 text with an offset, or unix time")


def local_day(instant: datetime, time_zone: str) -> date:
    """The site's local day of an instant."""
    return instant.astimezone(ZoneInfo(time_zone)).date()


def local_midnight(day: date, time_zone: str) -> datetime:
    """The instant at which a local day begins."""
    return datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(time_zone)).astimezone(UTC)
