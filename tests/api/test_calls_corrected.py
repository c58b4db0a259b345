"""A call that is told again, otherwise or out of order: its record, its request, and what is remembered of its caller."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import orjson
import pytest
from botocore.exceptions import ClientError

from functions.crm_webhook.generic import records_of
from functions.crm_webhook.outcome import Arrival
from functions.crm_webhook.reading import Private
from shared.ids import derived_id, is_uuid
from shared.times import EPOCH
from tests.api.numbers_door import LAKE, SETTINGS, Numbers, body_of, moto_dynamodb, told, visitor_id
from tests.api.test_calls import CALLER, leased, ringing, taken

DEFAULT = "+74950000010"
INNOCENT = "+79000000099"
KEY = b"key-of-the-hashes"


@pytest.fixture
def numbers(monkeypatch: pytest.MonkeyPatch) -> Iterator[Numbers]:
    with moto_dynamodb(monkeypatch) as dynamodb:
        yield Numbers(monkeypatch, dynamodb)


def later(numbers: Numbers, caller: str, minutes: float = 120, call_id: str = "later") -> dict[str, Any]:
    """What a call of that caller to the site's own number is answered, hours after."""
    return taken(numbers, ringing(numbers.now + timedelta(minutes=minutes), DEFAULT, caller, call_id))


def test_a_correction_that_is_taken_back_is_a_record_of_its_own(numbers: Numbers) -> None:
    """One thing, another, and the first again: the last one told counts, so it needs an id of its own."""
    one = ringing(numbers.now, call_id="c-1")
    other = {**one, "our_number": DEFAULT}
    for place, body in enumerate((one, other, one)):
        taken(numbers, body, timedelta(minutes=3 + place), webhook_id=f"msg_{place}")
    ids = [record["record_id"] for record in numbers.stored()]
    assert len(set(ids)) == 3
    assert len({record["request_id"] for record in numbers.stored()}) == 1


def test_an_event_under_one_id_with_other_content_is_another_record(numbers: Numbers) -> None:
    one = ringing(numbers.now, call_id="c-1")
    taken(numbers, one)
    taken(numbers, {**one, "duration": 119})
    first, second = numbers.stored()
    assert first["record_id"] != second["record_id"]


# --- the caller's memory ---------------------------------------------------------------------------------------------------------


def test_a_call_does_not_remember_itself(numbers: Numbers) -> None:
    leased(numbers, 1)
    first = ringing(numbers.now, call_id="c-1")
    assert taken(numbers, first)["resolved_by"] == "lease"
    moved = ringing(numbers.now + timedelta(seconds=1), DEFAULT, call_id="c-1")
    found = taken(numbers, moved, webhook_id="msg_2")
    assert (found["resolved_by"], found["visitor_id"]) == ("nothing", None)
    assert later(numbers, CALLER)["resolved_by"] == "nothing"


def test_a_corrected_caller_is_forgotten_and_the_right_one_known(numbers: Numbers) -> None:
    leased(numbers, 1)
    taken(numbers, ringing(numbers.now, caller=INNOCENT, call_id="c-1"))
    corrected = taken(numbers, ringing(numbers.now, caller=CALLER, call_id="c-1"), webhook_id="msg_2")
    assert corrected["visitor_id"] == visitor_id(1)
    assert later(numbers, INNOCENT, call_id="innocent")["resolved_by"] == "nothing"
    assert later(numbers, CALLER)["visitor_id"] == visitor_id(1)


@pytest.mark.parametrize("change", [{"client_number": None}, {"is_outgoing": 1}, {"our_number": DEFAULT}])
def test_a_correction_that_leaves_nobody_forgets_the_caller(numbers: Numbers, change: dict[str, Any]) -> None:
    leased(numbers, 1)
    first = ringing(numbers.now, call_id="c-1")
    taken(numbers, first)
    taken(numbers, {**first, **change}, webhook_id="msg_2")
    assert later(numbers, CALLER)["resolved_by"] == "nothing"


def test_a_corrected_time_moves_the_day_of_the_memory(numbers: Numbers) -> None:
    leased(numbers, 1)
    taken(numbers, ringing(numbers.now, call_id="c-1"))
    taken(numbers, ringing(numbers.now + timedelta(seconds=60), call_id="c-1"), webhook_id="msg_2")
    assert later(numbers, CALLER, 24 * 60 + 1, "a day later")["resolved_by"] == "caller"
    taken(numbers, ringing(numbers.now, call_id="c-1"), webhook_id="msg_3")
    numbers.publish(SETTINGS, repeat_caller_seconds=3600)
    assert later(numbers, CALLER, 61, "an hour later")["resolved_by"] == "nothing"
    assert later(numbers, CALLER, 60, "within the hour")["resolved_by"] == "caller"


def test_an_older_event_told_again_does_not_undo_its_correction(numbers: Numbers) -> None:
    leased(numbers, 1)
    wrong = ringing(numbers.now, caller=INNOCENT, call_id="c-1")
    taken(numbers, wrong)
    taken(numbers, ringing(numbers.now, caller=CALLER, call_id="c-1"), webhook_id="msg_2")
    taken(numbers, wrong, timedelta(hours=1))
    assert later(numbers, INNOCENT, call_id="innocent")["resolved_by"] == "nothing"
    assert later(numbers, CALLER)["visitor_id"] == visitor_id(1)
    ids = [record["record_id"] for record in numbers.stored()][:3]
    assert ids[0] != ids[1] == ids[2], "the call as it stands, told once more"


def test_many_corrections_of_a_call_leave_earlier_calls_known(numbers: Numbers) -> None:
    leased(numbers, 1)
    taken(numbers, ringing(numbers.now, call_id="c-0"))
    for place in range(30):
        body = ringing(numbers.now + timedelta(seconds=10 + place), call_id="c-1")
        taken(numbers, body, webhook_id=f"right_{place}")
        taken(numbers, {**body, "client_number": None}, webhook_id=f"wrong_{place}")
    assert later(numbers, CALLER)["visitor_id"] == visitor_id(1)


def test_two_events_of_a_call_at_once_leave_one_memory(numbers: Numbers) -> None:
    """Another event of the call is written between this one's look and its transaction: it looks again."""
    leased(numbers, 1)
    real, turns = numbers.dynamodb, iter(range(9))
    wrong = ringing(numbers.now, caller=INNOCENT, call_id="c-1")
    right = ringing(numbers.now, call_id="c-1")

    class Between:
        exceptions = real.exceptions

        def __getattr__(self, name: str) -> Any:
            if name == "transact_write_items" and next(turns) == 0:
                taken(numbers, wrong, webhook_id="msg_2")
            return getattr(real, name)

    numbers.clients.dynamodb = Between()
    numbers.forget()
    taken(numbers, right)
    assert next(turns) == 3, "the first was refused and tried again"
    assert later(numbers, INNOCENT, call_id="innocent")["resolved_by"] == "nothing"
    assert later(numbers, CALLER)["visitor_id"] == visitor_id(1)


@pytest.mark.parametrize("code", ["TransactionConflictException", "InternalServerError"])
def test_the_pbx_repeats_a_call_that_could_not_be_remembered(numbers: Numbers, code: str) -> None:
    leased(numbers, 1)
    real = numbers.dynamodb

    class Broken:
        exceptions = real.exceptions

        def __getattr__(self, name: str) -> Any:
            if name != "transact_write_items":
                return getattr(real, name)

            def fail(**_: Any) -> None:
                raise ClientError({"Error": {"Code": code, "Message": ""}}, name)

            return fail

    numbers.clients.dynamodb = Broken()
    numbers.forget()
    body = ringing(numbers.now, hangup_time=None)
    assert numbers.ring(body)["statusCode"] == 503
    assert numbers.stored() == []
    numbers.clients.dynamodb = real
    numbers.forget()
    assert body_of(numbers.ring(body))["resolved_by"] == "lease"


# --- ids -------------------------------------------------------------------------------------------------------------------------


def test_the_request_of_a_call_cannot_be_computed_from_its_call_id(numbers: Numbers) -> None:
    """A form could claim it otherwise. It is a UUID, the same in every event of the call, and hangs on the installation's key."""
    body = ringing(numbers.now, call_id="c-1")
    first = taken(numbers, body)["request_id"]
    assert is_uuid(first)
    assert first == taken(numbers, {**body, "duration": 5}, webhook_id="msg_2")["request_id"]
    assert first != derived_id(EPOCH, "call", "kvartal", "generic", "c-1")
    numbers.clients.ssm.parameters["/skvoz/test/identity"] = "another-key"
    numbers.forget()
    assert taken(numbers, body)["request_id"] != first


def test_without_the_key_of_the_hashes_the_pbx_repeats(numbers: Numbers) -> None:
    key = numbers.clients.ssm.parameters.pop("/skvoz/test/identity")
    body = ringing(numbers.now, hangup_time=None)
    assert numbers.ring(body)["statusCode"] == 503
    numbers.clients.ssm.parameters["/skvoz/test/identity"] = key
    numbers.clients.ssm.fail("get_parameter", 9, Name="/skvoz/test/identity")
    numbers.forget()
    assert numbers.ring(body)["statusCode"] == 503
    assert numbers.stored() == []
    numbers.clients.ssm.heal()
    numbers.forget()
    assert numbers.ring(body)["statusCode"] == 200


PERSONAL = [
    "+79000000017-1700000000", "79000000017-1700000000", "in_79000000017_1", "ivan@shop.ru", "79000000017", "89000000017",
    "Иван Петров 8 900 000-00-17", "1700000000.9000000017",
]  # fmt: skip


@pytest.mark.parametrize("call_id", PERSONAL)
def test_a_call_id_that_names_a_person_is_hashed_as_the_crm_door_hashes_it(numbers: Numbers, call_id: str) -> None:
    taken(numbers, ringing(numbers.now, call_id=call_id))
    (record,) = numbers.stored()
    assert record["call_id"] == Private(["8 900 000-00-17"], KEY).identifier("call_id", call_id)
    assert len(record["call_id"]) == 32
    plain = [text for text in ("9000000017", "ivan", "Иван") if text in call_id]
    found = str(numbers.clients.firehose.records) + str(numbers.dynamodb.scan(TableName="numbers")["Items"])
    assert plain
    assert [text for text in plain if text in found] == []
    assert numbers.clients.s3.keys(LAKE, "quarantine/calls-generic/")


def test_a_call_id_that_names_nobody_stays(numbers: Numbers) -> None:
    for call_id in ("kv-pbx-41791526003", "41791526003", "1700000000.12345", "0199d7a1-5c2e-7b6a-9c11-000000000017", "79000000042"):
        taken(numbers, ringing(numbers.now, call_id=call_id))
        assert numbers.stored()[-1]["call_id"] == call_id


def test_a_deal_finds_the_call_by_a_hashed_id(numbers: Numbers) -> None:
    call_id = "+79000000017-1700000000"
    taken(numbers, ringing(numbers.now, call_id=call_id))
    deal = {"deal_id": "7", "call_id": call_id, "contact": {"phones": [CALLER]}}
    body = {"type": "deal.created", "timestamp": numbers.now.isoformat(), "data": deal}
    outcome = records_of(orjson.dumps(body), Arrival("kvartal", "m", numbers.now, KEY), {})
    assert not outcome.rejected
    assert orjson.loads(outcome.records[0][1])["call_id"] == numbers.stored()[0]["call_id"]


@pytest.mark.parametrize("name", sorted(told("answered")))
def test_deeply_nested_fields_are_refused_or_passed_over(numbers: Numbers, name: str) -> None:
    body = told("answered")
    for deep in (b"[" * 1000 + b"]" * 1000, b'{"a":' * 1000 + b"1" + b"}" * 1000):
        raw = orjson.dumps({**body, name: "DEEP"}).replace(b'"DEEP"', deep)
        numbers.now = numbers.now.replace(year=2027)
        answer = numbers.ring(raw)
        assert answer["statusCode"] in (200, 400), answer["body"]
