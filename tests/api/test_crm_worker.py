"""CRM queue → lake: recorded SQS events through the worker, with stores that refuse and content that cannot be right."""

from __future__ import annotations

import copy
import itertools
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from functions.crm_webhook import wiring, worker
from shared import present
from shared.heard import Heard
from shared.times import from_millis
from tests.api import crm_stores
from tests.api.collect_door import counted
from tests.api.dynamo import dynamodb
from tests.fakes import FakeClients

DATA = Path(__file__).parents[1] / "data" / "standard_webhooks"
MESSAGE = json.loads((Path(__file__).parents[1] / "events" / "sqs_crm.json").read_text())["Records"][0]
RECEIVED = "2026-10-29T13:20:41.250000+00:00"
ORDER = {"site_id": "kvartal", "key": "quarantine/crm-generic/a", "webhook_id": "w", "received_at": RECEIVED}


@pytest.fixture
def clients(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeClients]:
    fakes = FakeClients()
    crm_stores.use(monkeypatch, fakes, lambda: from_millis(int(MESSAGE["attributes"]["SentTimestamp"])))
    fakes.ssm.parameters["/skvoz/test/identity"] = "identity-key"
    yield fakes
    crm_stores.forget()


def queued(clients: FakeClients, name: str, body: bytes, webhook_id: str = "", received_at: str = RECEIVED) -> dict[str, Any]:
    """A message of the door, with its body in the quarantine."""
    key = f"quarantine/crm-generic/2026/10/29/13/{name}.json"
    clients.s3.put_object(Bucket="lake", Key=key, Body=body)
    order = {"site_id": "kvartal", "key": key, "webhook_id": webhook_id or name, "received_at": received_at}
    return message(name, json.dumps(order))


def message(name: str, body: str) -> dict[str, Any]:
    return {**copy.deepcopy(MESSAGE), "messageId": name, "body": body}


def run(*messages: dict[str, Any]) -> list[str]:
    """Message ids that go back to the queue."""
    answer = worker.lambda_handler({"Records": list(messages)}, None)
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


def event(deal_id: str = "7", kind: str = "deal.won", timestamp: str = "2026-10-29T13:20:31Z", **data: Any) -> bytes:
    return json.dumps({"type": kind, "timestamp": timestamp, "data": {"deal_id": deal_id, **data}}).encode()


def stored(clients: FakeClients, stream: str = "crm-events") -> list[dict[str, Any]]:
    return [json.loads(line) for line in clients.firehose.lines(stream)]


def rejects(clients: FakeClients) -> list[dict[str, Any]]:
    keys = clients.s3.keys("lake", "rejected/crm-generic/")
    return [json.loads(line) for key in keys for line in clients.s3.body("lake", key).splitlines()]


def test_each_webhook_is_noted_once_in_the_hour_in_which_it_came(clients: FakeClients, monkeypatch: pytest.MonkeyPatch) -> None:
    one = queued(clients, "heard", event())
    again = queued(clients, "again", event())
    again["attributes"]["ApproximateReceiveCount"] = "2"
    late = queued(clients, "late", b"no JSON at all", received_at="2026-10-29T14:00:00+00:00")
    begins = datetime(2026, 10, 29, 13, 59, tzinfo=UTC)
    with dynamodb(("crm",)) as table:
        monkeypatch.setattr(wiring, "client", lambda service: table if service == "dynamodb" else clients(service))
        assert run(one, again, late) == []
        heard = Heard(lambda: table, lambda: "crm").since("kvartal", begins)
    assert heard == {begins.replace(minute=0): 1, begins.replace(hour=14, minute=0): 1}


def test_a_webhook_that_cannot_be_noted_is_worked_all_the_same(clients: FakeClients, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(queued(clients, "unheard", event())) == []  # these fakes have no DynamoDB
    assert stored(clients)
    assert '"HookNotNoted":1' in capsys.readouterr().out


def test_both_published_bodies_become_deal_states(clients: FakeClients) -> None:
    bodies = [(DATA / name).read_bytes() for name in ("deal_won.json", "deal_lost.json")]
    assert run(*(queued(clients, f"m{number}", body) for number, body in enumerate(bodies))) == []
    states = {state["deal_id"]: state for state in stored(clients)}
    assert states["41870233"]["stage"] == "won"
    assert states["41870233"]["amount"] == 186400
    assert states["41872590"]["loss_reason"] == "Не дозвонились"
    assert {state["received_at"] for state in states.values()} == {"2026-10-29 13:20:41.250"}
    assert rejects(clients) == []


def test_a_payment_goes_to_the_payments_stream(clients: FakeClients) -> None:
    body = event(kind="payment.received", payment={"id": "p1", "amount": "50.00"})
    assert run(queued(clients, "m1", body)) == []
    assert [p["payment_id"] for p in stored(clients, "payments")] == ["p1"]
    assert stored(clients) == []


def test_a_message_delivered_twice_writes_the_same_record(clients: FakeClients) -> None:
    first = queued(clients, "m1", event(), "webhook-1")
    again = queued(clients, "m2", event(), "webhook-1", "2026-10-29T15:00:00+00:00")
    run(first, first, again)
    assert len({state["record_id"] for state in stored(clients)}) == 1


def test_the_order_of_messages_does_not_change_the_records(clients: FakeClients) -> None:
    messages = [
        queued(clients, "m1", event("1", stage="new", kind="deal.created")),
        queued(clients, "m2", event("1", amount=10)),
        queued(clients, "m3", b"broken"),
        queued(clients, "m4", event("2", kind="payment.received", amount=5)),
    ]
    seen = set()
    for order in itertools.permutations(messages):
        clients.firehose.records.clear()
        assert run(*order) == []
        lines = clients.firehose.lines("crm-events") + clients.firehose.lines("payments")
        seen.add(tuple(sorted(lines)))
    assert len(seen) == 1
    assert len(seen.pop()) == 3


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"{", "bad_json"),
        (b"\xff\xfe", "bad_json"),
        (b"[]", "bad_json"),
        (event(kind="deal.exploded"), "unknown_type"),
        (event(amount="many"), "bad_field"),
        (event(site_id="another"), "wrong_site"),
        (event(timestamp="2036-10-29T13:20:31Z"), "future"),
    ],
)
def test_bad_content_is_rejected_with_its_reason_and_leaves_the_queue(clients: FakeClients, body: bytes, reason: str) -> None:
    good = queued(clients, "m2", event())
    assert run(queued(clients, "m1", body), good) == []
    (rejected,) = rejects(clients)
    assert rejected["reason"] == reason
    assert rejected["site_id"] == "kvartal"
    assert rejected["content"] == "quarantine/crm-generic/2026/10/29/13/m1.json"
    assert len(stored(clients)) == 1


def test_a_body_that_left_the_quarantine_is_rejected_not_retried(clients: FakeClients) -> None:
    gone = queued(clients, "m1", event())
    clients.s3.delete_object(Bucket="lake", Key=json.loads(gone["body"])["key"])
    assert run(gone) == []
    assert [r["reason"] for r in rejects(clients)] == ["raw_gone"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "not json",
        "[]",
        "null",
        "{}",
        json.dumps({"site_id": "kvartal", "key": 1, "webhook_id": "w", "received_at": RECEIVED}),
        json.dumps({"site_id": "../x", "key": "quarantine/crm-generic/a", "webhook_id": "w", "received_at": RECEIVED}),
        json.dumps({"site_id": "kvartal", "key": "raw/hit/a", "webhook_id": "w", "received_at": RECEIVED}),
        json.dumps({"site_id": "kvartal", "key": "quarantine/crm-generic/a", "webhook_id": "w", "received_at": "then"}),
        json.dumps({**ORDER, "provider": "none"}),
        json.dumps({**ORDER, "provider": 1}),
        json.dumps({**ORDER, "provider": "amocrm"}),
    ],
)
def test_a_message_that_is_not_the_doors_is_rejected_not_retried(clients: FakeClients, text: str) -> None:
    assert run(message("m1", text)) == []
    assert [r["reason"] for r in rejects(clients)] == ["bad_message"]


def test_only_the_message_that_failed_goes_back_to_the_queue(clients: FakeClients) -> None:
    messages = [queued(clients, f"m{n}", event(str(n))) for n in range(4)]
    clients.s3.fail("get_object", Key="quarantine/crm-generic/2026/10/29/13/m2.json")
    assert run(*messages) == ["m2"]
    assert sorted(state["deal_id"] for state in stored(clients)) == ["0", "1", "3"]
    clients.heal()
    assert run(messages[2]) == []
    assert sorted(state["deal_id"] for state in stored(clients)) == ["0", "1", "2", "3"]


def test_records_that_firehose_refuses_land_in_the_raw_zone(clients: FakeClients) -> None:
    clients.firehose.fail("put_record")
    assert run(queued(clients, "m1", event())) == []
    (key,) = clients.s3.keys("lake", "raw/crm_event/2026/10/29/13/")
    assert json.loads(clients.s3.body("lake", key))["deal_id"] == "7"


def test_a_message_goes_back_when_nothing_takes_its_records(clients: FakeClients) -> None:
    order = queued(clients, "m1", event())
    clients.firehose.fail("put_record")
    clients.s3.fail("put_object")
    assert run(order) == ["m1"]
    clients.heal()
    assert run(order) == []
    assert len(stored(clients)) == 1


def test_a_payment_that_failed_after_its_deal_state_repeats_both_under_the_same_ids(clients: FakeClients) -> None:
    order = queued(clients, "m1", event(amount=100, payment={"id": "p", "amount": 100}))
    clients.firehose.fail("put_record", DeliveryStreamName="payments")
    clients.s3.fail("put_object")
    assert run(order) == ["m1"]
    clients.heal()
    assert run(order) == []
    assert len({state["record_id"] for state in stored(clients)}) == 1
    assert [p["amount"] for p in stored(clients, "payments")] == [100]


def test_without_the_identity_key_events_wait_in_the_queue(clients: FakeClients) -> None:
    order = queued(clients, "m1", event())
    clients.ssm.parameters.clear()
    assert run(order) == ["m1"]
    assert clients.firehose.records == {}


def test_no_name_phone_or_email_is_stored_outside_the_quarantine_or_logged(
    clients: FakeClients, capsys: pytest.CaptureFixture[str]
) -> None:
    won = (DATA / "deal_won.json").read_bytes()
    orders = [
        queued(clients, "m1", won),
        queued(clients, "m2", won.replace(b"deal.won", b"deal.odd")),
        queued(clients, "m3", won[:-1]),
    ]
    clients.firehose.fail("put_record", times=1)
    run(*orders)
    told = capsys.readouterr()
    kept = [clients.s3.body("lake", key).decode() for key in clients.s3.keys("lake") if not key.startswith("quarantine/")]
    text = told.out + told.err + "".join(kept) + b"".join(clients.firehose.lines("crm-events")).decode()
    assert '"deal_id":"41870233"' in text
    for plain in ("Лугова", "79000000017", "lugova@"):
        assert plain not in text


def test_what_is_worked_late_lies_in_the_folder_of_the_day_it_is_worked(clients: FakeClients) -> None:
    """A refresh looks two days back: in the folder of the day that it was sent it would never be read."""
    clients.firehose.fail("put_record")
    order = queued(clients, "m1", event())
    present.follow(lambda: datetime(2026, 11, 9, 5, 0, tzinfo=UTC))
    assert run(order) == []
    assert clients.s3.keys("lake", "raw/crm_event/2026/11/09/05/")


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    bodies=st.lists(st.binary(max_size=60) | st.text().map(lambda t: event(stage=t[:20])), min_size=1, max_size=4),
    text=st.text(max_size=40),
)
def test_no_content_ever_goes_back_to_the_queue(clients: FakeClients, bodies: list[bytes], text: str) -> None:
    orders = [queued(clients, f"m{number}", body) for number, body in enumerate(bodies)]
    assert run(*orders, message("odd", text)) == []


@pytest.mark.parametrize(("pii", "kept"), [("vault", {"+79000000017", "lugova@post.example"}), ("hash", set())])
def test_contacts_of_the_client_go_to_the_vault_where_the_site_has_one(
    clients: FakeClients, monkeypatch: pytest.MonkeyPatch, pii: str, kept: set[str]
) -> None:
    plain: list[str] = []

    class Keeper:
        def keep(self, site: Any, contacts: Any, name: str, now: datetime) -> int:
            assert (site["site_id"], name) == ("kvartal", "Вера Лугова")
            plain.extend(contact.plain for contact in contacts)
            return len(plain)

    monkeypatch.setattr(wiring, "vault", Keeper)
    clients.s3.put_object(
        Bucket="files", Key="settings/kvartal/current.json", Body=json.dumps({"site_id": "kvartal", "pii": pii}).encode()
    )
    contact = {"id": "c1", "name": "Вера Лугова", "phones": ["8 900 000-00-17"], "emails": ["Lugova@post.example"]}
    body = {"type": "deal.created", "timestamp": "2026-10-29T13:20:31Z", "data": {"deal_id": "1", "contact": contact}}
    assert run(queued(clients, "vault", json.dumps(body).encode())) == []
    assert set(plain) == kept
    assert clients.firehose.lines("crm-events")


def put_vault(clients: FakeClients, monkeypatch: pytest.MonkeyPatch, taken: int = 10_000) -> list[str]:
    """A site with a vault that takes so many contacts of each person; gives the list of what it is asked to keep."""
    asked: list[str] = []

    class Keeper:
        def keep(self, site: Any, contacts: Any, name: str, now: datetime) -> int:
            asked.extend(contact.plain for contact in contacts)
            return min(len(contacts), taken)

    monkeypatch.setattr(wiring, "vault", Keeper)
    site = {"site_id": "kvartal", "pii": "vault", "currency": "RUB", "crm": {"amocrm": {}}}
    clients.s3.put_object(Bucket="files", Key="settings/kvartal/current.json", Body=json.dumps(site).encode())
    return asked


def people_of_amocrm(clients: FakeClients, phones: list[list[str]]) -> dict[str, Any]:
    """A message of amoCRM's door: one contact for each list of phones."""
    values = "[custom_fields][0][values]"
    fields = [
        (f"contacts[update][{place}]{name}", value)
        for place, told in enumerate(phones)
        for name, value in (
            ("[id]", str(place + 1)), ("[type]", "contact"), ("[custom_fields][0][code]", "PHONE"),
            *((f"{values}[{number}][value]", phone) for number, phone in enumerate(told)),
        )
    ]  # fmt: skip
    body = urlencode(fields)
    key = "quarantine/crm-amocrm/2026/10/29/13/m1.form"
    clients.s3.put_object(Bucket="lake", Key=key, Body=body.encode())
    return message("m1", json.dumps({**ORDER, "provider": "amocrm", "key": key}))


def contacts_ignored(capsys: pytest.CaptureFixture[str]) -> list[tuple[str, int]]:
    return [(line["Door"], line["ContactsIgnored"]) for line in counted(capsys.readouterr().out, "ContactsIgnored")]


def test_of_one_person_the_vault_takes_ten_contacts_the_first_of_each_kind_among_them(
    clients: FakeClients, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = put_vault(clients, monkeypatch)
    contact = {"name": "Вера", "phones": [f"+7900{n:07}" for n in range(12_000)], "emails": ["v@post.example", "w@post.example"]}
    body = event(contact=contact)
    assert len(body) < 256 * 1024
    assert run(queued(clients, "m1", body)) == []
    assert asked == ["+79000000000", "v@post.example", "+79000000001", "w@post.example", *(f"+7900{n:07}" for n in range(2, 8))]
    assert contacts_ignored(capsys) == [("crm-generic", 1)]


def test_of_one_body_the_vault_takes_two_hundred_contacts(
    clients: FakeClients, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = put_vault(clients, monkeypatch)
    phones = [[f"+7900{person:05}{n:02}" for n in range(6)] for person in range(300)]
    assert run(people_of_amocrm(clients, phones)) == []
    assert asked == [phone for told in phones for phone in told][:200]
    assert contacts_ignored(capsys) == [("crm-amocrm", 300 - 33)]


def test_a_body_of_a_few_people_is_kept_whole(
    clients: FakeClients, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = put_vault(clients, monkeypatch)
    phones = [[f"+7900{person:05}{n:02}" for n in range(10)] for person in range(20)]
    assert run(people_of_amocrm(clients, phones)) == []
    assert len(asked) == 200
    assert contacts_ignored(capsys) == []


def test_a_vault_that_fails_is_not_asked_for_every_person_of_a_body(
    clients: FakeClients, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = put_vault(clients, monkeypatch, taken=0)
    assert run(people_of_amocrm(clients, [[f"+7900{person:07}"] for person in range(50)])) == []
    assert len(asked) == 1
    printed = capsys.readouterr().out
    assert [line["VaultRefused"] for line in counted(printed, "VaultRefused")] == [49]
