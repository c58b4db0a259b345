"""Where a call goes while it rings: the site's routes, its clock, and the client's manager."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.numberpool.pbx.routing import DAYS, Found, route_of
from shared.errors import SettingsError
from shared.settings import parse_settings, published

BERLIN = ZoneInfo("Europe/Berlin")
MONDAY = datetime(2026, 10, 12, 12, 0, tzinfo=BERLIN)
NUMBER = "+74950000031"


def to(
    *routes: Mapping[str, Any],
    at: datetime = MONDAY,
    number: str = NUMBER,
    marks: Mapping[str, str] | None = None,
    manager: str | None = None,
) -> str | None:
    return route_of(routes, at, number, marks or {}, manager)


def clock(text: str, day: int = 12) -> datetime:
    """A local time in October 2026, of which the 12th is a Monday."""
    return datetime.fromisoformat(f"2026-10-{day:02d}T{text}").replace(tzinfo=BERLIN)


def test_the_first_route_that_fits_wins() -> None:
    assert to({"to": "101"}, {"to": "102"}) == "101"
    assert to({"to": "101", "sources": ["vk"]}, {"to": "102"}) == "102"


def test_no_fitting_route_leaves_the_call_to_the_telephony() -> None:
    assert to() is None
    assert to({"to": "101", "sources": ["vk"]}, {"to": "102", "numbers": ["+74950000099"]}) is None


@pytest.mark.parametrize("told", ["Yandex", "YANDEX ", " yandex"])
def test_letter_case_and_spaces_of_a_source_do_not_matter(told: str) -> None:
    assert to({"to": "101", "sources": ["yandex"]}, marks={"utm_source": told}) == "101"
    assert to({"to": "101", "sources": [told]}, marks={"utm_source": "yandex"}) == "101"
    assert to({"to": "101", "media": ["СРС"]}, marks={"utm_medium": "срс"}) == "101"


def test_of_every_list_one_entry_must_fit() -> None:
    route = {"to": "101", "sources": ["yandex", "vk"], "media": ["cpc"], "numbers": [NUMBER]}
    assert to(route, marks={"utm_source": "vk", "utm_medium": "cpc"}) == "101"
    assert to(route, marks={"utm_source": "vk"}) is None
    assert to(route, marks={"utm_source": "vk", "utm_medium": "email"}) is None
    assert to(route, marks={"utm_source": "vk", "utm_medium": "cpc"}, number="+74950000032") is None
    assert to({"to": "101", "sources": ["vk"]}, marks={"utm_medium": "vk"}) is None


@pytest.mark.parametrize(
    ("time", "is_open"),
    [("08:59:59", False), ("09:00:00", True), ("17:59:59", True), ("18:00:00", False), ("00:00:00", False)],
)
def test_hours_hold_their_beginning_and_not_their_end(time: str, is_open: bool) -> None:
    assert (to({"to": "101", "begin": "09:00", "end": "18:00"}, at=clock(time)) == "101") is is_open


@pytest.mark.parametrize(
    ("time", "is_open"),
    [("21:59:59", False), ("22:00:00", True), ("23:59:59", True), ("00:00:00", True), ("07:59:59", True), ("08:00:00", False)],
)
def test_hours_over_midnight(time: str, is_open: bool) -> None:
    assert (to({"to": "101", "begin": "22:00", "end": "08:00"}, at=clock(time)) == "101") is is_open


def test_a_night_belongs_to_the_day_that_it_began() -> None:
    night = {"to": "101", "days": ["fri"], "begin": "22:00", "end": "08:00"}
    assert to(night, at=clock("23:00", 16)) == "101"  # Friday
    assert to(night, at=clock("07:00", 17)) == "101"  # its morning is Saturday's
    assert to(night, at=clock("07:00", 16)) is None  # Thursday's night
    assert to(night, at=clock("23:00", 17)) is None


def test_an_evening_until_midnight_ends_with_its_day() -> None:
    evening = {"to": "101", "days": ["mon"], "begin": "18:00", "end": "24:00"}
    assert to(evening, at=clock("23:59:59")) == "101"
    assert to(evening, at=clock("00:00:00", 13)) is None


def test_days_of_the_week() -> None:
    for place, name in enumerate(DAYS):
        fitting = [day for day in range(12, 19) if to({"to": "101", "days": [name]}, at=clock("12:00", day))]
        assert fitting == [12 + place], name


@pytest.mark.parametrize(
    ("utc", "is_open"),
    [
        ("2026-03-29T00:59:59+00:00", False),  # 01:59:59 in Berlin; a second later it is three o'clock
        ("2026-03-29T01:00:00+00:00", True),
        ("2026-10-25T00:30:00+00:00", False),  # 02:30, summer time still: the hour that comes twice
        ("2026-10-25T01:30:00+00:00", False),  # 02:30 again
        ("2026-10-25T02:00:00+00:00", True),
    ],
)
def test_on_the_days_that_clocks_are_set_the_sites_clock_counts(utc: str, is_open: bool) -> None:
    at = datetime.fromisoformat(utc).astimezone(BERLIN)
    assert (to({"to": "101", "days": ["sun"], "begin": "03:00", "end": "12:00"}, at=at) == "101") is is_open


def test_a_night_over_the_day_that_clocks_are_set_keeps_its_day() -> None:
    night = {"to": "101", "days": ["sat"], "begin": "22:00", "end": "06:00"}
    for utc in ("2026-03-29T03:59:00+00:00", "2026-10-25T04:59:00+00:00"):  # 05:59 in Berlin, both Sundays
        assert to(night, at=datetime.fromisoformat(utc).astimezone(BERLIN)) == "101"


def test_a_route_to_the_manager_goes_to_the_clients_own() -> None:
    assert to({"to": "manager"}, {"to": "100"}, manager="203") == "203"


def test_a_manager_without_a_destination_leaves_the_call_to_the_next_route() -> None:
    assert to({"to": "manager"}, {"to": "100"}) == "100"
    assert to({"to": "manager"}) is None


def test_hours_and_sources_hold_for_the_manager_too() -> None:
    route = {"to": "manager", "begin": "09:00", "end": "18:00"}
    assert to(route, {"to": "100"}, at=clock("20:00"), manager="203") == "100"


@given(
    st.times(), st.integers(12, 18), st.integers(0, 23), st.integers(0, 23), st.sets(st.sampled_from(DAYS), min_size=1, max_size=6)
)
def test_whoever_a_route_leaves_out_its_complement_takes(time: Any, day: int, begin: int, end: int, days: set[str]) -> None:
    """The day is cut in two at the same two hours: exactly one of the halves is open, and of the days one part."""
    if begin == end:
        return
    at = datetime(2026, 10, day, time.hour, time.minute, time.second, tzinfo=BERLIN)
    one, other = {"begin": f"{begin:02d}:00", "end": f"{end:02d}:00"}, {"begin": f"{end:02d}:00", "end": f"{begin:02d}:00"}
    assert (to({"to": "1", **one}, at=at) is None) != (to({"to": "1", **other}, at=at) is None)
    rest = [name for name in DAYS if name not in days]
    for half in (one, other):
        parts = [to({"to": "1", "days": part, **half}, at=at) for part in (sorted(days), rest)]
        assert parts.count("1") == (to({"to": "1", **half}, at=at) == "1")


def test_what_is_not_known_is_left_out_of_the_answer_but_for_the_visitor() -> None:
    found = Found(NUMBER, "dynamic", None, "nothing", {})
    assert found.told() == {"number": NUMBER, "kind": "dynamic", "visitor_id": None, "resolved_by": "nothing"}


# --- settings ---------------------------------------------------------------------------------------------------------------------

LEAST = {"site_id": "kvartal", "name": "Квартал", "hosts": ["kvartal.example"]}


def settings(calls: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = published(parse_settings({**LEAST, "calls": calls}))["calls"]
    return found


def test_published_routes_are_what_the_look_up_reads() -> None:
    told = settings({"managers": {"Анна": "203"}, "routes": [{"to": "manager"}, {"to": "100", "begin": "22:00", "end": "08:00"}]})
    assert told["managers"] == {"Анна": "203"}
    assert to(*told["routes"], manager="203") == "203"
    assert to(*told["routes"], at=clock("23:00")) == "100"
    assert to(*told["routes"]) is None


@pytest.mark.parametrize("hours", [{"begin": "09:00", "end": "09:00"}, {"begin": "24:00"}, {"end": "00:00"}])
def test_a_route_that_would_never_be_open_is_refused(hours: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match="no time between"):
        settings({"routes": [{"to": "101", **hours}]})


def test_a_route_to_the_manager_needs_managers() -> None:
    with pytest.raises(SettingsError, match="managers do not say"):
        settings({"routes": [{"to": "manager"}]})
