"""Pools by rules, robots and floods through the lease door, on moto."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.numberpool.choice import Number, choose, is_room
from functions.numberpool.rules import Rules
from shared.leases import pool_key
from tests.api.numbers_door import POOL, SETTINGS, TABLE, Numbers, body_of, counted, moto_dynamodb
from tests.api.test_calls import CALLER, ringing

SPB = ("+78120000031", "+78120000032")
POOLS: list[dict[str, Any]] = [
    {"name": "spb", "hosts": ["spb.kvartal.example"], "default": "+78120000010", "lease_seconds": 120, "first_lease_seconds": 60},
    {"name": "yandex", "sources": ["yandex"]},
]
ROBOT = "Mozilla/5.0 (compatible; YandexBot/3.0; +http://yandex.com/bots)"


@pytest.fixture
def numbers(monkeypatch: pytest.MonkeyPatch) -> Iterator[Numbers]:
    with moto_dynamodb(monkeypatch) as dynamodb:
        door = Numbers(monkeypatch, dynamodb)
        door.publish(SETTINGS, pools=POOLS)
        yield door


def asked(numbers: Numbers, visitor: int, agent: str = "", **sent: Any) -> dict[str, Any]:
    """The answer to a lease request of that user agent; "": none at all."""
    body = {"site": "kvartal", "visitor": numbers.token(visitor), **sent}
    answer = numbers.post("numbers_lease_post", body, f"10.0.{visitor}.7", {"user-agent": agent})
    assert answer["statusCode"] == 200, answer["body"]
    return dict(body_of(answer))


def spb(path: str = "/") -> str:
    return f"https://spb.kvartal.example{path}"


# --- pools ------------------------------------------------------------------------------------------------------------------------


def test_a_visit_gets_a_number_of_its_pool_with_the_pools_spans(numbers: Numbers) -> None:
    numbers.fill(POOL[0])
    numbers.fill(*SPB, pool="spb")
    given = numbers.lease(1, page_url=spb())
    assert given["number"] in SPB
    assert (given["lease"]["pool"], given["lease"]["expires_in"]) == ("spb", 60)
    assert given["replaces"] == ["+78120000010", "+74950000010", "+74950000011"]
    assert numbers.lease(1, page_url=spb())["lease"]["expires_in"] == 120
    moscow = numbers.lease(2)
    assert (moscow["number"], moscow["lease"]["pool"], moscow["lease"]["expires_in"]) == (POOL[0], "main", 90)
    assert moscow["replaces"] == ["+74950000010", "+74950000011"]


def test_a_visitor_has_one_number_a_pool_and_gets_each_again(numbers: Numbers) -> None:
    numbers.fill(POOL[0])
    numbers.fill(SPB[0], pool="spb")
    first = (numbers.lease(1)["lease"]["id"], numbers.lease(1, page_url=spb())["lease"]["id"])
    assert (numbers.lease(1)["lease"]["id"], numbers.lease(1, page_url=spb())["lease"]["id"]) == first
    assert len(numbers.items("history#")) == 2


def test_a_tracker_asks_on_each_page_only_where_pages_have_pools(numbers: Numbers) -> None:
    assert numbers.lease(1)["per_page"] is True
    numbers.publish(SETTINGS, pools=POOLS[1:])
    assert "per_page" not in numbers.lease(1)


def test_a_renewal_names_the_pool_and_lasts_as_long_as_it_says(numbers: Numbers) -> None:
    numbers.fill(SPB[0], pool="spb")
    given = numbers.lease(1, page_url=spb())
    held = {"number": given["number"], "id": given["lease"]["id"], "pool": "spb"}
    assert numbers.renew(1, given, lease=held) == {"id": given["lease"]["id"], "expires_in": 120}
    assert numbers.renew(1, given) is None  # without a pool it is main's, where he has nothing
    assert numbers.renew(1, given, lease={**held, "pool": "b2b"}) is None


@pytest.mark.parametrize("pool", ["", "main#x", "../x", "MAIN", "x" * 5000, 7, None, [], {}, True])
def test_a_renewal_of_what_is_no_pool_is_refused(numbers: Numbers, pool: Any) -> None:
    numbers.fill()
    given = numbers.lease(1)
    lease = {"number": given["number"], "id": given["lease"]["id"], "pool": pool}
    answer = numbers.post("numbers_renew_post", {"site": "kvartal", "visitor": numbers.token(1), "lease": lease})
    assert answer["statusCode"] == 400
    assert body_of(answer)["error"]["fields"][0]["path"] == "lease.pool"


def test_a_full_pool_shows_the_sources_number_then_its_own_then_the_sites(numbers: Numbers) -> None:
    numbers.fill(SPB[0], pool="spb")
    numbers.lease(1, page_url=spb())
    assert numbers.lease(2, page_url=spb(), utm_source="vk", utm_medium="cpc")["number"] == "+74950000041"
    own = numbers.lease(3, page_url=spb())
    assert (own["kind"], own["number"], own["reason"]) == ("default", "+78120000010", "pool_full")
    assert numbers.lease(4, utm_source="yandex")["number"] == "+74950000010"


def test_a_number_that_awaits_its_test_call_is_nobodys(numbers: Numbers) -> None:
    numbers.fill(*POOL[:2])
    numbers.publish(SETTINGS, prefix_percent=100)
    wait(numbers, POOL[0])
    assert numbers.lease(1)["number"] == POOL[1]
    assert numbers.lease(2)["reason"] == "pool_full"


def test_a_visitor_keeps_his_lease_of_a_number_that_awaits_a_test_again_and_does_not_get_it_back(numbers: Numbers) -> None:
    numbers.fill(*POOL[:2])
    given = numbers.lease(1)
    wait(numbers, given["number"])
    numbers.later(seconds=20)
    assert numbers.lease(1)["number"] == given["number"]
    numbers.later(seconds=301)
    assert numbers.lease(1)["number"] in set(POOL[:2]) - {given["number"]}


def test_a_number_taken_out_for_a_test_between_query_and_write_is_not_leased(numbers: Numbers) -> None:
    numbers.fill(POOL[0])
    before = {"Items": [{"pk": {"S": pool_key("kvartal")}, "sk": {"S": POOL[0]}}]}
    wait(numbers, POOL[0])
    stale = Stale(numbers, before)
    numbers.clients.dynamodb = stale
    numbers.forget()
    assert numbers.lease(1)["reason"] == "no_pool"
    assert stale.asked == 2


class Stale:
    """A DynamoDB client whose first query is answered as told."""

    def __init__(self, numbers: Numbers, before: dict[str, Any]) -> None:
        self._real, self._before, self.asked, self.exceptions = numbers.dynamodb, before, 0, numbers.dynamodb.exceptions

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def query(self, **arguments: Any) -> Any:
        self.asked += 1
        return self._before if self.asked == 1 else self._real.query(**arguments)


def wait(numbers: Numbers, number: str) -> None:
    key = {"pk": {"S": pool_key("kvartal")}, "sk": {"S": number}}
    values = {":one": {"N": "1"}}
    numbers.dynamodb.update_item(
        TableName=TABLE, Key=key, UpdateExpression="SET awaits_test = :one", ExpressionAttributeValues=values
    )


# --- robots and floods ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("agent", [ROBOT, "curl/8.5.0", "python-requests/2.32", "", "x" * 5000])
def test_a_robot_sees_the_default_number_whatever_its_source(
    numbers: Numbers, agent: str, capsys: pytest.CaptureFixture[str]
) -> None:
    numbers.fill()
    given = asked(numbers, 1, agent, utm_source="vk", utm_medium="cpc")
    assert (given["kind"], given["number"], given["reason"], given["lease"]) == ("default", "+74950000010", "robot", None)
    assert {"Kind": "default", "Reason": "robot", "LeaseGiven": 1} in counted(capsys.readouterr().out)
    assert numbers.items("history#") == []
    assert asked(numbers, 2, agent, page_url=spb())["number"] == "+78120000010"


def test_hundreds_of_visitors_of_one_address_hold_one_number_of_a_small_pool(numbers: Numbers) -> None:
    """Ten thousand are the same, by the rule below; each costs one query and no write."""
    numbers.fill()
    writes: list[str] = []

    def note(model: Any, **_: Any) -> None:
        writes.append(model.name)

    numbers.dynamodb.meta.events.register("before-call.dynamodb", note)
    try:
        given = [numbers.lease(visitor, ip="203.0.113.9") for visitor in range(300)]
    finally:
        numbers.dynamodb.meta.events.unregister("before-call.dynamodb", note)
    assert [each["kind"] for each in given] == ["dynamic"] + ["default"] * 299
    assert {each.get("reason") for each in given[1:]} == {"too_many_from_address"}
    assert {name: writes.count(name) for name in set(writes)} == {"Query": 300, "TransactWriteItems": 1}
    assert numbers.lease(999)["kind"] == "dynamic"
    assert len({record["record_id"] for record in numbers.answered()}) == 301


@given(st.integers(0, 400), st.integers(0, 500))
def test_ten_thousand_requests_of_one_prefix_hold_at_most_a_fifth_of_the_live_leases(others: int, room: int) -> None:
    """Played by the rule alone: each request that finds room holds a number more."""
    live = [Number(f"o{n}", f"l{n}", f"v{n}", 0, 10, prefix=f"p{n}") for n in range(others)]
    mine = 0
    for _ in range(min(room, 10_000)):
        if not is_room(live, "flood", 0, 20):
            break
        live.append(Number(f"m{mine}", f"k{mine}", f"w{mine}", 0, 10, prefix="flood"))
        mine += 1
    assert mine <= max(1, (others + mine) * 0.2)
    free = [Number("free")]
    if mine and not is_room(live, "flood", 0, 20):
        assert choose([*live, *free], "flooder", "flood", 0, Rules(), 0) == "too_many_from_address"
        assert choose([*live, *free], "visitor", "elsewhere", 0, Rules(), 0) != "too_many_from_address"


# --- calls ------------------------------------------------------------------------------------------------------------------------


def test_a_call_of_a_pools_number_is_its_visitors_for_the_pools_late_window(numbers: Numbers) -> None:
    numbers.publish(SETTINGS, pools=[{**POOLS[0], "late_call_seconds": 5}])
    numbers.fill(SPB[0], pool="spb")
    given = numbers.lease(1, page_url=spb())
    assert given["number"] == SPB[0]
    start = numbers.now
    for seconds, by in [(30, "lease"), (64, "late_lease"), (66, "nothing")]:
        numbers.now = start + timedelta(seconds=seconds)
        call = ringing(numbers.now, SPB[0], None, f"call-{seconds}")
        assert body_of(numbers.ring(call, webhook_id=f"msg_{seconds}"))["resolved_by"] == by
    assert CALLER not in str(numbers.stored())
