"""EventBridge schedule expressions: `rate(1 hour)`, `cron(15 3 * * ? *)`, `at(2026-10-12T07:40:00)`; is one due?"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

_CALL = re.compile(r"(rate|cron|at)\((.+)\)")
_RATE = re.compile(r"(\d+) (minute|hour|day)s?")
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
# Least, most and names of each field: minute, hour, day of month, month, day of week (1 = Sunday), year.
_BOUNDS: tuple[tuple[int, int, tuple[str, ...]], ...] = (
    (0, 59, ()),
    (0, 23, ()),
    (1, 31, ()),
    (1, 12, _MONTHS),
    (1, 7, _DAYS),
    (1970, 2199, ()),
)
MOST_MINUTES = 24 * 60  # longer gaps are not searched minute by minute: a machine that slept a week owes one run, not all


def is_due(expression: str, time_zone: str, last: datetime, now: datetime) -> bool:
    """Whether a run fell into (last, now]. A rate counts from `last`. ValueError on an expression it cannot read."""
    call = _CALL.fullmatch(expression.strip())
    if call is None:
        raise ValueError(f"{expression} is no schedule expression; use rate(…), cron(…) or at(…)")
    kind, inner = call.groups()
    zone = ZoneInfo(time_zone)
    if kind == "rate":
        return now - last >= _rate(inner)
    if kind == "at":
        return last < datetime.fromisoformat(inner).replace(tzinfo=zone) <= now
    return _cron_due(inner, zone, last, now)


def _rate(text: str) -> timedelta:
    match = _RATE.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"rate({text}) must be a number and minutes, hours or days")
    return int(match[1]) * {"minute": timedelta(minutes=1), "hour": timedelta(hours=1), "day": timedelta(days=1)}[match[2]]


def _cron_due(text: str, zone: ZoneInfo, last: datetime, now: datetime) -> bool:
    fields = text.split()
    if len(fields) != 6:
        raise ValueError(f"cron({text}) must have six fields: minutes, hours, day of month, month, day of week, year")
    allowed = [_values(field, *bounds) for field, bounds in zip(fields, _BOUNDS, strict=True)]
    minute = max(last, now - timedelta(minutes=MOST_MINUTES)).replace(second=0, microsecond=0) + timedelta(minutes=1)
    while minute <= now:
        at = minute.astimezone(zone)
        parts = (at.minute, at.hour, at.day, at.month, at.isoweekday() % 7 + 1, at.year)
        if all(part in values for part, values in zip(parts, allowed, strict=True)):
            return True
        minute += timedelta(minutes=1)
    return False


def _values(field: str, least: int, most: int, names: tuple[str, ...]) -> set[int]:
    """Numbers that one field allows: `*`, `?`, `5`, `MON-FRI`, `1,15`, `0/15`. ValueError on L, W, #, which nothing uses."""
    for number, name in enumerate(names, start=1):
        field = field.upper().replace(name, str(number))
    allowed: set[int] = set()
    for part in field.split(","):
        span, _, step = part.partition("/")
        first, _, final = span.partition("-")
        start = least if first in ("*", "?") else int(first)
        end = int(final) if final else (most if first in ("*", "?") or step else start)
        allowed |= set(range(start, end + 1, int(step or 1)))
    return allowed
