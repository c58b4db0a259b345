"""The pace of calls that a CRM allows, kept together by all who speak to it (moto's DynamoDB, a clock of the test's)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from functions.crm_webhook.api.http import CrmBusy
from functions.crm_webhook.api.pace import LONGEST_WAIT, Pace
from tests.api.dynamo import dynamodb

BEGIN = 1_793_280_000_000


class World:
    """One clock for several callers; a sleep moves it on."""

    def __init__(self, client: Any) -> None:
        self.now, self.client = BEGIN, client

    def pace(self) -> Pace:
        return Pace(lambda: self.client, "crm", lambda: self.now, self.sleep)

    def sleep(self, seconds: float) -> None:
        self.now += round(seconds * 1000)


@pytest.fixture
def world() -> Iterator[World]:
    with dynamodb(("crm",)) as client:
        yield World(client)


def most_within(calls: list[int], millis: int) -> int:
    return max(sum(first <= one < first + millis for one in calls) for first in calls)


@pytest.mark.parametrize(("per_second", "at_once", "most"), [(7.0, 1, 7), (2.0, 50, 52), (2.0, 1, 2), (0.5, 1, 1)])
def test_no_second_holds_more_calls_than_are_allowed(world: World, per_second: float, at_once: int, most: int) -> None:
    callers, calls = [world.pace(), world.pace()], []
    for number in range(80):
        callers[number % 2].take("shop", "amocrm", per_second, at_once)
        calls.append(world.now)
    assert most_within(calls, 1000) <= most
    # And it is no slower than that: after the first burst one call each 1 / per_second seconds.
    assert (calls[-1] - calls[0]) / 1000 <= (80 - at_once) / per_second + 1


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 900)), min_size=2, max_size=25), st.integers(1, 5))
def test_a_bucket_never_overflows_whoever_calls_when(world: World, steps: list[tuple[int, int]], at_once: int) -> None:
    site, calls = f"site-{world.now}-{at_once}", []
    callers = [world.pace() for _ in range(3)]
    for who, pause in steps:
        world.now += pause
        callers[who].take(site, "bitrix24", 4.0, at_once)
        calls.append(world.now)
    level, last = 0.0, calls[0]
    for at in calls:
        level = max(0.0, level - (at - last) / 250) + 1
        last = at
        assert level <= at_once + 0.01
    world.now += 60_000


def test_a_crm_that_asks_to_wait_is_called_by_nobody_meanwhile(world: World) -> None:
    first, second = world.pace(), world.pace()
    first.take("shop", "amocrm", 7)
    first.hold("shop", "amocrm", 10)
    second.take("shop", "amocrm", 7)
    assert world.now - BEGIN >= 10_000


def test_a_short_wait_does_not_shorten_a_long_one(world: World) -> None:
    first, second = world.pace(), world.pace()
    first.hold("shop", "amocrm", 15)
    second.hold("shop", "amocrm", 1)
    second.take("shop", "amocrm", 7)
    assert world.now - BEGIN >= 15_000


def test_a_wait_that_is_too_long_leaves_the_work_for_later(world: World) -> None:
    pace = world.pace()
    pace.hold("shop", "amocrm", LONGEST_WAIT + 60)
    with pytest.raises(CrmBusy) as told:
        world.pace().take("shop", "amocrm", 7)
    assert told.value.seconds is not None
    assert told.value.seconds > LONGEST_WAIT
    assert world.now == BEGIN  # nobody waited


def test_sites_and_crms_have_a_pace_of_their_own(world: World) -> None:
    pace = world.pace()
    pace.hold("shop", "amocrm", 15)
    pace.take("shop", "bitrix24", 2)
    pace.take("other", "amocrm", 7)
    assert world.now == BEGIN


def test_calls_after_a_rest_follow_at_once(world: World) -> None:
    pace, calls = world.pace(), []
    for _ in range(2):
        for _ in range(5):
            pace.take("shop", "bitrix24", 2, 5)
            calls.append(world.now)
        world.now += 10_000
    assert [after - before for before, after in pairwise(calls)] == [0, 0, 0, 0, 10_000, 0, 0, 0, 0]
