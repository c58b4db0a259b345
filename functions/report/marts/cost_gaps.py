"""Days without costs of channels that spend every day: an import that failed makes a channel look better than it is. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any

from functions.report.marts.questions import Period
from shared.warehouse import Row

LEAST_DAYS = 7  # with costs; fewer tell nothing of the usual
USUAL = 0.8  # of the days from a channel's first costs to its last: it spends daily
DAY = timedelta(days=1)


def cost_gaps_of(period: Period, rows: Iterable[Row]) -> list[dict[str, Any]]:
    """Channels that spend daily, with how many days of the period have no costs of theirs, the first and the last of these days;
    most days first. Days before a channel's first costs are none of its gaps, days after its last ones are."""
    told: dict[str, set[date]] = {}
    for row in rows:
        told.setdefault(row["channel"], set()).add(row["day"])
    gaps = []
    for channel, days in told.items():
        first, last = min(days), max(days)
        if len(days) < LEAST_DAYS or len(days) < USUAL * ((last - first).days + 1):
            continue
        start = max(first, period.first)
        of_period = (start + n * DAY for n in range((period.last - start).days + 1))
        if missing := [day for day in of_period if day not in days]:
            ends = {"first": missing[0].isoformat(), "last": missing[-1].isoformat()}
            gaps.append({"channel": channel, "days": len(missing), **ends})
    return sorted(gaps, key=lambda gap: (-gap["days"], gap["channel"]))
