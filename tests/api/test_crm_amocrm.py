"""amoCRM's webhooks: door → quarantine → queue → worker → lake, over fakes: who may post, what is answered, what is kept and where.

Bodies and their fields are tested in tests/unit/test_crm_amocrm.py.
"""

from __future__ import annotations

import base64
import copy
import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from functions.crm_webhook import handler, worker
from functions.crm_webhook.amocrm.adapter import REASONS
from functions.crm_webhook.door import MOST_BYTES
from shared.crm_settings import CrmFields
from shared.identity import email_hash, phone_hash
from shared.log import logger
from shared.security import token_sha256
from shared.settings import parse_settings, published
from tests.api import crm_stores
from tests.api.crm_amocrm import AMOCRM, hook, payload, php_form, story
from tests.fakes import FakeClients

EVENTS = Path(__file__).parents[1] / "events"
EVENT = json.loads((EVENTS / "crm_amocrm.json").read_text())
MESSAGE = json.loads((EVENTS / "sqs_crm.json").read_text())["Records"][0]
TOKEN = "crm-path-token-of-the-tests"
QUEUE = "https://queue.example/crm"
KEY = b"identity-key"
NAMES = {
    "STAGE": "test",
    "SERVICE": "amocrm-tests",
    "LAKE_BUCKET": "lake",
    "FILES_BUCKET": "files",
    "CRM_QUEUE_URL": QUEUE,
    "CRM_EVENT_STREAM": "crm-events",
    "PAYMENT_STREAM": "payments",
}
MADE: Any = (handler.door, logger)
PLAIN = (
    "000-00-",
    "0000000",
    "Lugova",
    "lugova",
    "post.example",
    "Вера",
    "Лугова",
    "Глеб",
    "Зоя",
    "Павел",
    "Звонок",
    "Пропущенный",
)


class FakeTable:
    """The contacts table: (pk, sk) → plain values of the last update."""

    def __init__(self) -> None:
        self.items: dict[tuple[str, str], set[str]] = {}

    def update_item(self, *, TableName: str, Key: Any, ExpressionAttributeValues: Any, **_: Any) -> None:
        assert TableName == "contacts"
        self.items[Key["pk"]["S"], Key["sk"]["S"]] = {value["S"] for value in ExpressionAttributeValues.values()}


class Clients(FakeClients):
    def __init__(self) -> None:
        super().__init__()
        self.table = FakeTable()

    def __call__(self, service: str) -> Any:
        return self.table if service == "dynamodb" else super().__call__(service)


@pytest.fixture
def clients(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clients]:
    """kvartal takes amoCRM's hooks, generic has the token and no amoCRM."""
    fakes = Clients()
    for name, value in NAMES.items():
        monkeypatch.setenv(name, value)
    crm_stores.use(monkeypatch, fakes)
    monkeypatch.delenv("CONTACTS_TABLE")
    monkeypatch.setattr(handler, "client", fakes)
    publish(fakes, "kvartal", amocrm=AMOCRM)
    publish(fakes, "generic")
    fakes.ssm.parameters["/skvoz/test/identity"] = KEY.decode()
    for made in MADE:
        made.cache_clear()
    yield fakes
    crm_stores.forget()
    for made in MADE:
        made.cache_clear()


def publish(fakes: Clients, site_id: str, pii: str = "hash", **crm: Any) -> None:
    crm = {"token_sha256": [token_sha256(TOKEN)], **crm}
    site = parse_settings({"site_id": site_id, "name": "Квартал", "hosts": ["kvartal.example"], "pii": pii, "crm": crm})
    fakes.s3.put_object(Bucket="files", Key=f"settings/{site_id}/current.json", Body=orjson.dumps(published(site)))


def post(body: bytes, site: str = "kvartal", token: str = TOKEN, headers: dict[str, str] | None = None, **context: Any) -> Any:
    event = copy.deepcopy(EVENT)
    event["body"] = base64.b64encode(body).decode()
    event["headers"] |= headers or {}
    event["pathParameters"] = {"provider": "amocrm", "site": site, "token": token}
    event["requestContext"] |= context
    return handler.lambda_handler(event, None)


def work(clients: Clients) -> list[str]:
    """Let the worker take all that is queued; message ids that go back."""
    texts = clients.sqs.messages.pop(QUEUE, [])
    records = [{**copy.deepcopy(MESSAGE), "messageId": f"m{number}", "body": text} for number, text in enumerate(texts)]
    return [one["itemIdentifier"] for one in worker.lambda_handler({"Records": records}, None)["batchItemFailures"]]


def taken(clients: Clients, body: bytes) -> list[dict[str, Any]]:
    """What the lake got of a body."""
    assert post(body)["statusCode"] == 202
    assert work(clients) == []
    return stored(clients)


def stored(clients: Clients) -> list[dict[str, Any]]:
    return [json.loads(line) for line in clients.firehose.lines("crm-events")]


def rejects(clients: Clients) -> list[dict[str, Any]]:
    keys = clients.s3.keys("lake", "rejected/")
    assert all(key.startswith("rejected/crm-amocrm/") for key in keys)
    return [json.loads(line) for key in keys for line in clients.s3.body("lake", key).splitlines()]


# The door


def test_the_recorded_hook_is_kept_byte_for_byte_queued_and_answered(clients: Clients) -> None:
    answer = handler.lambda_handler(EVENT, None)
    assert (answer["statusCode"], json.loads(answer["body"])) == (202, {"accepted": True})
    (key,) = clients.s3.keys("lake")
    assert key.startswith("quarantine/crm-amocrm/2026/10/29/13/")
    assert clients.s3.body("lake", key) == payload("lead_status_won_raw_brackets")
    (message,) = (json.loads(text) for text in clients.sqs.messages[QUEUE])
    assert message.pop("webhook_id")
    assert message == {"provider": "amocrm", "site_id": "kvartal", "key": key, "received_at": "2026-10-29T13:20:33.250000+00:00"}


def test_a_body_that_arrives_as_text_is_the_same(clients: Clients) -> None:
    body = payload("lead_status_won_raw_brackets")
    event = copy.deepcopy(EVENT) | {"body": body.decode(), "isBase64Encoded": False}
    assert handler.lambda_handler(event, None)["statusCode"] == 202
    assert clients.s3.body("lake", clients.s3.keys("lake")[0]) == body


def test_an_unknown_site_a_wrong_token_and_a_site_without_amocrm_get_the_same_answer(clients: Clients) -> None:
    body = payload("lead_add")
    answers = [
        post(body, token="wrong"),
        post(body, site="nobody"),
        post(body, site="generic"),
        post(body, site="../x"),
        post(body, token=""),
    ]
    assert {answer["statusCode"] for answer in answers} == {401}
    assert len({answer["body"] for answer in answers}) == 1
    assert (clients.s3.keys("lake"), clients.sqs.messages) == ([], {})


def test_the_generic_door_of_the_same_site_still_asks_for_a_signature(clients: Clients) -> None:
    event = copy.deepcopy(EVENT)
    event["pathParameters"]["provider"] = "generic"
    assert handler.lambda_handler(event, None)["statusCode"] == 401


@pytest.mark.parametrize("body", [b"", b"{}", b"\xff\x00", b"a" + b"[b]" * 1000, b"account[id]=1&leads[add][0][id]=7"])
def test_with_a_good_token_whatever_can_be_read_is_taken_so_that_amocrm_keeps_the_hook_on(clients: Clients, body: bytes) -> None:
    for kind in ("application/x-www-form-urlencoded", "text/plain", "application/json"):
        assert post(body, headers={"content-type": kind}, requestId=kind)["statusCode"] == 202
    assert work(clients) == []
    assert stored(clients) == []
    assert len(rejects(clients)) == 3


def test_the_body_may_have_256_kb_and_not_one_byte_more(clients: Clients) -> None:
    assert post(b"x" * MOST_BYTES)["statusCode"] == 202
    answer = post(b"x" * (MOST_BYTES + 1))
    assert (answer["statusCode"], json.loads(answer["body"])["error"]["code"]) == (413, "too_large")


@pytest.mark.parametrize("refusing", ["put_object", "send_message", "get_object"])
def test_a_store_that_refuses_means_try_later_and_the_repeat_is_taken(clients: Clients, refusing: str) -> None:
    fake = clients.sqs if refusing == "send_message" else clients.s3
    fake.fail(refusing)
    assert post(payload("lead_add"))["statusCode"] == 503
    clients.heal()
    assert [one["deal_id"] for one in taken(clients, payload("lead_add"))] == ["41870233"]


def test_the_doors_own_work_takes_less_than_200_ms_for_the_largest_body(clients: Clients) -> None:
    body = payload("multi_entity")
    largest = body + b"&" + b"x[y]=z&" * ((MOST_BYTES - len(body) - 1) // 7)
    assert post(body)["statusCode"] == 202  # loads what the first call loads
    begun = time.process_time()
    assert post(largest)["statusCode"] == 202
    assert time.process_time() - begun < 0.2


def test_no_answer_and_no_log_of_the_door_repeats_token_or_body(clients: Clients, capsys: pytest.CaptureFixture[str]) -> None:
    answers = [post(payload("contact_update")), post(payload("contact_update"), token="guess-me-if-you-can")]
    clients.s3.fail("put_object")
    answers.append(post(payload("contact_update")))
    told = capsys.readouterr()
    text = json.dumps(answers) + told.out + told.err + "".join(clients.sqs.messages[QUEUE])
    for secret in (TOKEN, "guess-me-if-you-can", *PLAIN):
        assert secret not in text


# The worker


@pytest.mark.parametrize(
    ("name", "deals"),
    [
        ("lead_add", ["41870233"]),
        ("contact_update", ["41870233", "41903318"]),
        ("contacts_note_path_collision", []),
        ("lead_status_won_raw_brackets", ["41870233"]),
        ("multi_entity", ["41880716", "41872590", "41870233", "41860007"]),
    ],
)
def test_every_recorded_body_reaches_the_lake(clients: Clients, name: str, deals: list[str]) -> None:
    assert [one["deal_id"] for one in taken(clients, payload(name))] == deals
    assert {one["received_at"] for one in stored(clients)} <= {"2026-10-29 13:20:33.250"}
    assert all(one["provider"] == "amocrm" and one["via"] == "crm" for one in stored(clients))
    assert rejects(clients) == []


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "no_entity"),
        (hook(account={"id": "1"}, id="7"), "wrong_account"),
        (hook(id="7", price="many"), "bad_field"),
        (hook(id="7", last_modified="1893456000"), "future"),
        (b"leads" + b"[a]" * 50 + b"=1", "too_deep"),
        (b"leads[" + b"a" * 999 + b"]=1", "long_name"),
        (b"&" * 20_000, "too_many_fields"),
    ],
)
def test_bad_content_is_rejected_with_its_reason_and_the_key_of_its_body(clients: Clients, body: bytes, reason: str) -> None:
    assert taken(clients, body) == []
    (one,) = rejects(clients)
    (key,) = clients.s3.keys("lake", "quarantine/")
    assert (one["reason"], one["site_id"], one["door"], one["content"]) == (reason, "kvartal", "crm-amocrm", key)


def test_a_body_that_left_the_quarantine_is_rejected_at_its_own_door(clients: Clients) -> None:
    post(payload("lead_add"))
    clients.s3.delete_object(Bucket="lake", Key=clients.s3.keys("lake", "quarantine/")[0])
    assert work(clients) == []
    assert [r["reason"] for r in rejects(clients)] == ["raw_gone"]


@pytest.mark.parametrize("how", ["closed", "gone"])
def test_a_site_whose_door_was_closed_meanwhile_takes_nothing_more(clients: Clients, how: str) -> None:
    post(payload("lead_add"))
    if how == "closed":
        publish(clients, "kvartal")
    else:
        clients.s3.delete_object(Bucket="files", Key="settings/kvartal/current.json")
    assert work(clients) == []
    assert stored(clients) == []
    assert [r["reason"] for r in rejects(clients)] == ["not_set_up"]


def test_settings_that_cannot_be_read_leave_the_hook_in_the_queue(clients: Clients, capsys: pytest.CaptureFixture[str]) -> None:
    post(payload("lead_add"))
    (text,) = clients.sqs.messages[QUEUE]
    clients.s3.fail("get_object", Bucket="files")
    assert work(clients) == ["m0"]
    assert '"Door":"crm-amocrm","BackToQueue":1' in capsys.readouterr().out
    clients.heal()
    clients.sqs.messages[QUEUE] = [text]
    assert work(clients) == []
    assert len(stored(clients)) == 1


def test_a_repeat_of_amocrm_gives_the_same_records(clients: Clients) -> None:
    for minutes in (0, 5, 20, 35, 95):
        later = datetime(2026, 10, 29, 13, 20, 33, tzinfo=UTC) + timedelta(minutes=minutes)
        post(payload("multi_entity"), timeEpoch=int(later.timestamp() * 1000), requestId=str(minutes))
    assert work(clients) == []
    assert len(stored(clients)) == 5 * 4
    # The body's deletion has no time of its own, so each delivery of it is a deletion; all of them leave the deal deleted.
    assert len({one["record_id"] for one in stored(clients) if not one.get("is_deleted")}) == 3
    assert len({one["record_id"] for one in stored(clients) if one.get("is_deleted")}) == 5


def test_what_is_passed_over_is_counted_by_reason(clients: Clients, capsys: pytest.CaptureFixture[str]) -> None:
    taken(clients, payload("contacts_note_path_collision"))
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "PassedOver" in line]
    assert {(one["Door"], one["Reason"], one["PassedOver"]) for one in told} == {
        ("crm-amocrm", "note", 1),
        ("crm-amocrm", "path_collision", 1),
    }


def test_a_body_of_many_leads_is_written_in_few_calls(clients: Clients) -> None:
    leads = {str(number): {"id": str(number), "status_id": "5", "last_modified": "1793280031"} for number in range(1, 2001)}
    assert len(taken(clients, php_form({"leads": {"update": leads}}, is_raw=True))) == 2000
    assert len(clients.firehose.records["crm-events"]) == 1


# People


def test_no_name_phone_or_email_leaves_the_quarantine(clients: Clients, capsys: pytest.CaptureFixture[str]) -> None:
    for one in story():
        post(one.body, timeEpoch=(one.at + 2) * 1000)
        post(one.body[:-40] + b"&leads[update][+79000000017][id]=lugova@post.example", timeEpoch=(one.at + 2) * 1000)
    queue = "".join(clients.sqs.messages[QUEUE])
    clients.firehose.fail("put_record", times=3)
    assert work(clients) == []
    told = capsys.readouterr()
    kept = b"".join(clients.s3.body("lake", key) for key in clients.s3.keys("lake") if not key.startswith("quarantine/"))
    text = "".join([queue, told.out, told.err, kept.decode(), *clients.s3.keys("lake")])
    text += b"".join(clients.firehose.lines("crm-events")).decode()
    assert '"deal_id":"41895127"' in text
    assert '"reason":"bad_field"' in text
    for plain in PLAIN:
        assert plain not in text
    assert clients.table.items == {}


def test_the_vault_keeps_all_contacts_of_a_person_where_the_site_says_so(clients: Clients, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONTACTS_TABLE", "contacts")
    publish(clients, "kvartal", pii="vault", amocrm=AMOCRM)
    taken(clients, payload("contact_update"))
    plain = {place: {value for value in values if value[:2] != "20"} for place, values in clients.table.items.items()}  # no times
    assert plain == {
        ("kvartal#phone", phone_hash("+79000000017", KEY)): {"+79000000017", "Вера Лугова"},
        ("kvartal#phone", phone_hash("+79000000018", KEY)): {"+79000000018", "Вера Лугова"},
        ("kvartal#email", email_hash("lugova@post.example", KEY)): {"lugova@post.example", "Вера Лугова"},
    }
    assert {one["phone_hash"] for one in stored(clients)} == {phone_hash("+79000000017", KEY)}


# Settings


def test_a_field_may_be_named_by_its_bare_id() -> None:
    assert CrmFields.model_validate({"order_id": 2210463}).order_id == "2210463"


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    body=st.binary(max_size=200)
    | st.text(max_size=100).map(lambda t: f"leads[{t}][0][id]=7&leads[add]={t}".encode("utf-8", "replace")),
    site=st.sampled_from(["kvartal", "generic", "nobody"]) | st.text(max_size=50),
    token=st.just(TOKEN) | st.text(max_size=50),
)
def test_no_input_makes_a_5xx_or_circles_in_the_queue(clients: Clients, body: bytes, site: str, token: str) -> None:
    assert post(body, site, token)["statusCode"] in (202, 401)
    assert work(clients) == []
    assert {r["reason"] for r in rejects(clients)} <= set(REASONS)
