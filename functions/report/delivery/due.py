"""Which report a reader is due at a moment. Pure; the mailer's hourly tick asks it of every reader.

A report belongs to a day of its reader's own calendar and is due from his hour of that day on, or from when its last day is over
at the site, whichever is later. An outage delays it; it is given up when the next period is over, though never within `GRACE` of
having become due (a reader far from the site may be due his report when the next period is over already).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Literal, NamedTuple
from zoneinfo import ZoneInfo

from functions.report.marts.questions import Period, period_of
from functions.report.readers import Reader
from shared.times import local_day, local_midnight

Kind = Literal["day", "week", "month"]
KINDS: tuple[Kind, ...] = ("day", "week", "month")
GRACE: Mapping[Kind, timedelta] = {"day": timedelta(hours=12), "week": timedelta(hours=48), "month": timedelta(hours=48)}
DAY = timedelta(days=1)
LAST_HOUR = timedelta(hours=1)  # of a report: it does not wait for data any more, so that it goes out before it is given up


class Due(NamedTuple):
    """One report for one reader. `at` is when it became due, `until` when it is given up."""

    reader: Reader
    kind: Kind
    period: Period
    at: datetime
    until: datetime = datetime.max.replace(tzinfo=UTC)

    @property
    def waits_to(self) -> datetime:
        """For how long it waits for the rest of its last day's data."""
        return min(self.at + GRACE[self.kind], self.until - LAST_HOUR)


def due_of(settings: Mapping[str, Any], reader: Reader, now: datetime) -> Iterator[Due]:
    """What a reader is due now: at most one report of each of his kinds, each once it is due for as long as it is. What he was sent
    already is the ledger's to know."""
    for kind in _kinds(reader):
        # Two back: a reader a day behind the site is due a period when the next two are over.
        for steps in range(3):
            period = latest(settings, kind, now, steps)
            at = due_at(settings, reader, kind, period)
            if at > now:
                continue
            until = max(available_at(settings, kind, _after(settings, kind, period)), at + GRACE[kind])
            if now < until:
                yield Due(reader, kind, period, at, until)
            break


def demanded_of(settings: Mapping[str, Any], reader: Reader, now: datetime) -> Iterator[Due]:
    """The newest report of each of a reader's kinds, whatever the hour: somebody demands it now."""
    for kind in _kinds(reader):
        yield Due(reader, kind, latest(settings, kind, now), now)


def latest(settings: Mapping[str, Any], kind: Kind, now: datetime, steps: int = 0) -> Period:
    """The newest period of a kind at a moment, or that of `steps` periods before. Days are the site's: `report.days` days that end
    yesterday (or today), the last whole week from Monday to Sunday, the last whole calendar month."""
    newest = period_of(settings, now)
    if kind == "day":
        return Period(newest.first - steps * DAY, newest.last - steps * DAY)
    today = local_day(now, settings["time_zone"])
    if kind == "week":
        monday = today - timedelta(days=today.weekday() + 7 * (steps + 1))
        return Period(monday, monday + timedelta(days=6))
    return _month(_months(today) - 1 - steps)


def due_at(settings: Mapping[str, Any], reader: Reader, kind: Kind, period: Period) -> datetime:
    """From when on a reader may get the report of a period. An hour that his clocks skip is the first moment after it; of one that
    they have twice it is the first."""
    days: Mapping[Kind, Callable[[], date]] = {
        "day": lambda: period.last if is_running(settings, kind) else period.last + DAY,
        "week": lambda: period.last + timedelta(days=reader.weekday),
        "month": lambda: period.last + timedelta(days=reader.day),
    }
    local = datetime.combine(days[kind](), time(reader.hour), tzinfo=ZoneInfo(reader.time_zone))
    return max(local.astimezone(UTC), available_at(settings, kind, period))


def available_at(settings: Mapping[str, Any], kind: Kind, period: Period) -> datetime:
    """When a period can be reported: its last day is over at the site, or has begun where daily reports have the running day."""
    return local_midnight(period.last + (timedelta(0) if is_running(settings, kind) else DAY), settings["time_zone"])


def _after(settings: Mapping[str, Any], kind: Kind, period: Period) -> Period:
    if kind == "month":
        return _month(_months(period.last) + 1)
    step = DAY if kind == "day" else timedelta(days=7)
    return Period(period.first + step, period.last + step)


def _month(number: int) -> Period:
    """A calendar month (counted from year 0), compared with the calendar month before it."""
    first, following = _first_of(number), _first_of(number + 1)
    return Period(first, following - DAY, (_first_of(number - 1), first - DAY))


def _months(day: date) -> int:
    return day.year * 12 + day.month - 1


def _first_of(number: int) -> date:
    return date(number // 12, number % 12 + 1, 1)


def is_running(settings: Mapping[str, Any], kind: Kind) -> bool:
    """Whether reports of that kind end with the running day, by `report.until`."""
    # Settings published before there was a choice do not tell it.
    return kind == "day" and bool(settings["report"].get("until", "yesterday") == "today")


def _kinds(reader: Reader) -> tuple[Kind, ...]:
    return tuple(kind for kind in KINDS if kind in reader.every)
