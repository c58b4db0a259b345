"""What refreshes changed in days that were over before: old, new, why (docs/method.md, restated). Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from decimal import Decimal
from typing import Any

from functions.report.marts.questions import Answers, Period, restated_from
from functions.report.marts.tree import NO_SOURCE, channel_of, whole
from shared.times import lake_text
from shared.warehouse import Row

METRICS = ("visits", "requests", "qualified", "sales", "revenue", "gross_profit", "cost")
COUNTS = frozenset(METRICS[:4])
REASONS = ("records", "credits", "costs", "visits", "rules")
Restated = dict[str, Any]


def restated_of(settings: Mapping[str, Any], period: Period, answers: Answers, together: Collection[str] = ()) -> Restated:
    """The block `restated` of figures.json: changes of the period's closed days that refreshes begun since `since` made.

    `figures` are sums by metric and reason over the changed rows; `moved` is what changed hands between channels, half of all
    changes, where the reason is credits. `days` lists the changes, the largest of each figure first; `total` is how many there are.
    """
    rows = answers["restated"]
    first = {(row["metric"], row["reason"]): row for row in reversed(rows)}
    return {
        "since": lake_text(restated_from(settings, period)),
        "figures": [
            {
                "metric": metric,
                "reason": reason,
                "old": _value(metric, row["old_total"]),
                "new": _value(metric, row["new_total"]),
                "moved": _value(metric, Decimal(row["moved"]) / 2) if reason == "credits" else None,
                "days": int(row["days"]),
            }
            for metric in METRICS
            for reason in REASONS
            for row in [first.get((metric, reason))]
            if row is not None
        ],
        "days": _days(rows, together),
        "total": max((int(row["rows_total"]) for row in rows), default=0),
    }


def _days(rows: Collection[Row], together: Collection[str]) -> list[Restated]:
    """Other traffic is one channel here as everywhere: what moved within it is no change."""
    sums: dict[tuple[Any, ...], list[Decimal | None]] = {}
    for row in rows:
        channel = channel_of(row["channel"], together) or NO_SOURCE
        old_new = sums.setdefault((row["day"], channel, row["metric"], row["reason"]), [None, None])
        for place, name in enumerate(("old_value", "new_value")):
            if row[name] is not None:
                old_new[place] = (old_new[place] or Decimal(0)) + Decimal(row[name])
    return [
        {
            "day": day.isoformat(),
            "channel": channel,
            "metric": metric,
            "reason": reason,
            "old": _value(metric, old),
            "new": _value(metric, new),
        }
        for (day, channel, metric, reason), (old, new) in sums.items()
        if (old or 0) != (new or 0)
    ]


def _value(metric: str, value: Any) -> Any:
    """Counts as numbers, money as `Decimal`; a gross profit may be empty."""
    if value is None:
        return None
    return whole(float(value)) if metric in COUNTS else Decimal(value)
