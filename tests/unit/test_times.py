"""Instants: to the millisecond, in UTC, one text form."""

from __future__ import annotations

import contextlib
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.times import from_lake_text, from_millis, lake_text, local_day, local_midnight, parse_instant, to_millis

MILLIS = st.integers(to_millis(datetime(1000, 1, 1, tzinfo=UTC)), to_millis(datetime(9999, 12, 31, tzinfo=UTC)))
ZONES = st.sampled_from(["Europe/Moscow", "Asia/Kamchatka", "America/New_York", "UTC", "Asia/Kathmandu"])


@given(MILLIS)
def test_milliseconds_and_lake_text_lose_nothing(millis: int) -> None:
    instant = from_millis(millis)
    assert to_millis(instant) == millis
    assert from_lake_text(lake_text(instant)) == instant
    assert parse_instant(instant.isoformat()) == instant


@given(MILLIS, MILLIS)
def test_lake_text_sorts_as_time_does(one: int, other: int) -> None:
    assert (one < other) == (lake_text(from_millis(one)) < lake_text(from_millis(other)))


@given(MILLIS.filter(lambda m: abs(m) >= 1e11), st.integers(-12 * 60, 14 * 60))
def test_offset_and_unix_time_name_the_same_instant(millis: int, minutes: int) -> None:
    instant = from_millis(millis)
    try:
        local = instant.astimezone(timezone(timedelta(minutes=minutes)))
    except OverflowError:
        return
    assert parse_instant(local.isoformat()) == instant == parse_instant(millis)


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ("2026-10-12T10:40:26+03:00", "2026-10-12 07:40:26.000"),
        ("2026-10-12T07:40:26Z", "2026-10-12 07:40:26.000"),
        (" 2026-10-12 07:40:26.123999+00:00 ", "2026-10-12 07:40:26.123"),
        (1791790826, "2026-10-12 07:40:26.000"),
        (1791790826.5, "2026-10-12 07:40:26.500"),
        (1791790826123, "2026-10-12 07:40:26.123"),
    ],
)
def test_instants_from_outside(sent: object, expected: str) -> None:
    assert lake_text(parse_instant(sent)) == expected


@pytest.mark.parametrize(
    "sent",
    [
        "",
        "now",
        "12.10.2026",
        "2026-10-12",
        "2026-10-12T10:40:26",
        "2026-13-01T00:00:00Z",
        True,
        None,
        [],
        10**18,
        -(10**18),
        float("inf"),
        float("nan"),
    ],
)
def test_senseless_times_say_so(sent: object) -> None:
    with pytest.raises(ValueError, match=r"time"):
        parse_instant(sent)


@given(st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary())
def test_any_value_is_an_instant_or_a_value_error(sent: object) -> None:
    with contextlib.suppress(ValueError):
        assert parse_instant(sent).tzinfo is UTC


@given(st.dates(date(1971, 1, 2), date(2099, 12, 30)), ZONES)
def test_a_local_day_begins_at_its_midnight(day: date, zone: str) -> None:
    midnight = local_midnight(day, zone)
    assert local_day(midnight, zone) == day
    assert local_day(midnight - timedelta(milliseconds=1), zone) == day - timedelta(days=1)


def test_moscow_day_begins_three_hours_before_utc() -> None:
    assert local_midnight(date(2026, 10, 12), "Europe/Moscow") == datetime(2026, 10, 11, 21, tzinfo=UTC)
    assert local_day(datetime(2026, 10, 11, 21, tzinfo=UTC), "Europe/Moscow") == date(2026, 10, 12)
