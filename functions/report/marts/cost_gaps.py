"""Days without costs of channels that spend every day: an import that failed makes a channel look better than it is. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any

from functions.report.marts.questions import Period
from shared.warehouse import Row

LEAST_DAYS = 7  # with costs; fewer tell nothing of the usual
LEAST_WEEKDAYS = 5  # of the week that a channel usually spends on: it spends daily
USUAL = 0.8  # of the days on such weekdays, from a channel's first costs to its last
OFTEN = 0.5  # of a weekday's days: the channel usually spends on it
STOPPED = timedelta(days=14)  # so long after its last costs a channel is taken to have stopped on purpose
LATE = timedelta(days=1)  # costs of a day may come on the next one
DAY = timedelta(days=1)


def cost_gaps_of(period: Period, rows: Iterable[Row], known_to: date) -> list[dict[str, Any]]:
    """Channels that spend daily, with the days of the period that have no costs of theirs, most days first. Days before a channel's
    first costs are none of its gaps, those within two weeks after its last ones are; weekdays that it usually rests on are not,
    nor is yesterday. `known_to`: the running day of what is known; `is_run`: whether all days between the ends are missing.
    """
    told: dict[str, set[date]] = {}
    for row in rows:
        told.setdefault(row["channel"], set()).add(row["day"])
    gaps = []
    for channel, days in told.items():
        usual = _usual_weekdays(days)
        if len(days) < LEAST_DAYS or len(usual) < LEAST_WEEKDAYS:
            continue
        wanted = [day for day in _days(min(days), max(days)) if day.weekday() in usual]
        if len([day for day in wanted if day in days]) < USUAL * len(wanted):
            continue
        end = min(period.last, max(days) + STOPPED, known_to - DAY - LATE)
        within = _days(max(min(days), period.first), end)
        if missing := [day for day in within if day.weekday() in usual and day not in days]:
            gaps.append(_gap(channel, missing))
    return sorted(gaps, key=lambda gap: (-gap["days"], gap["channel"]))


def _gap(channel: str, missing: list[date]) -> dict[str, Any]:
    dates = [day.isoformat() for day in missing]
    is_run = (missing[-1] - missing[0]).days + 1 == len(missing)
    return {"channel": channel, "days": len(missing), "first": dates[0], "last": dates[-1], "is_run": is_run, "dates": dates}


def _usual_weekdays(days: set[date]) -> set[int]:
    """Weekdays on more than half of whose days, from the first costs to the last, there are costs."""
    every = Counter(day.weekday() for day in _days(min(days), max(days)))
    spent = Counter(day.weekday() for day in days)
    return {weekday for weekday, count in every.items() if spent[weekday] > OFTEN * count}


def _days(first: date, last: date) -> list[date]:
    return [first + n * DAY for n in range((last - first).days + 1)]
