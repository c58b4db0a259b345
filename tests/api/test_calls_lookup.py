"""The PBX asks while it rings: who calls, from which ad, where to put him; and how many reads of the table that takes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.clients import client_key, same_name
from shared.identity import phone_hash
from tests.api.numbers_door import POOL, SETTINGS, TABLE, Numbers, body_of, moto_dynamodb, told, visitor_id

CALLER = "+79000000017"
HASH = str(phone_hash(CALLER, b"key-of-the-hashes"))
DEFAULT, STATIC = "+74950000010", "+74950000041"
MARKS = {"utm_source": "yandex", "utm_medium": "cpc", "utm_campaign": "Окна"}
MANAGERS = {"managers": {"Анна Серова": "203"}, "routes": [{"to": "manager"}, {"to": "100"}]}


@pytest.fixture
def numbers(monkeypatch: pytest.MonkeyPatch) -> Iterator[Numbers]:
    with moto_dynamodb(monkeypatch) as dynamodb:
        yield Numbers(monkeypatch, dynamodb)


class Reads:
    """The client of a test, counting what reads."""

    NAMES = ("get_item", "query", "batch_get_item", "scan", "transact_get_items")

    def __init__(self, dynamodb: Any) -> None:
        self._dynamodb = dynamodb
        self.done: list[str] = []

    def __getattr__(self, name: str) -> Any:
        if name in self.NAMES:
            self.done.append(name)
        return getattr(self._dynamodb, name)


def with_calls(numbers: Numbers, **calls: Any) -> None:
    numbers.publish({**SETTINGS, "calls": calls})


def leased(numbers: Numbers, visitor: int, number: str = POOL[0], marks: dict[str, str] | None = None) -> None:
    """A lease of the number, whose visit had those marks."""
    numbers.fill(number)
    given = numbers.lease(visitor)
    assert given["number"] == number
    (item,) = [i for i in numbers.items(f"history#{number}") if i["lease_id"]["S"] == given["lease"]["id"]]
    numbers.dynamodb.put_item(
        TableName=TABLE, Item={**item, "marks": {"M": {name: {"S": value} for name, value in (marks or MARKS).items()}}}
    )


def led_by(numbers: Numbers, manager: str, site: str = "kvartal") -> None:
    """A client as the CRM's worker leaves him."""
    item = {**client_key(site, HASH), "manager": {"S": manager}, "deal": {"S": "generic:7"}, "told_at": {"S": "0#a"}}
    numbers.dynamodb.put_item(TableName=TABLE, Item=item)


def called(numbers: Numbers, number: str = POOL[0], call_id: str = "call-1", caller: str | None = CALLER) -> dict[str, Any]:
    """A whole incoming call that begins now."""
    at, before = numbers.now, numbers.now
    times = {"start_time": at, "agent_answer_time": at + timedelta(seconds=9), "hangup_time": at + timedelta(seconds=129)}
    body = told("answered", call_id=call_id, our_number=number, client_number=caller, duration=120)
    numbers.now = at + timedelta(seconds=140)
    answer = numbers.ring({**body, **{name: value.isoformat() for name, value in times.items()}}, webhook_id=call_id)
    numbers.now = before
    assert answer["statusCode"] == 200, answer["body"]
    found: dict[str, Any] = body_of(answer)
    return found


def asked(numbers: Numbers, number: str, caller: str | None = CALLER, **more: str) -> dict[str, Any]:
    query = "&".join([f"{name}={value}" for name, value in {"site": "kvartal", "caller": caller, **more}.items() if value])
    answer = numbers.ask(number, query.replace("+", "%2B"))
    # The gateway gives a decoded query.
    assert answer["statusCode"] == 200, answer["body"]
    found: dict[str, Any] = body_of(answer)
    return found


# --- who calls, and from which ad -------------------------------------------------------------------------------------------------


def test_the_marks_are_those_of_the_visit_that_leased_the_number(numbers: Numbers) -> None:
    leased(numbers, 1)
    found = asked(numbers, POOL[0], None)
    assert found == {"number": POOL[0], "kind": "dynamic", "visitor_id": visitor_id(1), "resolved_by": "lease", **MARKS}


def test_the_marks_of_a_static_number_are_its_own(numbers: Numbers) -> None:
    found = asked(numbers, STATIC, None)
    assert found == {
        "number": STATIC, "kind": "static", "visitor_id": None, "resolved_by": "number", "utm_source": "vk", "utm_medium": "cpc",
    }  # fmt: skip


def test_a_known_caller_brings_the_marks_of_his_earlier_visit_along(numbers: Numbers) -> None:
    leased(numbers, 1)
    called(numbers)
    numbers.later(hours=5)
    found = asked(numbers, DEFAULT)
    assert (found["kind"], found["resolved_by"], found["visitor_id"]) == ("default", "caller", visitor_id(1))
    assert {name: found[name] for name in MARKS} == MARKS


def test_the_earlier_visit_is_known_over_several_calls(numbers: Numbers) -> None:
    leased(numbers, 1)
    called(numbers)
    for day in (1, 2):
        numbers.later(hours=23)
        assert called(numbers, DEFAULT, f"again-{day}")["resolved_by"] == "caller"
    numbers.later(hours=23)
    assert asked(numbers, DEFAULT)["utm_campaign"] == "Окна"


def test_a_code_brings_the_marks_of_the_visit_that_was_shown_it(numbers: Numbers) -> None:
    numbers.publish(SETTINGS, visitor_codes=True)
    code = numbers.lease(1, code=True, **MARKS)["code"]
    numbers.later(minutes=2)
    found = asked(numbers, DEFAULT, None, code=code)
    assert found == {"number": DEFAULT, "kind": "default", "visitor_id": visitor_id(1), "resolved_by": "code", **MARKS}


def test_a_visit_without_marks_is_told_without_any(numbers: Numbers) -> None:
    leased(numbers, 1, marks={"utm_source": ""})
    called(numbers)
    numbers.later(hours=5)
    assert asked(numbers, DEFAULT) == {
        "number": DEFAULT, "kind": "default", "visitor_id": visitor_id(1), "resolved_by": "caller",
    }  # fmt: skip


def test_a_number_that_is_none_of_the_sites_is_unknown_and_routed_all_the_same(numbers: Numbers) -> None:
    with_calls(numbers, routes=[{"to": "100"}])
    found = asked(numbers, "+74957654321", None)
    assert (found["kind"], found["route"]) == ("unknown", "100")


# --- where it goes ----------------------------------------------------------------------------------------------------------------


def test_a_route_of_a_source_takes_the_callers_of_its_ads(numbers: Numbers) -> None:
    with_calls(numbers, routes=[{"to": "101", "sources": ["Yandex"]}, {"to": "102", "sources": ["vk"]}])
    leased(numbers, 1)
    assert asked(numbers, POOL[0])["route"] == "101"
    assert asked(numbers, STATIC)["route"] == "102"
    assert "route" not in asked(numbers, DEFAULT)


def test_hours_are_those_of_the_sites_clock(numbers: Numbers) -> None:
    with_calls(numbers, routes=[{"to": "day", "begin": "09:00", "end": "18:00"}, {"to": "night", "begin": "18:00", "end": "09:00"}])
    for utc, wanted in (("05:59:59", "night"), ("06:00:00", "day"), ("14:59:59", "day"), ("15:00:00", "night")):
        numbers.now = datetime.fromisoformat(f"2026-10-13T{utc}+00:00").astimezone(UTC)  # Moscow is three hours ahead
        assert asked(numbers, DEFAULT, None)["route"] == wanted, utc


# --- the client's manager ---------------------------------------------------------------------------------------------------------


def test_a_client_gets_his_own_manager(numbers: Numbers) -> None:
    with_calls(numbers, **MANAGERS)
    led_by(numbers, "анна  серова")
    found = asked(numbers, DEFAULT)
    assert (found["manager"], found["route"]) == ("203", "203")


@pytest.mark.parametrize("manager", ["Борис Лунин", ""])
def test_a_manager_whose_place_nobody_told_leaves_the_call_to_the_next_route(numbers: Numbers, manager: str) -> None:
    with_calls(numbers, **MANAGERS)
    led_by(numbers, manager)
    found = asked(numbers, DEFAULT)
    assert ("manager" in found, found["route"]) == (False, "100")


def test_strangers_hidden_callers_and_clients_of_another_site_have_no_manager(numbers: Numbers) -> None:
    with_calls(numbers, **MANAGERS)
    led_by(numbers, "Анна Серова", site="second")
    assert asked(numbers, DEFAULT)["route"] == "100"
    led_by(numbers, "Анна Серова")
    assert asked(numbers, DEFAULT, "anonymous")["route"] == "100"
    assert asked(numbers, DEFAULT, "79000000018")["route"] == "100"


def test_the_manager_is_told_even_where_no_route_uses_him(numbers: Numbers) -> None:
    with_calls(numbers, managers={"Анна Серова": "203"})
    led_by(numbers, "Анна Серова")
    found = asked(numbers, DEFAULT)
    assert (found["manager"], "route" in found) == ("203", False)


def test_names_of_managers_compare_without_case_and_spaces() -> None:
    assert same_name(" Анна  СЕРОВА ") == same_name("анна серова")
    assert same_name("Анна") != same_name("Анна Серова")


# --- reads ------------------------------------------------------------------------------------------------------------------------


def reads(numbers: Numbers, number: str, **query: Any) -> list[str]:
    """What a look-up reads of the table."""
    counting = Reads(numbers.dynamodb)
    numbers.clients.dynamodb = counting
    numbers.forget()
    asked(numbers, number, **query)
    numbers.clients.dynamodb = numbers.dynamodb
    numbers.forget()
    return counting.done


def test_a_held_number_takes_a_query_and_a_read(numbers: Numbers) -> None:
    leased(numbers, 1)
    assert reads(numbers, POOL[0]) == ["query", "get_item"]
    assert reads(numbers, POOL[0], code="123456") == ["query", "get_item"]  # who holds the number needs no other proof


def test_a_static_or_default_number_takes_two_queries_and_none_for_a_hidden_caller_but_one(numbers: Numbers) -> None:
    for number in (STATIC, DEFAULT):
        assert reads(numbers, number) == ["query", "query"]
        assert reads(numbers, number, caller=None) == ["query"]


def test_a_number_that_nobody_holds_takes_one_read_more(numbers: Numbers) -> None:
    numbers.fill(POOL[0])
    assert reads(numbers, POOL[0]) == ["query", "query", "get_item"]


def test_the_manager_is_one_read_more_and_none_where_nobody_says_where_managers_answer(numbers: Numbers) -> None:
    leased(numbers, 1)
    with_calls(numbers, **MANAGERS)
    assert reads(numbers, POOL[0]) == ["query", "get_item", "get_item"]
    assert reads(numbers, POOL[0], caller=None) == ["query", "get_item"]
    with_calls(numbers, routes=[{"to": "100"}])
    assert reads(numbers, POOL[0]) == ["query", "get_item"]


def test_no_look_up_reads_more_than_two_queries_and_four_items(numbers: Numbers) -> None:
    """The most: a lease that is over, whose number nobody got since, a code, a caller, a manager."""
    with_calls(numbers, **MANAGERS)
    leased(numbers, 1)
    numbers.later(days=2)
    done = reads(numbers, POOL[0], code="123456")
    assert (done.count("query"), done.count("get_item"), len(done)) == (2, 4, 6)
