"""Proposed visitor ids: only one that was made just now is taken."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.collect.people.who import fresh_proposal
from shared.ids import uuid7

NOW = datetime(2026, 10, 12, 7, 40, 28, tzinfo=UTC)
WEEK, NONE = timedelta(days=7), timedelta(0)
RANDOM = bytes(range(10))


@pytest.mark.parametrize(
    ("age", "is_fresh"),
    [
        (NONE, True),
        (WEEK, True),
        (WEEK + timedelta(milliseconds=1), False),
        (timedelta(minutes=-5), True),
        (timedelta(minutes=-5, milliseconds=-1), False),
        (timedelta(days=365), False),
        (timedelta(days=-365), False),
    ],
)
def test_a_proposal_is_at_most_seven_days_old_and_five_minutes_ahead(age: timedelta, is_fresh: bool) -> None:
    proposal = uuid7(NOW - age, RANDOM)
    assert fresh_proposal(proposal, NOW, NONE) == (proposal if is_fresh else None)


@pytest.mark.parametrize("skew", [timedelta(days=2), timedelta(days=-2), timedelta(hours=9)])
def test_a_wrong_clock_is_corrected(skew: timedelta) -> None:
    theirs = uuid7(NOW - skew - timedelta(minutes=1), RANDOM)
    assert fresh_proposal(theirs, NOW, skew) == theirs


def test_no_clock_is_wrong_enough_to_make_an_old_id_fresh() -> None:
    for days in (15, 30, 365, 3650):
        known = NOW - timedelta(days=days)
        assert fresh_proposal(uuid7(known, RANDOM), NOW, NOW - known) is None


def test_capitals_are_the_same_id() -> None:
    proposal = uuid7(NOW, RANDOM)
    assert fresh_proposal(proposal.upper(), NOW, NONE) == proposal


@pytest.mark.parametrize(
    "sent",
    [None, 7, True, [], {}, "", "x" * 36, "01a12f0e3e287b6a9c112f6d3e4a5b60", "ffffffff-ffff-7fff-bfff-ffffffffffff", "İ" * 36],
)
def test_what_is_no_id_proposes_nothing(sent: object) -> None:
    assert fresh_proposal(sent, NOW, NONE) is None


@given(st.uuids(version=4))
def test_an_id_without_a_time_proposes_nothing(sent: object) -> None:
    assert fresh_proposal(str(sent), NOW, NONE) is None


def test_the_variant_must_be_that_of_a_uuid() -> None:
    proposal = uuid7(NOW, RANDOM)
    for variant in "01234567cdef":
        assert fresh_proposal(f"{proposal[:19]}{variant}{proposal[20:]}", NOW, NONE) is None


@given(st.binary(min_size=16, max_size=16), st.timedeltas())
def test_no_time_and_no_clock_crashes(raw: bytes, skew: timedelta) -> None:
    text = raw.hex()
    sent = f"{text[:8]}-{text[8:12]}-7{text[13:16]}-8{text[17:20]}-{text[20:]}"
    assert fresh_proposal(sent, NOW, skew) in (None, sent)
