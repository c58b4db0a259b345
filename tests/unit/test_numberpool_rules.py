"""The site's rules for numbers: defaults, static numbers by source, how a number is shown."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.numberpool.rules import Rules, Static, rules_of, shown, static_for
from shared.leases import lease_seconds
from shared.number_settings import Numbers
from shared.settings import parse_settings, published

SITE = {"site_id": "shop", "name": "Shop", "hosts": ["shop.example"]}


def test_defaults_are_those_of_the_settings() -> None:
    assert rules_of({}) == rules_of({"numbers": None}) == rules_of(published(parse_settings(SITE)))
    assert set(Rules._fields) == set(Numbers.model_fields)


def test_settings_of_a_later_version_are_readable() -> None:
    assert rules_of({"numbers": {"lease_seconds": 120, "invented": 1}}).lease_seconds == 120


def test_published_settings_are_read_whole() -> None:
    told = {"default": "8 495 000-00-10", "static": [{"number": "+74950000041", "source": "vk"}], "late_call_seconds": 5}
    rules = rules_of(published(parse_settings({**SITE, "numbers": told})))
    assert rules.default == "+74950000010"
    assert rules.static == (Static("+74950000041", "vk"),)
    assert rules.late_seconds == 5


@pytest.mark.parametrize("pool", ["main", "spb", "b2b", "none"])
@pytest.mark.parametrize("told", [{}, {"lease_seconds": 600}, {"pools": []}])
def test_a_sign_of_life_lasts_the_same_in_both_functions_that_take_it(pool: str, told: dict[str, Any]) -> None:
    pools = [{"name": "spb", "lease_seconds": 120}, {"name": "b2b"}]
    for site in (
        {"numbers": {"pools": pools, **told}},
        published(parse_settings({**SITE, "numbers": {"pools": pools, **told}})),
        {},
    ):
        assert lease_seconds(site, pool) == rules_of(site).of_pool(pool).lease_seconds


def test_the_late_call_window_is_the_cool_down_unless_told() -> None:
    assert Rules(cool_down_seconds=77).late_seconds == 77
    assert Rules(cool_down_seconds=77, late_call_seconds=0).late_seconds == 0


@pytest.mark.parametrize(
    ("marks", "expected"),
    [
        ({"utm_source": "vk"}, "1"),
        ({"utm_source": "VK ", "utm_medium": "CPC"}, "2"),
        ({"utm_source": "vk", "utm_medium": "cpc", "utm_campaign": "autumn"}, "3"),
        ({"utm_source": "vk", "utm_medium": "cpc", "utm_campaign": "spring"}, "2"),
        ({"utm_source": "vk", "utm_campaign": "autumn"}, "1"),
        ({"utm_source": "yandex"}, None),
        ({}, None),
    ],
)
def test_the_closest_static_number_of_the_source_is_shown(marks: dict[str, str], expected: str | None) -> None:
    static = [Static("1", "vk"), Static("2", "vk", "cpc"), Static("3", "vk", "cpc", "autumn"), Static("4", "vk", "cpc")]
    found = static_for(Rules(static=static), marks)
    assert (found.number if found else None) == expected


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("+7 ### ###-##-##", "+7 495 000-00-31"), ("8 (###) ###-##-##", "8 (495) 000-00-31"), ("### ## ##", "000 00 31"),
        ("+# ### #######", "+7 495 0000031"), ("+7", "+74950000031"), ("############", "+74950000031"),
    ],
)  # fmt: skip
def test_a_number_is_shown_as_the_site_writes_numbers(pattern: str, expected: str) -> None:
    assert shown("+74950000031", pattern) == expected


@given(st.from_regex(r"\A\+[1-9][0-9]{7,14}\Z"), st.from_regex(r"\A[+0-9#() .-]{1,40}\Z"))
def test_every_pattern_shows_the_last_digits_and_no_hole(number: str, pattern: str) -> None:
    text = shown(number, pattern)
    assert "#" not in text
    assert text == number or len(text) == len(pattern)
