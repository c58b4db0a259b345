"""What stays of a call between its events: one call whatever its id, no plain phone, a test that stays one; codes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from functions.numberpool.codes import KEPT, Dictated, code_for, dictated
from functions.numberpool.store import Store
from shared.identity import keyed_hash
from shared.leases import pool_key
from tests.api.numbers_door import POOL, SETTINGS, TABLE, Numbers, body_of, moto_dynamodb, told, visitor_id

CALLER = "+79161234567"
KEY = b"key-of-the-hashes"
AT = datetime(2026, 10, 28, 9, 0, tzinfo=UTC)
MARKS = {"utm_source": "yandex", "utm_medium": "cpc"}


@pytest.fixture
def numbers(monkeypatch: pytest.MonkeyPatch) -> Iterator[Numbers]:
    with moto_dynamodb(monkeypatch) as dynamodb:
        made = Numbers(monkeypatch, dynamodb)
        made.now = AT
        yield made


def call(numbers: Numbers, call_id: str = "c-1", webhook_id: str = "msg_1", at: datetime | None = None, **changes: Any) -> Any:
    """The answer to an event that arrives three minutes after its call began."""
    began = at or numbers.now
    times = {"start_time": began, "agent_answer_time": began + timedelta(seconds=9), "hangup_time": began + timedelta(seconds=99)}
    body = told("answered", call_id=call_id, **{name: value.isoformat() for name, value in times.items()}, duration=90)
    before, numbers.now = numbers.now, began + timedelta(minutes=3)
    answer = numbers.ring({**body, "client_number": CALLER, "our_number": POOL[0], **changes}, webhook_id=webhook_id)
    numbers.now = before
    assert answer["statusCode"] == 200, answer["body"]
    return body_of(answer)


def await_test(numbers: Numbers, number: str) -> None:
    """As `skvoz numbers add` leaves a number."""
    since = {":now": {"N": str(int(numbers.now.timestamp() * 1000))}}
    for pk, sk in ((pool_key("kvartal"), number), (f"number#{number}", "owner")):
        numbers.dynamodb.update_item(
            TableName=TABLE, Key={"pk": {"S": pk}, "sk": {"S": sk}}, UpdateExpression="SET awaits_test = :now",
            ExpressionAttributeValues=since,
        )  # fmt: skip


def test_an_id_with_the_callers_digits_makes_one_call_whichever_event_tells_the_caller(numbers: Numbers) -> None:
    named = "20261028-9161234567001"
    first = call(numbers, named, client_number=None)
    second = call(numbers, named, webhook_id="msg_2")
    assert first["request_id"] == second["request_id"]
    records = numbers.stored()
    assert {record["call_id"] for record in records} == {keyed_hash("id", named, KEY)}
    assert "9161234567" not in json.dumps(records) + json.dumps(numbers.items("call#"))


def test_an_ordinary_id_stays_readable(numbers: Numbers) -> None:
    call(numbers, "41791526003")
    assert [record["call_id"] for record in numbers.stored()] == ["41791526003"]


@pytest.mark.parametrize("phone", ["+380501234567", "380501234567", "8 916 765-43-21", "sip:+79167654321@pbx"])
def test_who_answered_is_kept_without_a_phone(numbers: Numbers, phone: str) -> None:
    call(numbers, answered_by=phone)
    assert "answered_by" not in numbers.stored()[0]
    digits = "".join(sign for sign in phone if sign.isdigit())[-9:]
    assert digits not in json.dumps(numbers.items("call#")).replace("-", "").replace(" ", "")


def test_a_recording_that_names_the_caller_goes_when_the_caller_is_told(numbers: Numbers) -> None:
    call(numbers, client_number=None, recording="https://pbx.example/2026-10-28-79161234567.mp3")
    call(numbers, webhook_id="msg_2", recording=None)
    call(numbers, "c-2", client_number=CALLER, recording="https://pbx.example/2026-10-28-79161234567.mp3")
    call(numbers, "c-3", recording="https://pbx.example/41791526003.mp3")
    kept = json.dumps([item["state"]["S"] for item in numbers.items("call#")])
    assert "9161234567" not in kept
    assert "41791526003.mp3" in kept


def test_the_call_that_tests_a_number_stays_a_test_whatever_is_told_of_it_later(numbers: Numbers) -> None:
    numbers.fill(POOL[0])
    numbers.later(minutes=-10)
    await_test(numbers, POOL[0])
    numbers.later(minutes=10)
    call(numbers, "test")
    call(numbers, "test", webhook_id="msg_2", at=numbers.now + timedelta(seconds=5))
    call(numbers, "other", at=numbers.now + timedelta(minutes=1))
    assert [(record["call_id"], record.get("is_test")) for record in numbers.stored()] == [
        ("test", True), ("test", True), ("other", None),
    ]  # fmt: skip


def test_a_call_by_the_visitor_who_holds_a_number_is_no_test_though_the_number_came_back_meanwhile(numbers: Numbers) -> None:
    numbers.fill(POOL[0])
    given = numbers.lease(1)
    assert numbers.renew(1, given)
    numbers.later(seconds=20)
    await_test(numbers, POOL[0])
    numbers.later(seconds=20)
    found = call(numbers)
    assert (found["resolved_by"], found["visitor_id"]) == ("lease", visitor_id(1))
    assert "is_test" not in numbers.stored()[0]
    assert not any("awaits_test" in item for item in numbers.items("pool#"))


def test_two_calls_at_once_do_not_both_pass_as_the_test(numbers: Numbers) -> None:
    numbers.fill(POOL[0])
    await_test(numbers, POOL[0])
    store = Store(numbers.dynamodb, TABLE)
    at = numbers.now + timedelta(seconds=30)
    assert store.test_call("kvartal", POOL[0], at, "one")
    assert not store.test_call("kvartal", POOL[0], at + timedelta(seconds=1), "two")
    assert store.test_call("kvartal", POOL[0], at + timedelta(seconds=9), "one")
    assert store.test_call("kvartal", POOL[0], at - timedelta(seconds=1), "before")


def test_a_code_names_nobody_in_calls_of_before_it_was_given(numbers: Numbers) -> None:
    store = Store(numbers.dynamodb, TABLE)
    code = code_for(store, "kvartal", visitor_id(9), AT, MARKS)
    assert code is not None
    assert dictated(store, "kvartal", code, AT - timedelta(hours=1)) is None
    assert dictated(store, "kvartal", code, AT) == Dictated(visitor_id(9), MARKS)
    later = AT + timedelta(days=20)
    assert code_for(store, "kvartal", visitor_id(9), later, {}) == code
    assert dictated(store, "kvartal", code, AT + timedelta(days=1)) == Dictated(visitor_id(9)), (
        "his own goes on, as the visit that was shown it last"
    )
    assert dictated(store, "kvartal", code, later + KEPT + timedelta(seconds=1)) is None


def test_a_flood_from_one_address_gets_no_codes(numbers: Numbers) -> None:
    numbers.publish(SETTINGS, visitor_codes=True)
    numbers.fill(*POOL)
    given = [numbers.lease(visitor, ip="203.0.113.9", code=True) for visitor in range(1, 6)]
    assert ["code" in one for one in given] == [True, False, False, False, False]
    assert {one.get("reason") for one in given[1:]} == {"too_many_from_address"}
