"""When a reader is due which report: each period exactly once, by his own clock, whatever the clocks do."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.report.delivery.due import Kind, available_at, demanded_of, due_of, latest
from functions.report.marts.questions import Period
from functions.report.readers import Reader
from tests.report_cases import settings_of

HOUR = timedelta(hours=1)
# Half-hour and quarter-hour zones, both ends of the world, clocks that change by one hour, by half an hour and at midnight.
ZONES = (
    "UTC", "Europe/Moscow", "Europe/Kaliningrad", "Asia/Vladivostok", "America/Los_Angeles", "Europe/Berlin", "Asia/Kathmandu",
    "Australia/Lord_Howe", "Pacific/Kiritimati", "Pacific/Pago_Pago", "America/Santiago", "Africa/Cairo",
)  # fmt: skip
# Around changes of clocks in both hemispheres, around a year's end, and a leap February.
STARTS = (datetime(2026, 3, 20, tzinfo=UTC), datetime(2026, 10, 20, tzinfo=UTC), datetime(2027, 12, 20, tzinfo=UTC))


def site(zone: str = "Europe/Moscow", **report: Any) -> Mapping[str, Any]:
    return settings_of(time_zone=zone, report={"recipients": ["owner@kvartal.example"], **report})


def reader(*every: str, **told: Any) -> Reader:
    return Reader("owner@kvartal.example", **{"every": every or ("day",), "time_zone": "Europe/Moscow", **told})


def at(text: str, zone: str = "Europe/Moscow") -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


def periods(settings: Mapping[str, Any], who: Reader, now: datetime) -> list[tuple[str, date, date]]:
    return [(due.kind, due.period.first, due.period.last) for due in due_of(settings, who, now)]


def test_a_daily_report_is_due_from_the_readers_hour_on() -> None:
    settings = site(days=7)
    assert periods(settings, reader(hour=9), at("2026-10-13 08:59")) == []
    week_to_yesterday = [("day", date(2026, 10, 6), date(2026, 10, 12))]
    assert periods(settings, reader(hour=9), at("2026-10-13 09:00")) == week_to_yesterday
    assert periods(settings, reader(hour=9), at("2026-10-13 23:59")) == week_to_yesterday
    assert periods(settings, reader(hour=9), at("2026-10-14 00:01")) == []


def test_a_daily_report_with_the_running_day_is_due_on_that_day() -> None:
    settings = site(days=1, until="today")
    assert periods(settings, reader(hour=18), at("2026-10-13 17:59")) == []
    assert periods(settings, reader(hour=18), at("2026-10-13 18:00")) == [("day", date(2026, 10, 13), date(2026, 10, 13))]


def test_a_reader_in_the_west_of_the_site_waits_for_his_own_morning() -> None:
    here = reader(hour=6, time_zone="Europe/Kaliningrad")
    assert periods(site(days=1), here, at("2026-10-13 00:30")) == []  # 23:30 of the day before where he is
    assert periods(site(days=1), here, at("2026-10-13 07:00")) == [("day", date(2026, 10, 12), date(2026, 10, 12))]


def test_a_reader_in_the_east_of_the_site_gets_yesterday_as_soon_as_it_is_over() -> None:
    there = reader(hour=6, time_zone="Asia/Vladivostok")
    assert periods(site(days=1), there, at("2026-10-13 06:30", "Asia/Vladivostok")) == [
        ("day", date(2026, 10, 11), date(2026, 10, 11))  # at the site the 12th is not over
    ]
    assert periods(site(days=1), there, at("2026-10-13 07:00", "Asia/Vladivostok")) == [
        ("day", date(2026, 10, 12), date(2026, 10, 12))
    ]


def test_a_weekly_report_is_of_the_last_whole_week_and_due_on_its_weekday_or_later_that_week() -> None:
    week = [("week", date(2026, 10, 5), date(2026, 10, 11))]
    wednesdays = reader("week", weekday=3, hour=10)
    assert periods(site(), wednesdays, at("2026-10-13 23:00")) == []  # Tuesday
    assert periods(site(), wednesdays, at("2026-10-14 09:59")) == []
    assert periods(site(), wednesdays, at("2026-10-14 10:00")) == week
    assert periods(site(), wednesdays, at("2026-10-18 23:59")) == week  # Sunday: an outage delayed it
    assert periods(site(), wednesdays, at("2026-10-19 00:00")) == []


def test_a_weekly_report_due_on_sunday_evening_outlives_an_outage_of_the_night() -> None:
    sundays = reader("week", weekday=7, hour=20)
    week = [("week", date(2026, 10, 5), date(2026, 10, 11))]
    assert periods(site(), sundays, at("2026-10-19 03:00")) == week
    assert periods(site(), sundays, at("2026-10-20 20:00")) == []


def test_a_monthly_report_is_of_the_last_whole_month_against_the_month_before() -> None:
    fifths = reader("month", day=5, hour=8)
    assert periods(site(), fifths, at("2026-03-05 07:59")) == []
    (due,) = due_of(site(), fifths, at("2026-03-05 08:00"))
    assert (due.period.first, due.period.last) == (date(2026, 2, 1), date(2026, 2, 28))
    assert due.period.previous == Period(date(2026, 1, 1), date(2026, 1, 31))
    assert periods(site(), fifths, at("2026-03-31 23:00")) == [("month", date(2026, 2, 1), date(2026, 2, 28))]


def test_a_week_is_compared_with_the_week_before() -> None:
    (due,) = due_of(site(), reader("week"), at("2026-10-12 06:00"))
    assert due.period.previous == Period(date(2026, 9, 28), date(2026, 10, 4))


def test_a_reader_of_all_kinds_gets_each() -> None:
    told = [due.kind for due in due_of(site(), reader("month", "day", "week"), at("2026-06-01 06:00"))]  # a Monday
    assert told == ["day", "week", "month"]


def test_a_demanded_report_does_not_wait_for_an_hour() -> None:
    (due,) = demanded_of(site(days=1), reader(hour=23), at("2026-10-13 00:01"))
    assert due.period == Period(date(2026, 10, 12), date(2026, 10, 12))


@pytest.mark.parametrize(("hour", "utc"), [(2, "2026-03-29 01:00"), (3, "2026-03-29 01:00"), (1, "2026-03-29 00:00")])
def test_an_hour_that_the_clocks_skip_is_the_moment_after_it(hour: int, utc: str) -> None:
    berlin = reader(hour=hour, time_zone="Europe/Berlin")
    moment = at(utc, "UTC")
    settings = site("Europe/Berlin", days=1)
    assert periods(settings, berlin, moment) == [("day", date(2026, 3, 28), date(2026, 3, 28))]
    assert periods(settings, berlin, moment - timedelta(minutes=1)) == []


@given(
    zone=st.sampled_from(ZONES),
    own=st.sampled_from(ZONES),
    hour=st.integers(0, 23),
    weekday=st.integers(1, 7),
    day=st.integers(1, 28),
    until=st.sampled_from(("yesterday", "today")),
    start=st.sampled_from(STARTS),
    kind=st.sampled_from(("day", "week", "month")),
    minute=st.integers(0, 59),
)
def test_hourly_ticks_give_every_period_exactly_once_and_never_before_its_time(
    zone: str, own: str, hour: int, weekday: int, day: int, until: str, start: datetime, kind: Kind, minute: int
) -> None:
    settings = site(zone, until=until, days=3)
    who = reader(kind, hour=hour, weekday=weekday, day=day, time_zone=own)
    ticks = [start + timedelta(minutes=minute) + HOUR * n for n in range(24 * (75 if kind == "month" else 25))]
    sent: dict[Period, tuple[datetime, datetime]] = {}
    for tick in ticks:
        for due in due_of(settings, who, tick):
            sent.setdefault(due.period, (due.at, tick))
    # None is left out: every period between the first and the last one sent is there, in order.
    order = list(sent)
    assert order
    assert order == sorted(order)
    steps = {
        "day": lambda one, two: (two.last - one.last).days == 1,
        "week": lambda one, two: (two.first - one.first).days == 7,
        "month": lambda one, two: one.last + timedelta(days=1) == two.first,
    }
    assert all(steps[kind](one, two) for one, two in itertools.pairwise(order))
    for period, (due_from, tick) in list(sent.items())[1:]:  # the first one may have been due before the ticks began
        assert due_from <= tick < due_from + HOUR
        assert available_at(settings, kind, period) <= due_from
        local = due_from.astimezone(ZoneInfo(own))
        skipped_hour = local.hour == hour + 1 or (local.hour == hour and local.minute > 0)
        assert local.hour == hour or skipped_hour or due_from == available_at(settings, kind, period)


@given(zone=st.sampled_from(ZONES), hours=st.integers(0, 24 * 400), kind=st.sampled_from(("day", "week", "month")))
def test_the_newest_period_is_whole_and_the_one_after_it_is_not_over(zone: str, hours: int, kind: Kind) -> None:
    settings, now = site(zone), datetime(2026, 1, 1, tzinfo=UTC) + HOUR * hours
    newest, before = latest(settings, kind, now), latest(settings, kind, now, 1)
    assert available_at(settings, kind, newest) <= now
    assert before.last < newest.last
    if kind != "day":
        assert before.last + timedelta(days=1) == newest.first
