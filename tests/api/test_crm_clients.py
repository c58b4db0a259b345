"""Who leads a client's deals: from the CRM's events, in any order, to the PBX's look-up."""

from __future__ import annotations

import copy
import hashlib
import itertools
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from functions.crm_webhook import worker
from shared.identity import phone_hash
from shared.times import from_millis
from tests.api import crm_stores
from tests.api.crm_amocrm import custom, hook
from tests.api.numbers_door import LAKE, SETTINGS, Numbers, body_of, counted, moto_dynamodb

MESSAGE = json.loads((Path(__file__).parents[1] / "events" / "sqs_crm.json").read_text())["Records"][0]
PHONE, OTHER = "+79000000017", "+79000000018"
HASH = str(phone_hash(PHONE, b"key-of-the-hashes"))
CALLS = {
    "managers": {"Анна Серова": "203", "Борис Лунин": "204"},
    "routes": [{"to": "manager"}, {"to": "100"}],
}
AMOCRM = {"managers": {"8830151": "Анна Серова", "8830152": "Борис Лунин"}}
SEEN = 1793280000  # unix seconds; the recorded message was sent 42 s later
ANNA, BORIS = "8830151", "8830152"


@pytest.fixture
def numbers(monkeypatch: pytest.MonkeyPatch) -> Iterator[Numbers]:
    with moto_dynamodb(monkeypatch) as dynamodb:
        door = Numbers(monkeypatch, dynamodb)
        crm_stores.use(monkeypatch, door.clients, lambda: from_millis(int(MESSAGE["attributes"]["SentTimestamp"])))
        publish(door, CALLS)
        yield door
        crm_stores.forget()


def publish(numbers: Numbers, calls: Mapping[str, Any]) -> None:
    numbers.publish({**SETTINGS, "crm": {"amocrm": AMOCRM}, "calls": calls})
    crm_stores.anew()


def deliver(numbers: Numbers, *bodies: bytes, provider: str = "generic") -> list[str]:
    """Bodies through the worker, as the door leaves them; ids of the messages that go back."""
    records = []
    for place, body in enumerate(bodies):
        key = f"quarantine/crm-{provider}/2026/10/29/13/{place}"
        numbers.clients.s3.put_object(Bucket=LAKE, Key=key, Body=body)
        order = {"provider": provider, "site_id": "kvartal", "key": key, "webhook_id": hashlib.sha256(body).hexdigest()}
        text = json.dumps({**order, "received_at": "2026-10-29T13:20:41+00:00"})
        records.append({**copy.deepcopy(MESSAGE), "messageId": f"m{place}", "body": text})
    return [failure["itemIdentifier"] for failure in worker.lambda_handler({"Records": records}, None)["batchItemFailures"]]


def erase(numbers: Numbers) -> None:
    for item in (*numbers.items("client#"), *numbers.items("deal#")):
        numbers.dynamodb.delete_item(TableName="numbers", Key={name: item[name] for name in ("pk", "sk")})


def event(second: int, deal_id: str = "7", kind: str = "deal.updated", phone: str | None = None, **data: Any) -> bytes:
    contact = {"contact": {"phones": [phone]}} if phone else {}
    return json.dumps(
        {"type": kind, "timestamp": f"2026-10-29T13:00:{second:02d}Z", "data": {"deal_id": deal_id, **contact, **data}}
    ).encode()


def lead(second: int, manager: str, deal_id: str = "41870233") -> bytes:
    return hook("leads", "update", id=deal_id, last_modified=SEEN + second, responsible_user_id=manager, account={})


def contact(second: int, *deals: str, phone: str = PHONE) -> bytes:
    linked = {deal: {"ID": deal} for deal in deals or ("41870233",)}
    fields = custom(("PHONE", phone))
    return hook(
        "contacts", "update", id="55", last_modified=SEEN + second, linked_leads_id=linked, custom_fields=fields, account={}
    )


def route(numbers: Numbers, caller: str = PHONE) -> str:
    answer = numbers.ask("74950000010", f"site=kvartal&caller={caller[1:]}")
    assert answer["statusCode"] == 200, answer["body"]
    return str(body_of(answer)["route"])


# --- what is remembered -----------------------------------------------------------------------------------------------------------


def test_a_deal_that_tells_manager_and_phone_routes_the_clients_next_call(numbers: Numbers) -> None:
    assert route(numbers) == "100"
    assert deliver(numbers, event(1, phone="8 (900) 000-00-17", manager="Анна Серова")) == []
    assert route(numbers) == "203"
    assert route(numbers, OTHER) == "100"


def test_manager_and_phone_may_come_in_different_events_in_any_order(numbers: Numbers) -> None:
    for place, order in enumerate(itertools.permutations([{"phone": PHONE}, {"manager": "Анна Серова"}])):
        deal = f"deal-{place}"
        phone = f"+7900000002{place}"
        bodies = [event(n, deal, **({"phone": phone} if "phone" in told else told)) for n, told in enumerate(order)]
        assert deliver(numbers, bodies[0]) == []
        assert route(numbers, phone) == "100"
        assert deliver(numbers, bodies[1]) == []
        assert route(numbers, phone) == "203"


def test_amocrms_leads_and_contacts_tell_of_each_other(numbers: Numbers) -> None:
    assert deliver(numbers, lead(1, ANNA), provider="amocrm") == []
    assert route(numbers) == "100"
    assert deliver(numbers, contact(2, "41870233", "41870234"), provider="amocrm") == []
    assert route(numbers) == "203"
    assert deliver(numbers, lead(3, BORIS, "41870234"), provider="amocrm") == []
    assert route(numbers) == "204"


def test_the_latest_told_wins_whatever_comes_last(numbers: Numbers) -> None:
    """Two managers of one deal, one of another deal, and the phone: every order ends with the latest told."""
    bodies = [
        event(1, phone=PHONE, manager="Анна Серова"),
        event(9, manager="Борис Лунин"),
        event(5, "8", phone=PHONE, manager="Анна Серова"),
    ]
    for order in itertools.permutations(bodies):
        erase(numbers)
        for body in order:
            assert deliver(numbers, body) == []
        assert route(numbers) == "204"


def test_an_older_phone_that_comes_late_still_brings_its_manager(numbers: Numbers) -> None:
    deliver(numbers, event(5, phone=PHONE), event(3, phone=OTHER, manager="Анна Серова"))
    assert (route(numbers), route(numbers, OTHER)) == ("203", "100")


def test_within_one_second_amocrms_later_kind_of_event_wins(numbers: Numbers) -> None:
    older = hook("leads", "add", id="41870233", last_modified=SEEN, responsible_user_id=ANNA, account={})
    newer = hook("leads", "responsible", id="41870233", last_modified=SEEN, responsible_user_id=BORIS, account={})
    for first, second in ((older, newer), (newer, older)):
        erase(numbers)
        deliver(numbers, contact(0), first, second, provider="amocrm")
        assert route(numbers) == "204"


def test_a_repeated_event_changes_nothing(numbers: Numbers) -> None:
    body = event(1, phone=PHONE, manager="Анна Серова")
    deliver(numbers, body)
    before = numbers.items("client#"), numbers.items("deal#")
    deliver(numbers, body)
    assert (numbers.items("client#"), numbers.items("deal#")) == before


def test_a_phone_that_the_contact_changes_to_is_known_as_well(numbers: Numbers) -> None:
    deliver(numbers, event(1, phone=PHONE, manager="Анна Серова"), event(2, phone=OTHER))
    assert (route(numbers), route(numbers, OTHER)) == ("203", "203")


def test_a_deleted_deal_and_one_without_manager_or_phone_tell_nothing(numbers: Numbers) -> None:
    deliver(numbers, event(1, kind="deal.deleted", phone=PHONE, manager="Анна Серова"), event(2, "8", amount=5))
    assert numbers.items("client#") + numbers.items("deal#") == []


def test_items_go_after_400_days_and_hold_no_plain_phone(numbers: Numbers) -> None:
    deliver(numbers, event(1, phone=PHONE, manager="Анна Серова"))
    (client,), (deal,) = numbers.items("client#"), numbers.items("deal#")
    assert client["sk"]["S"] == HASH
    assert (client["manager"]["S"], client["deal"]["S"], deal["sk"]["S"]) == ("Анна Серова", "generic:7", "generic:7")
    sent = int(MESSAGE["attributes"]["SentTimestamp"]) // 1000
    assert {int(item["expires_at"]["N"]) for item in (client, deal)} == {sent + 400 * 86_400}
    assert PHONE[-10:] not in str((client, deal))


# --- whose, how much, and what never waits ----------------------------------------------------------------------------------------


def test_sites_that_do_not_say_where_managers_answer_keep_nothing(numbers: Numbers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NUMBERS_TABLE")
    numbers.publish({**SETTINGS, "calls": {}})
    crm_stores.anew()
    assert deliver(numbers, event(1, phone=PHONE, manager="Анна Серова")) == []
    assert numbers.items("client#") + numbers.items("deal#") == []


def test_the_item_of_one_site_is_not_anothers(numbers: Numbers) -> None:
    deliver(numbers, event(1, phone=PHONE, manager="Анна Серова"))
    second = {**SETTINGS, "site_id": "second", "hosts": ["second.example"], "calls": CALLS}
    numbers.publish(second)
    numbers.clients.ssm.parameters["/skvoz/test/second/calls-generic"] = numbers.clients.ssm.parameters[
        "/skvoz/test/kvartal/calls-generic"
    ]
    answer = numbers.ask("74950000010", f"site=second&caller={PHONE[1:]}")
    assert body_of(answer)["route"] == "100"


class Refusing:
    """DynamoDB that refuses every write; those to the table of clients are counted."""

    def __init__(self, dynamodb: Any) -> None:
        self.exceptions = dynamodb.exceptions
        self.asked = 0

    def update_item(self, **asked: Any) -> None:
        self.asked += asked["TableName"] == "numbers"
        raise OSError("down")


def test_a_store_that_fails_costs_no_crm_event(numbers: Numbers, capsys: pytest.CaptureFixture[str]) -> None:
    refusing = Refusing(numbers.dynamodb)
    numbers.clients.dynamodb = refusing
    crm_stores.anew()
    linked = [str(41870000 + n) for n in range(30)]
    assert deliver(numbers, contact(1, *linked), provider="amocrm") == []
    assert len(numbers.clients.firehose.lines("crm-events")) == 30
    assert refusing.asked == 1  # it is not asked for the others
    out = capsys.readouterr().out
    assert {"ClientsNotKept": 30} in counted(out)
    assert '"level":"ERROR"' in out
    assert PHONE[-10:] not in out


def test_a_contact_with_thousands_of_leads_keeps_two_hundred(numbers: Numbers, capsys: pytest.CaptureFixture[str]) -> None:
    linked = [str(41870000 + n) for n in range(230)]
    assert deliver(numbers, contact(1, *linked), provider="amocrm") == []
    assert len(numbers.items("deal#")) == 200
    assert {"ClientsIgnored": 30} in counted(capsys.readouterr().out)
    assert len(numbers.clients.firehose.lines("crm-events")) == 230
