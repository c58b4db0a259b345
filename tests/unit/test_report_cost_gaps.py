"""Days without costs: told of channels that spend daily, and of nothing else."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any

import pytest

from functions.report.marts.cost_gaps import cost_gaps_of
from functions.report.marts.questions import Period

OCTOBER = Period(date(2026, 10, 1), date(2026, 10, 31))


def spent(channel: str, days: Iterable[date]) -> list[dict[str, Any]]:
    return [{"channel": channel, "day": day} for day in days]


def gaps_of(rows: list[dict[str, Any]], known_to: date = date(2026, 11, 5)) -> list[dict[str, Any]]:
    return cost_gaps_of(OCTOBER, rows, known_to)


def days(first: date, count: int, without: Iterable[date] = ()) -> list[date]:
    return [day for n in range(count) if (day := first + timedelta(days=n)) not in set(without)]


def test_a_hole_in_daily_costs_is_told_with_its_days() -> None:
    rows = spent("VK Ads", days(date(2026, 9, 1), 61, [date(2026, 10, 3), date(2026, 10, 5)]))
    assert gaps_of(rows) == [
        {
            "channel": "VK Ads", "days": 2, "first": "2026-10-03", "last": "2026-10-05", "is_run": False,
            "dates": ["2026-10-03", "2026-10-05"],
        }
    ]  # fmt: skip


def test_costs_that_ended_are_missing_until_the_periods_end() -> None:
    rows = spent("VK Ads", days(date(2026, 9, 20), 40))
    (gap,) = gaps_of(rows)
    assert (gap["days"], gap["first"], gap["last"], gap["is_run"]) == (2, "2026-10-30", "2026-10-31", True)


def test_a_channel_that_began_within_the_period_misses_nothing_before() -> None:
    assert gaps_of(spent("VK Ads", days(date(2026, 10, 20), 12))) == []


@pytest.mark.parametrize(
    "spending",
    [
        days(date(2026, 10, 1), 6),  # too few to know what is usual
        [date(2026, 9, 1) + timedelta(days=7 * n) for n in range(9)],  # weekly
        [date(2026, 10, 1) + timedelta(days=n) for n in range(31) if n % 7 < 5],  # no weekends
    ],
)
def test_channels_that_do_not_spend_daily_have_no_gaps(spending: list[date]) -> None:
    assert gaps_of(spent("Offline ads", spending)) == []


def test_gaps_before_the_period_are_not_told_and_the_most_come_first() -> None:
    rows = spent("A", days(date(2026, 9, 1), 60, [date(2026, 9, 9)])) + spent("B", days(date(2026, 9, 1), 55))
    assert [(gap["channel"], gap["days"]) for gap in gaps_of(rows)] == [("B", 6), ("A", 1)]


def test_a_channel_that_stopped_long_ago_has_no_gaps() -> None:
    assert gaps_of(spent("VK Ads", days(date(2026, 8, 1), 45))) == []


def test_after_the_last_costs_two_weeks_are_missing_at_most() -> None:
    (gap,) = gaps_of(spent("VK Ads", days(date(2026, 9, 1), 35)))  # to 5 October
    assert (gap["days"], gap["last"]) == (14, "2026-10-19")


def test_a_day_of_rest_is_no_gap_and_a_working_day_without_costs_is() -> None:
    every = [day for day in days(date(2026, 9, 1), 61) if day.weekday() != 6]
    assert gaps_of(spent("VK Ads", every)) == []
    (gap,) = gaps_of(spent("VK Ads", [day for day in every if day != date(2026, 10, 14)]))
    assert gap["dates"] == ["2026-10-14"]


def test_costs_of_yesterday_may_still_come() -> None:
    rows = spent("VK Ads", days(date(2026, 9, 1), 60))  # to 30 October
    assert gaps_of(rows, date(2026, 11, 1)) == []
    assert [gap["dates"] for gap in gaps_of(rows, date(2026, 11, 2))] == [["2026-10-31"]]
