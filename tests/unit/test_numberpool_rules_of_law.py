"""The rules of numbers and calls, one test a sentence (docs/method.md, numbers and calls), through the doors, on moto."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from shared.addresses import prefix_of
from shared.pool_size import loss, numbers_for, offered_load
from tests.api.numbers_door import POOL, SETTINGS, Numbers, body_of, counted, moto_dynamodb, visitor_id
from tests.api.test_calls import ringing

STATIC = "+74950000041"


@pytest.fixture
def numbers(monkeypatch: pytest.MonkeyPatch) -> Iterator[Numbers]:
    with moto_dynamodb(monkeypatch) as dynamodb:
        yield Numbers(monkeypatch, dynamodb)


def alive(numbers: Numbers, visitor: int = 1) -> dict[str, Any]:
    """A lease that its visitor confirmed ten seconds after it began; the clock stands there."""
    given = numbers.lease(visitor)
    numbers.later(seconds=10)
    assert numbers.renew(visitor, given)
    return given


def resolved(numbers: Numbers, after: float, number: str = POOL[0], caller: Any = None) -> tuple[str, str | None]:
    """How a call is resolved that begins so many seconds from now, and to whom."""
    before, numbers.now = numbers.now, numbers.now + timedelta(seconds=after)
    body = ringing(numbers.now, number, caller, f"call-{numbers.now:%d%H%M%S%f}-{after}")
    answer = body_of(numbers.ring(body, webhook_id=f"msg_{numbers.now:%d%H%M%S%f}"))
    numbers.now = before
    return answer["resolved_by"], answer["visitor_id"]


# --- leases -----------------------------------------------------------------------------------------------------------------------


def test_a_lease_lasts_until_the_last_sign_of_life_and_lease_seconds(numbers: Numbers) -> None:
    numbers.fill(POOL[0])
    given = alive(numbers)
    numbers.later(seconds=300)
    assert numbers.renew(1, given)
    numbers.later(seconds=300, milliseconds=1)
    assert numbers.renew(1, given) is None


def test_the_first_lease_lasts_90_seconds_until_the_first_sign_of_life(numbers: Numbers) -> None:
    numbers.fill(POOL[0])
    given = numbers.lease(1)
    numbers.later(seconds=90, milliseconds=1)
    assert numbers.renew(1, given) is None
    again = numbers.lease(1)
    numbers.later(seconds=90)
    assert numbers.renew(1, again)


@pytest.mark.parametrize(("is_confirmed", "seconds"), [(False, 90 + 300), (True, 300 + 1800)])
def test_an_unconfirmed_number_cools_down_300_seconds_any_other_1800(numbers: Numbers, is_confirmed: bool, seconds: int) -> None:
    numbers.fill(POOL[0])
    if is_confirmed:
        alive(numbers)
    else:
        numbers.lease(1)
    numbers.later(seconds=seconds, milliseconds=-1)
    assert numbers.lease(2)["reason"] == "pool_full"
    numbers.later(milliseconds=1)
    assert numbers.lease(2)["number"] == POOL[0]


def test_a_heartbeat_is_due_every_60_seconds_of_activity(numbers: Numbers) -> None:
    """Hits and clicks on a phone are signs of life too: they are batches with the lease (tests/api/test_collect_lease.py)."""
    numbers.fill()
    assert numbers.lease(1)["renew_every"] == 60


def test_a_visitor_back_before_his_number_went_to_another_gets_it_again(numbers: Numbers) -> None:
    numbers.fill(*POOL[:2])
    given = alive(numbers)
    numbers.later(days=20)
    assert numbers.lease(1)["number"] == given["number"]


def test_never_used_numbers_go_first_then_the_one_that_has_been_free_longest(numbers: Numbers) -> None:
    numbers.fill(*POOL[:3])
    numbers.publish(SETTINGS, prefix_percent=100)
    order = []
    for visitor in range(3):
        order.append(numbers.lease(visitor)["number"])
        numbers.later(minutes=5)
    assert set(order) == set(POOL[:3])
    numbers.later(hours=1)
    assert [numbers.lease(visitor)["number"] for visitor in (10, 11, 12)] == order


def test_one_at_random_among_equals(numbers: Numbers, monkeypatch: pytest.MonkeyPatch) -> None:
    got = set()
    for turn in range(30):
        numbers.fill()
        monkeypatch.setattr("functions.numberpool.handler.os.urandom", lambda count, turn=turn: bytes([turn]) * count)
        got.add(numbers.lease(1)["number"])
        for item in numbers.items(""):
            numbers.dynamodb.delete_item(TableName="numbers", Key={"pk": item["pk"], "sk": item["sk"]})
    assert got == set(POOL)


def test_none_free_is_the_sources_static_number_then_the_sites_default_flagged_and_counted(
    numbers: Numbers, capsys: pytest.CaptureFixture[str]
) -> None:
    numbers.fill(POOL[0])
    alive(numbers)
    static = numbers.lease(2, utm_source="vk", utm_medium="cpc")
    assert (static["number"], static["kind"], static["reason"]) == (STATIC, "static", "pool_full")
    default = numbers.lease(3)
    assert (default["number"], default["kind"], default["reason"]) == ("+74950000010", "default", "pool_full")
    told = counted(capsys.readouterr().out)
    assert all({"Kind": kind, "Reason": "pool_full", "LeaseGiven": 1} in told for kind in ("static", "default"))


def test_a_number_is_never_taken_from_a_visitor(numbers: Numbers) -> None:
    numbers.fill(POOL[0])
    given = alive(numbers)
    for visitor in range(2, 30):
        assert numbers.lease(visitor)["kind"] != "dynamic"
        numbers.later(seconds=60)
        assert numbers.renew(1, given)


def test_one_address_prefix_holds_at_most_a_fifth_of_the_live_leases_and_always_one(numbers: Numbers) -> None:
    numbers.fill(*(f"+7495000{n:04d}" for n in range(40)))
    assert [numbers.lease(n, ip=f"203.0.113.{n}")["kind"] for n in (1, 2)] == ["dynamic", "default"]
    for visitor in range(10, 17):
        numbers.lease(visitor)
    assert numbers.lease(3, ip="203.0.113.3")["reason"] == "too_many_from_address"  # 2 of 9
    numbers.lease(17)
    assert [numbers.lease(n, ip=f"203.0.113.{n}")["kind"] for n in (4, 5)] == ["dynamic", "default"]  # 2 of 10


def test_an_address_prefix_is_a_24_or_a_56() -> None:
    assert prefix_of("203.0.113.9") == "203.0.113.0/24"
    assert prefix_of("2001:db8:1:2ff::7") == prefix_of("2001:db8:1:200::1") == "2001:db8:1:200::/56"


# --- calls ------------------------------------------------------------------------------------------------------------------------


def test_a_call_is_the_visitors_who_held_the_number_at_its_start(numbers: Numbers) -> None:
    numbers.fill(POOL[0])
    alive(numbers)
    assert resolved(numbers, -10.001) == ("nothing", None)
    assert [resolved(numbers, seconds) for seconds in (-10, 0, 300)] == [("lease", visitor_id(1))] * 3


def test_else_the_last_who_held_it_within_the_late_call_window_which_is_the_cool_down(numbers: Numbers) -> None:
    numbers.fill(POOL[0])
    alive(numbers)
    assert [resolved(numbers, seconds)[0] for seconds in (300.001, 300 + 1800, 300 + 1800.001)] == [
        "late_lease",
        "late_lease",
        "nothing",
    ]


def test_but_not_after_the_next_lease(numbers: Numbers) -> None:
    numbers.fill(POOL[0])
    numbers.publish(SETTINGS, late_call_seconds=86_400)
    alive(numbers)
    numbers.later(seconds=300 + 1800)
    assert numbers.lease(2)["number"] == POOL[0]
    assert resolved(numbers, -0.001) == ("late_lease", visitor_id(1))
    assert resolved(numbers, 0) == ("lease", visitor_id(2))


def test_else_the_callers_earlier_visitor_within_a_day_of_his_previous_call_sliding(numbers: Numbers) -> None:
    numbers.fill(POOL[0])
    alive(numbers)
    caller, day = "+79000000017", 86_400
    assert resolved(numbers, 1, caller=caller)[0] == "lease"
    assert resolved(numbers, 1 + day, "+74950000010", caller) == ("caller", visitor_id(1))
    assert resolved(numbers, 1 + 2 * day, "+74950000010", caller) == ("caller", visitor_id(1))
    assert resolved(numbers, 1 + 3 * day + 0.001, "+74950000010", caller) == ("nothing", None)


def test_else_the_numbers_own_source(numbers: Numbers) -> None:
    assert resolved(numbers, 0, STATIC) == ("number", None)
    assert numbers.stored()[-1]["utm_source"] == "vk"


def test_else_nothing_and_that_is_stated(numbers: Numbers) -> None:
    assert resolved(numbers, 0, "+74950000010") == ("nothing", None)
    assert numbers.stored()[-1]["resolved_by"] == "nothing"


# --- size -------------------------------------------------------------------------------------------------------------------------


def test_the_pool_size_is_erlang_b_of_arrivals_and_hold() -> None:
    bare, whole = offered_load(200, 3 * 60), offered_load(200, 33 * 60)
    assert bare == 10
    assert whole == pytest.approx(110)
    assert (round(loss(bare, 10), 3), numbers_for(bare, 0.01), numbers_for(whole, 0.01)) == (0.215, 18, 128)
