"""Signed visitor tokens: ours are read back, everything else is nobody's."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.visitors import AHEAD, MOST_TOKEN, Visitor, read_visitor, sign_visitor

NOW = datetime(2026, 10, 12, 7, 40, 28, 600_000, tzinfo=UTC)
VISITOR = "01a12f0e-3e28-7b6a-9c11-2f6d3e4a5b60"
NEW, OLD = "the-newer-secret", "the-older-secret"
TOKEN = sign_visitor("kvartal", VISITOR, NOW, [NEW])
SITES = st.from_regex(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?", fullmatch=True)
MOMENTS = st.datetimes(datetime(1971, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))


@given(SITES, st.uuids().map(str), MOMENTS, st.text(min_size=1, max_size=50), st.timedeltas(timedelta(0), timedelta(days=4000)))
def test_a_token_names_its_visitor_and_the_second_of_its_issue(
    site: str, visitor: str, moment: datetime, secret: str, later: timedelta
) -> None:
    secret = secret.encode("utf-8", "replace").decode()
    token = sign_visitor(site, visitor, moment, [secret])
    assert len(token) <= MOST_TOKEN
    assert read_visitor(token, site, moment + later, [secret]) == Visitor(visitor, moment.replace(microsecond=0))


@given(st.data(), st.characters(exclude_categories=()))
def test_any_changed_character_refuses(data: st.DataObject, other: str) -> None:
    place = data.draw(st.integers(0, len(TOKEN) - 1))
    forged = TOKEN[:place] + other + TOKEN[place + 1 :]
    assert (read_visitor(forged, "kvartal", NOW, [NEW]) is not None) is (forged == TOKEN)


@given(st.integers(0, len(TOKEN)), st.text(st.characters(exclude_categories=()), min_size=1, max_size=3))
def test_anything_put_in_refuses(place: int, more: str) -> None:
    assert read_visitor(TOKEN[:place] + more + TOKEN[place:], "kvartal", NOW, [NEW]) is None


@given(st.integers(0, len(TOKEN) - 1))
def test_anything_left_out_refuses(place: int) -> None:
    assert read_visitor(TOKEN[:place] + TOKEN[place + 1 :], "kvartal", NOW, [NEW]) is None


@given(st.text(st.characters(exclude_categories=()), max_size=MOST_TOKEN + 10))
def test_no_text_crashes(text: str) -> None:
    assert read_visitor(text, "kvartal", NOW, [NEW]) is None


@pytest.mark.parametrize(
    "sent", [None, 7, True, b"x", ["a"], {"a": 1}, "", "..", "a.b.c", "." * 2000, TOKEN * 2, f'"{TOKEN}"', f" {TOKEN}"]
)
def test_other_things_are_no_token(sent: object) -> None:
    assert read_visitor(sent, "kvartal", NOW, [NEW]) is None


def test_a_huge_token_is_refused_before_it_is_looked_at() -> None:
    assert read_visitor("9" * 60_000 + "." + "9" * 60_000 + ".x", "kvartal", NOW, [NEW]) is None


def test_a_token_is_of_one_site() -> None:
    assert read_visitor(TOKEN, "kvartal-2", NOW, [NEW]) is None


@pytest.mark.parametrize("digits", ["²", "١٧٩١٧٩٠٨٢٨", "１７９１７９０８２８", "1791790828²"])
def test_other_digits_than_ours_are_refused(digits: str) -> None:
    visitor, _, signature = TOKEN.split(".")
    assert read_visitor(f"{visitor}.{digits}.{signature}", "kvartal", NOW, [NEW]) is None


def test_a_token_of_the_future_is_refused() -> None:
    ahead = sign_visitor("kvartal", VISITOR, NOW + AHEAD + timedelta(seconds=1), [NEW])
    assert read_visitor(ahead, "kvartal", NOW, [NEW]) is None
    assert read_visitor(sign_visitor("kvartal", VISITOR, NOW + AHEAD, [NEW]), "kvartal", NOW, [NEW]) is not None


def test_a_validly_signed_second_beyond_the_calendar_is_no_crash() -> None:
    far = sign_visitor("kvartal", VISITOR, datetime(9999, 12, 31, tzinfo=UTC), [NEW])
    assert read_visitor(far, "kvartal", NOW, [NEW]) is None


def test_while_rotating_both_secrets_are_valid_and_the_first_signs() -> None:
    old = sign_visitor("kvartal", VISITOR, NOW, [OLD])
    assert read_visitor(old, "kvartal", NOW, [NEW, OLD]) is not None
    assert sign_visitor("kvartal", VISITOR, NOW, [NEW, OLD]) == TOKEN
    assert read_visitor(old, "kvartal", NOW, [NEW]) is None


def test_without_a_secret_nothing_is_valid_and_nothing_is_signed() -> None:
    assert read_visitor(TOKEN, "kvartal", NOW, []) is None
    with pytest.raises(IndexError):
        sign_visitor("kvartal", VISITOR, NOW, [])
