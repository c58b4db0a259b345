"""Which alert may ring whom, and when again: never twice within its rest, whatever happens to its mails."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from functions.report.alerts.bell import Bell
from functions.report.alerts.checks import RESTS, Alert
from tests.report_aws import TABLE, Clients, installation
from tests.report_cases import NOW

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Clients]:
    yield from installation(monkeypatch, tmp_path)


STEPS = st.lists(
    st.tuples(st.integers(0, 36), st.sampled_from(["sent", "refused", "unknown", "died"]), st.sampled_from(sorted(RESTS))),
    max_size=40,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS, site=st.uuids())
def test_no_alert_rings_twice_in_24_hours_whatever_happens_to_its_mails(aws: Clients, steps: list[Any], site: Any) -> None:
    bell, now = Bell(aws.dynamodb, TABLE), NOW
    rang: dict[str, list[datetime]] = {}
    for step, (hours, fate, kind) in enumerate(steps):
        now += hours * HOUR
        alert = Alert(kind, ("subject",), {}, mark=str(step % 3))
        is_resting = bool(bell.resting(str(site), "reader", [alert], now))
        assert bell.claim(str(site), "reader", alert, now) != is_resting
        if is_resting:
            continue
        if fate == "refused":  # the only fate in which certainly no mail went out
            bell.release(str(site), "reader", alert, now)
            continue
        rang.setdefault(kind, []).append(now)
        if fate == "sent":
            bell.mark_sent(str(site), "reader", alert)
    for kind, times in rang.items():
        assert all(later - earlier >= DAY for earlier, later in pairwise(times)), kind


def test_a_sent_alert_rests_as_long_as_its_kind_says(aws: Clients) -> None:
    bell = Bell(aws.dynamodb, TABLE)
    for kind, rest in RESTS.items():
        alert = Alert(kind, (), {})
        assert bell.claim("site", "reader", alert, NOW)
        bell.mark_sent("site", "reader", alert)
        assert not bell.claim("site", "reader", alert, NOW + rest * DAY - HOUR)
        assert bell.claim("site", "reader", alert, NOW + rest * DAY)


def test_an_account_that_stopped_rests_until_it_has_spent_again(aws: Clients) -> None:
    bell, alert = Bell(aws.dynamodb, TABLE), Alert("costs_stopped", ("main",), {}, mark="2026-10-08")
    assert bell.claim("site", "reader", alert, NOW)
    bell.mark_sent("site", "reader", alert)
    assert not bell.claim("site", "reader", alert, NOW + 30 * DAY)
    assert bell.claim("site", "reader", alert._replace(mark="2026-10-20"), NOW + 16 * DAY)


def test_one_whose_mail_got_lost_on_the_way_rings_the_next_day(aws: Clients) -> None:
    bell, alert = Bell(aws.dynamodb, TABLE), Alert("low_romi", ("VK",), {})
    assert bell.claim("site", "reader", alert, NOW)
    assert not bell.claim("site", "reader", alert, NOW)
    assert bell.claim("site", "reader", alert, NOW + DAY)


def test_a_claim_of_another_run_or_a_rest_is_not_given_back(aws: Clients) -> None:
    bell, alert = Bell(aws.dynamodb, TABLE), Alert("low_romi", ("VK",), {})
    assert bell.claim("site", "reader", alert, NOW)
    bell.release("site", "reader", alert, NOW + HOUR)
    assert not bell.claim("site", "reader", alert, NOW + HOUR)
    bell.mark_sent("site", "reader", alert)
    bell.release("site", "reader", alert, NOW)
    assert not bell.claim("site", "reader", alert, NOW + HOUR)


def test_each_subject_and_each_reader_rings_for_itself(aws: Clients) -> None:
    bell = Bell(aws.dynamodb, TABLE)
    for reader in ("one", "two"):
        for subject in (("a", "b"), ("a, b",), ("a",), ("\ud800",)):
            assert bell.claim("site", reader, Alert("low_romi", subject, {}), NOW)
            assert not bell.claim("site", reader, Alert("low_romi", subject, {}), NOW)
