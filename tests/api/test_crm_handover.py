"""A first call of somebody unknown, from the telephony's event over the queue to the CRM's own address."""

from __future__ import annotations

import copy
import json
import threading
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import orjson
import pytest

from functions.crm_webhook.tasks import handler as tasks
from functions.crm_webhook.tasks import send
from shared.errors import SettingsError
from shared.new_requests import PLACE
from shared.post import post
from shared.security import verify_webhook
from shared.settings import parse_settings, published
from shared.sites import current_key
from shared.times import to_millis
from tests.api import crm_stores
from tests.api.numbers_door import FILES, LAKE, POOL, Numbers, body_of, counted, create_table, moto_dynamodb, told, visitor_id
from tests.api.numbers_door import SETTINGS as NUMBERS

QUEUE = "crm-queue"
CALLER = "+79000000017"
DEFAULT, STATIC = "+74950000010", "+74950000041"
SECRET = "whsec_c2VjcmV0LW9mLW91ci1vdXRnb2luZy1ldmVudHM="
SETTINGS = {**NUMBERS, "pii": "vault"}
CRM = {"new_requests": {"url": "https://crm.example/hooks/new?key=1", "channels": ["call"]}}
MESSAGE = json.loads((Path(__file__).parents[1] / "events" / "sqs_crm.json").read_text())["Records"][0]


class Crm:
    """Stands in for `post`: what came, and what it answers."""

    def __init__(self) -> None:
        self.answer: int | Exception = 201
        self.came: list[tuple[str, bytes, Mapping[str, str]]] = []

    def __call__(self, url: str, body: bytes, headers: Mapping[str, str]) -> int:
        self.came.append((url, body, headers))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    @property
    def data(self) -> list[dict[str, Any]]:
        return [json.loads(body)["data"] for _, body, _ in self.came]


@pytest.fixture
def numbers(monkeypatch: pytest.MonkeyPatch) -> Iterator[Numbers]:
    with moto_dynamodb(monkeypatch) as dynamodb:
        create_table(dynamodb, "crm")
        door = Numbers(monkeypatch, dynamodb)
        monkeypatch.setenv("CRM_TASK_QUEUE_URL", QUEUE)
        publish(door)
        door.clients.ssm.parameters["/skvoz/test/kvartal/crm-outgoing"] = SECRET
        yield door


@pytest.fixture
def crm(numbers: Numbers, monkeypatch: pytest.MonkeyPatch) -> Iterator[Crm]:
    made = Crm()
    crm_stores.use(monkeypatch, numbers.clients)
    monkeypatch.setenv("CRM_TASK_QUEUE_URL", QUEUE)
    monkeypatch.setattr(send, "post", made)
    yield made
    crm_stores.forget()


def publish(
    numbers: Numbers, crm: Mapping[str, Any] = CRM, numbers_settings: Mapping[str, Any] | None = None, **calls: Any
) -> None:
    numbers.publish({**SETTINGS, "crm": crm, "calls": calls}, **(numbers_settings or {}))
    crm_stores.forget()


def call(
    numbers: Numbers,
    number: str = DEFAULT,
    call_id: str = "call-1",
    caller: str | None = CALLER,
    status: int = 200,
    after: timedelta = timedelta(seconds=140),
    webhook_id: str = "",
    **changes: Any,
) -> dict[str, Any]:
    """An answered incoming call that begins now and is told later."""
    at, before = numbers.now, numbers.now
    times = {"start_time": at, "agent_answer_time": at + timedelta(seconds=9), "hangup_time": at + timedelta(seconds=129)}
    body = told("answered", call_id=call_id, our_number=number, client_number=caller, duration=120)
    numbers.now = at + after
    answer = numbers.ring(
        {**body, **{name: value.isoformat() for name, value in times.items()}, **changes}, webhook_id=webhook_id or call_id
    )
    numbers.now = before
    assert answer["statusCode"] == status, answer["body"]
    found: dict[str, Any] = body_of(answer)
    return found


def queued(numbers: Numbers) -> list[dict[str, Any]]:
    return [json.loads(text) for text in numbers.clients.sqs.messages.get(QUEUE, [])]


def worked(numbers: Numbers) -> list[str]:
    """The worker takes all that is queued; ids of the messages that go back."""
    texts = numbers.clients.sqs.messages.pop(QUEUE, [])
    records = [{**copy.deepcopy(MESSAGE), "messageId": f"m{place}", "body": text} for place, text in enumerate(texts)]
    return [failure["itemIdentifier"] for failure in tasks.lambda_handler({"Records": records}, None)["batchItemFailures"]]


def rejects(numbers: Numbers) -> list[dict[str, Any]]:
    keys = numbers.clients.s3.keys(LAKE, "rejected/crm-requests/")
    return [json.loads(line) for key in keys for line in numbers.clients.s3.body(LAKE, key).splitlines()]


# --- what is handed over ----------------------------------------------------------------------------------------------------------


def test_a_first_call_reaches_the_crm_with_its_source(numbers: Numbers, crm: Crm) -> None:
    answered = call(numbers, STATIC)
    assert worked(numbers) == []
    ((url, body, headers),) = crm.came
    assert url == "https://crm.example/hooks/new?key=1"
    assert json.loads(body) == {
        "type": "request.created",
        "timestamp": numbers.now.isoformat(),
        "data": {
            "request_id": answered["request_id"],
            "site_id": "kvartal",
            "contact_channel": "call",
            "phone": CALLER,
            "number": STATIC,
            "started_at": numbers.now.isoformat(),
            "resolved_by": "number",
            "utm_source": "vk",
            "utm_medium": "cpc",
            "last_source": "vk / cpc",
        },
    }
    assert headers["content-type"] == "application/json"
    assert rejects(numbers) == []


def test_it_is_signed_at_the_time_of_sending_and_known_by_the_request(numbers: Numbers, crm: Crm) -> None:
    """The message is as old as its recorded event; a CRM refuses signatures older than five minutes."""
    answered = call(numbers)
    worked(numbers)
    ((_, body, headers),) = crm.came
    assert verify_webhook(body, headers, [SECRET], datetime.now(UTC)) == f"request_{answered['request_id']}"


def test_the_visitor_of_a_leased_number_comes_with_the_marks_of_his_visit(numbers: Numbers, crm: Crm) -> None:
    numbers.fill(POOL[0])
    numbers.lease(1)
    (item,) = numbers.items(f"history#{POOL[0]}")
    numbers.dynamodb.put_item(TableName="numbers", Item={**item, "marks": {"M": {"utm_source": {"S": "yandex"}}}})
    numbers.later(seconds=20)
    call(numbers, POOL[0])
    worked(numbers)
    (data,) = crm.data
    assert (data["visitor_id"], data["resolved_by"], data["utm_source"]) == (visitor_id(1), "lease", "yandex")


def touched(numbers: Numbers, url: str, ref: str = "", **before: float) -> dict[str, Any]:
    """A touch as the tracker keeps it."""
    return {"t": to_millis(numbers.now - timedelta(**before)), "url": url, "ref": ref}


def sources(data: Mapping[str, Any]) -> dict[str, Any]:
    """What a request tells of where its client came from."""
    names = ("first_source", "last_source", "landing", "utm_source", "click_id_name", "click_id")
    return {name: data[name] for name in names if name in data}


SHOP = "https://kvartal.example"
FOUND = {"first_source": "yandex.ru", "last_source": "yandex.ru", "landing": f"{SHOP}/doma"}
CLICKED = {"first_source": "yclid", "last_source": "yclid", "landing": f"{SHOP}/", "click_id_name": "yclid", "click_id": "1756"}


@pytest.mark.parametrize(
    ("page", "ref", "told"),
    [
        ("/doma?x=1", "https://yandex.ru/search?text=doma", FOUND),
        ("/?yclid=1756", "https://yandex.ru/", CLICKED),
        ("/", "", {"first_source": "direct", "last_source": "direct", "landing": f"{SHOP}/"}),
    ],
)
@pytest.mark.parametrize("clicks", [0, 1])
def test_a_caller_without_utm_comes_with_the_source_of_his_visit(
    numbers: Numbers, crm: Crm, page: str, ref: str, told: dict[str, Any], clicks: int
) -> None:
    """Whether the number stood on the page that he came to, or on the next one."""
    numbers.fill(POOL[0])
    first = touched(numbers, SHOP + page, ref, minutes=clicks)
    seen = {"page_url": f"{SHOP}/contacts", "ref": f"{SHOP}{page}"} if clicks else {"page_url": SHOP + page, "ref": ref}
    numbers.lease(1, first=first, **seen)
    numbers.later(minutes=3)
    call(numbers, POOL[0])
    worked(numbers)
    (data,) = crm.data
    if clicks and told["last_source"] == "direct":
        told = {name: text for name, text in told.items() if name != "last_source"}  # as of a form on an inner page
    assert sources(data) == told
    assert data["first_at"] == (numbers.now - timedelta(minutes=3 + clicks)).isoformat()


def test_a_returning_caller_has_the_first_source_of_long_ago_and_the_last_one_of_this_visit(numbers: Numbers, crm: Crm) -> None:
    numbers.fill(POOL[0])
    first = touched(numbers, f"{SHOP}/blog?utm_source=vk&utm_medium=cpc", days=40)
    given = numbers.lease(1, first=first, page_url=f"{SHOP}/?gclid=Cj0K", ref="https://google.com/")
    for _ in range(45):  # a long visit: what began it is not forgotten
        numbers.later(seconds=50)
        assert numbers.renew(1, given)
    call(numbers, POOL[0])
    worked(numbers)
    (data,) = crm.data
    last = {"last_source": "gclid", "click_id_name": "gclid", "click_id": "Cj0K"}
    assert sources(data) == {"first_source": "vk / cpc", "landing": f"{SHOP}/blog", **last}


def test_a_later_lease_of_the_visitor_tells_his_way_anew(numbers: Numbers, crm: Crm) -> None:
    numbers.fill(POOL[0])
    first = touched(numbers, f"{SHOP}/", "https://yandex.ru/")
    numbers.lease(1, first=first, page_url=f"{SHOP}/", ref="https://yandex.ru/")
    numbers.later(days=3)
    numbers.lease(1, first=first, page_url=f"{SHOP}/", ref="https://2gis.ru/")
    numbers.later(seconds=20)
    call(numbers, POOL[0])
    worked(numbers)
    (data,) = crm.data
    assert sources(data) == {"first_source": "yandex.ru", "last_source": "2gis.ru", "landing": f"{SHOP}/"}
    (item,) = numbers.items("way#kvartal")
    assert item["sk"]["S"] == visitor_id(1)


def test_a_caller_whom_the_static_number_names_has_its_source(numbers: Numbers, crm: Crm) -> None:
    call(numbers, STATIC)
    worked(numbers)
    assert sources(crm.data[0]) == {"last_source": "vk / cpc", "utm_source": "vk"}


def test_ways_are_short_and_hold_neither_people_nor_anybody_elses_pages(numbers: Numbers, crm: Crm) -> None:
    numbers.fill(POOL[0])
    long = "&".join(f"utm_{name}={'%D1%8F' * 300}" for name in ("source", "medium", "campaign", "content", "term"))
    url = f"https://other.example/{'a' * 3000}/ivan@mail.example?{long}&yclid={'7' * 400}"
    numbers.lease(1, first=touched(numbers, url, "https://yandex.ru/", minutes=2), page_url=f"{SHOP}/?{long}", ref="x" * 5000)
    (item,) = numbers.items("way#kvartal")
    assert len(json.dumps(item, ensure_ascii=False).encode()) < 2048
    assert "ivan" not in json.dumps(item)
    call(numbers, POOL[0])
    worked(numbers)
    assert "landing" not in crm.data[0]


@pytest.mark.parametrize("first", [None, 7, {"t": "x", "url": "y"}, {"t": 1e300, "url": SHOP}, {"t": 4e15, "url": f"{SHOP}/"}])
def test_what_is_no_touch_costs_neither_the_number_nor_the_request(numbers: Numbers, crm: Crm, first: object) -> None:
    numbers.fill(POOL[0])
    assert numbers.lease(1, first=first, page_url="no address", ref=7)["kind"] == "dynamic"
    call(numbers, POOL[0])
    worked(numbers)
    assert sources(crm.data[0]) == {}


def test_a_site_that_hands_no_calls_over_keeps_no_ways(numbers: Numbers) -> None:
    publish(numbers, {"new_requests": {**CRM["new_requests"], "channels": ["email"]}})
    numbers.fill(POOL[0])
    numbers.lease(1, first=touched(numbers, f"{SHOP}/"), page_url=f"{SHOP}/")
    assert numbers.items("way#") == []


def test_repeats_and_corrections_of_a_call_are_one_request(numbers: Numbers, crm: Crm) -> None:
    call(numbers)
    call(numbers)  # the telephony repeats its event
    call(numbers, webhook_id="corrected", after=timedelta(minutes=9), duration=121)
    assert worked(numbers) == []
    assert {headers["webhook-id"] for _, _, headers in crm.came} == {f"request_{crm.data[0]['request_id']}"}
    assert len({body for _, body, _ in crm.came}) == 1


def test_a_correction_alone_hands_nothing_over_again(numbers: Numbers, crm: Crm) -> None:
    call(numbers)
    numbers.clients.sqs.messages.clear()
    call(numbers, webhook_id="corrected", after=timedelta(minutes=9), duration=121)
    assert queued(numbers) == []


def test_a_request_that_could_not_be_queued_is_queued_when_the_telephony_repeats(numbers: Numbers, crm: Crm) -> None:
    numbers.clients.sqs.fail("send_message", times=1)
    call(numbers, status=503)
    assert queued(numbers) == []
    call(numbers)
    assert len(queued(numbers)) == 1


def test_the_caller_told_after_the_call_is_known_makes_the_request_then(numbers: Numbers, crm: Crm) -> None:
    call(numbers, caller="anonymous")
    assert queued(numbers) == []
    call(numbers, webhook_id="second", after=timedelta(minutes=3))
    assert len(queued(numbers)) == 1


def test_a_call_that_was_told_as_outgoing_is_a_request_once_it_is_corrected(numbers: Numbers, crm: Crm) -> None:
    call(numbers, is_outgoing=1)
    call(numbers, webhook_id="second", after=timedelta(minutes=3))
    assert len(queued(numbers)) == 1


# --- what is not ------------------------------------------------------------------------------------------------------------------


def test_without_the_setting_nothing_is_queued_and_no_queue_is_asked_for(numbers: Numbers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CRM_TASK_QUEUE_URL")
    publish(numbers, {})
    call(numbers)
    assert numbers.clients.sqs.calls == []
    assert numbers.clients.s3.keys(LAKE, PLACE) == []


@pytest.mark.parametrize("changes", [{"caller": None}, {"caller": "anonymous"}, {"caller": "101"}, {"is_outgoing": 1}])
def test_hidden_callers_and_outgoing_calls_are_no_new_requests(numbers: Numbers, changes: dict[str, Any]) -> None:
    call(numbers, **changes)
    assert queued(numbers) == []


def test_who_called_within_the_repeat_period_is_known_and_a_stranger_again_after_it(
    numbers: Numbers, crm: Crm, capsys: pytest.CaptureFixture[str]
) -> None:
    call(numbers)
    numbers.later(hours=23)
    call(numbers, call_id="call-2")
    assert len(queued(numbers)) == 1
    assert {"Reason": "known_caller", "RequestNotHandedOver": 1} in counted(capsys.readouterr().out)
    numbers.later(hours=25)
    call(numbers, call_id="call-3")
    assert len(queued(numbers)) == 2


def test_another_caller_is_somebody_else(numbers: Numbers) -> None:
    call(numbers)
    call(numbers, call_id="call-2", caller="+79000000018")
    assert len(queued(numbers)) == 2


def test_spam_is_not_handed_over_even_where_nobody_is_a_repeat_caller(numbers: Numbers, capsys: pytest.CaptureFixture[str]) -> None:
    publish(numbers, CRM, {"repeat_caller_seconds": 60}, spam={"calls": 3})
    for place in range(4):
        call(numbers, call_id=f"call-{place}")
        numbers.later(minutes=30)
    assert len(queued(numbers)) == 2
    assert {"Reason": "spam", "RequestNotHandedOver": 1} in counted(capsys.readouterr().out)
    publish(numbers, CRM, {"repeat_caller_seconds": 60}, spam={"calls": "off"})
    call(numbers, call_id="call-5")
    assert len(queued(numbers)) == 3


def test_a_call_that_is_told_days_later_is_history(numbers: Numbers, capsys: pytest.CaptureFixture[str]) -> None:
    call(numbers, after=timedelta(hours=24, seconds=1))
    assert queued(numbers) == []
    assert {"Reason": "late", "RequestNotHandedOver": 1} in counted(capsys.readouterr().out)
    call(numbers, call_id="call-2", caller="+79000000018", after=timedelta(hours=24))
    assert len(queued(numbers)) == 1


def test_the_test_call_of_a_number_makes_no_request(numbers: Numbers) -> None:
    numbers.fill(POOL[0])
    since = {":since": {"N": str(int(numbers.now.timestamp() * 1000) - 1)}}
    for key in ({"pk": {"S": f"number#{POOL[0]}"}, "sk": {"S": "owner"}}, {"pk": {"S": "pool#kvartal#main"}, "sk": {"S": POOL[0]}}):
        numbers.dynamodb.update_item(
            TableName="numbers", Key=key, UpdateExpression="SET awaits_test = :since", ExpressionAttributeValues=since
        )
    call(numbers, POOL[0])
    assert numbers.stored()[0]["is_test"] is True
    assert queued(numbers) == []


# --- what the CRM answers ---------------------------------------------------------------------------------------------------------


def test_a_first_event_that_failed_after_it_was_stored_leaves_the_offer_to_the_next_one(numbers: Numbers, crm: Crm) -> None:
    """Many telephonies tell an event once: its repeat may never come."""
    publish(numbers)
    numbers.clients.sqs.fail("send_message", times=1)
    call(numbers, status=503, webhook_id="first")
    assert queued(numbers) == []
    call(numbers, webhook_id="second", duration=121)
    assert len(queued(numbers)) == 1
    call(numbers, webhook_id="third", duration=122)
    assert len(queued(numbers)) == 1


@pytest.mark.parametrize("answer", [500, 503, 408, 425, 429, TimeoutError("slow"), ConnectionRefusedError("down")])
def test_a_crm_that_is_out_of_order_gets_the_request_later(
    numbers: Numbers, crm: Crm, answer: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    call(numbers)
    messages = list(numbers.clients.sqs.messages[QUEUE])
    crm.answer = answer
    assert worked(numbers) == ["m0"]
    assert rejects(numbers) == []
    assert {"Door": "crm-tasks", "BackToQueue": 1} in counted(capsys.readouterr().out)
    numbers.clients.sqs.messages[QUEUE] = messages
    crm.answer = 200
    assert worked(numbers) == []
    assert crm.came[0][1] == crm.came[1][1]
    assert crm.came[0][2]["webhook-id"] == crm.came[1][2]["webhook-id"]


@pytest.mark.parametrize(("answer", "reason"), [(400, "refused_by_crm"), (404, "refused_by_crm"), (302, "redirected")])
def test_what_the_crm_refuses_is_kept_with_the_reason(numbers: Numbers, crm: Crm, answer: int, reason: str) -> None:
    call(numbers)
    (order,) = queued(numbers)
    crm.answer = answer
    assert worked(numbers) == []
    (rejected,) = rejects(numbers)
    assert (rejected["reason"], rejected["content"], rejected["site_id"]) == (reason, order["key"], "kvartal")
    assert str(answer) in rejected["message"]


@pytest.mark.parametrize("answer", [200, 201, 202, 204])
def test_every_kind_of_yes_is_one(numbers: Numbers, crm: Crm, answer: int, capsys: pytest.CaptureFixture[str]) -> None:
    call(numbers)
    crm.answer = answer
    assert worked(numbers) == []
    assert {"To": "url", "RequestHandedOver": 1} in counted(capsys.readouterr().out)


def test_one_request_that_fails_does_not_hold_the_others_up(numbers: Numbers, crm: Crm) -> None:
    call(numbers)
    call(numbers, call_id="call-2", caller="+79000000018")
    numbers.clients.sqs.messages[QUEUE].insert(1, json.dumps({"provider": "requests", "site_id": "kvartal"}))
    broken = numbers.clients.s3.keys(LAKE, PLACE)[0]
    numbers.clients.s3.fail("get_object", Key=broken)
    assert len(worked(numbers)) == 1
    assert len(crm.came) == 1


@pytest.mark.parametrize("secret", [None, "", "whsec_short"])
def test_without_a_secret_the_request_waits_in_the_queue(numbers: Numbers, crm: Crm, secret: str | None) -> None:
    del numbers.clients.ssm.parameters["/skvoz/test/kvartal/crm-outgoing"]
    if secret is not None:
        numbers.clients.ssm.parameters["/skvoz/test/kvartal/crm-outgoing"] = secret
    call(numbers)
    assert worked(numbers) == ["m0"]
    assert crm.came == []


def test_of_two_secrets_the_newest_signs(numbers: Numbers, crm: Crm) -> None:
    newer = "whsec_bmV3ZXItc2VjcmV0LW9mLW91ci1vdXRnb2luZy1ldmVudHM="
    numbers.clients.ssm.parameters["/skvoz/test/kvartal/crm-outgoing"] = f"{newer} {SECRET}"
    call(numbers)
    worked(numbers)
    ((_, body, headers),) = crm.came
    assert verify_webhook(body, headers, [newer], datetime.now(UTC))


def test_a_setting_that_was_taken_away_meanwhile_rejects_what_waits(numbers: Numbers, crm: Crm) -> None:
    call(numbers)
    publish(numbers, {})
    assert worked(numbers) == []
    assert [one["reason"] for one in rejects(numbers)] == ["not_set_up"]
    assert crm.came == []


def test_a_request_that_left_the_quarantine_is_rejected(numbers: Numbers, crm: Crm) -> None:
    call(numbers)
    (key,) = numbers.clients.s3.keys(LAKE, PLACE)
    numbers.clients.s3.delete_object(Bucket=LAKE, Key=key)
    assert worked(numbers) == []
    assert [one["reason"] for one in rejects(numbers)] == ["raw_gone"]


@pytest.mark.parametrize("key", ["quarantine/crm-generic/a.json", "raw/call/a.json", "quarantine/calls-generic/a.json"])
def test_a_message_cannot_make_the_worker_send_anything_else(numbers: Numbers, crm: Crm, key: str) -> None:
    call(numbers)
    (order,) = queued(numbers)
    numbers.clients.s3.put_object(Bucket=LAKE, Key=key, Body=b"{}")
    numbers.clients.sqs.messages[QUEUE] = [json.dumps({**order, "key": key})]
    assert worked(numbers) == []
    assert crm.came == []


# --- privacy ----------------------------------------------------------------------------------------------------------------------


def test_the_phone_lies_in_the_vault_and_in_the_telephonys_own_body_alone(
    numbers: Numbers, crm: Crm, capsys: pytest.CaptureFixture[str]
) -> None:
    call(numbers)
    messages = list(numbers.clients.sqs.messages[QUEUE])
    crm.answer = 404
    worked(numbers)
    digits = CALLER[-10:].encode()
    s3 = numbers.clients.s3
    assert {key.split("/")[1] for key in s3.keys(LAKE) if digits in s3.body(LAKE, key)} == {"calls-generic"}
    assert digits.decode() not in json.dumps(messages) + str(numbers.clients.firehose.records) + capsys.readouterr().out
    for table in ("numbers", "crm"):
        assert digits.decode() not in str(numbers.dynamodb.scan(TableName=table)["Items"])


def test_a_caller_whom_the_vault_could_not_keep_is_offered_when_the_telephony_repeats(
    numbers: Numbers, crm: Crm, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refusing(**call: Any) -> Any:
        raise OSError("the vault is closed")

    with monkeypatch.context() as patch:
        update = numbers.dynamodb.update_item
        patch.setattr(numbers.dynamodb, "update_item", lambda **c: (refusing if c["TableName"] == "contacts" else update)(**c))
        call(numbers, status=503)
    assert queued(numbers) == []
    call(numbers)
    assert len(queued(numbers)) == 1
    assert worked(numbers) == []
    assert crm.data[0]["phone"] == CALLER


def test_a_site_that_keeps_hashes_alone_hands_nothing_over(numbers: Numbers, capsys: pytest.CaptureFixture[str]) -> None:
    """Published before new requests needed the vault."""
    site = published(parse_settings({**SETTINGS, "crm": CRM})) | {"pii": "hash"}
    numbers.clients.s3.put_object(Bucket=FILES, Key=current_key("kvartal"), Body=orjson.dumps(site))
    numbers.forget()
    call(numbers)
    assert queued(numbers) == []
    assert {"Reason": "no_vault", "RequestNotHandedOver": 1} in counted(capsys.readouterr().out)


def test_two_messages_of_one_request_are_one_post(numbers: Numbers, crm: Crm) -> None:
    call(numbers)
    numbers.clients.sqs.messages[QUEUE] *= 2
    again = list(numbers.clients.sqs.messages[QUEUE])
    assert worked(numbers) == []
    numbers.clients.sqs.messages[QUEUE] = again
    assert worked(numbers) == []
    assert len(crm.came) == 1


# --- settings ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "http://crm.example/", "crm.example", "https://", "file:///etc/passwd", "https://me:pass@crm.example/", "https://crm.example/#a",
        "https://crm.example/a b", "https://crm.example/имя", "https://crm.example:999999/",
    ],
)  # fmt: skip
def test_only_plain_https_addresses_are_taken(url: str) -> None:
    with pytest.raises(SettingsError):
        parse_settings({**SETTINGS, "crm": {"new_requests": {"url": url}}})


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"pii": "hash"}, "pii: vault"),
        ({"crm": {"new_requests": {**CRM["new_requests"], "channels": ["form"]}}}, "forms: {contacts: true}"),
        ({"crm": {"new_requests": {**CRM["new_requests"], "fields": {"colour": "x"}}}}, "has no colour"),
        ({"crm": {"new_requests": {"to": "amocrm"}}}, "crm.amocrm.api is not set"),
        (
            {"crm": {"new_requests": {"to": "amocrm", "manager": "Анна"}, "amocrm": {"api": {"url": "https://a.amocrm.ru"}}}},
            "a name of crm.amocrm.managers",
        ),
        (
            {"crm": {"new_requests": {"to": "bitrix24", "pipeline": "Кухни"}, "bitrix24": {"api": {"url": "https://a.bitrix24.ru/rest/1"}}}},
            "a name of crm.bitrix24.pipelines",
        ),
    ],
)  # fmt: skip
def test_settings_that_could_hand_nothing_over_are_refused(changes: dict[str, Any], word: str) -> None:
    with pytest.raises(SettingsError) as error:
        parse_settings({**SETTINGS, "crm": CRM, **changes})
    assert word in str(error.value)


# --- the POST itself --------------------------------------------------------------------------------------------------------------


class _Server(BaseHTTPRequestHandler):
    came: ClassVar[list[tuple[str, dict[str, str], bytes]]] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.came.append((self.path, {name.lower(): value for name, value in self.headers.items()}, body))
        if self.path == "/moved":
            self.send_response(307)
            self.send_header("location", "/elsewhere")
        else:
            self.send_response(201 if self.path.startswith("/new") else 422)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing on stderr."""


@pytest.fixture
def server() -> Iterator[str]:
    _Server.came = []
    running = ThreadingHTTPServer(("127.0.0.1", 0), _Server)
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{running.server_address[1]}"
    running.shutdown()
    running.server_close()
    thread.join(5)


def test_a_post_carries_body_headers_and_query_and_gives_the_status(server: str) -> None:
    assert post(f"{server}/new?key=1", b'{"a": 1}', {"content-type": "application/json", "webhook-id": "request_1"}) == 201
    ((path, headers, body),) = _Server.came
    assert (path, body, headers["webhook-id"]) == ("/new?key=1", b'{"a": 1}', "request_1")
    assert post(server, b"", {}) == 422


def test_a_redirect_is_told_and_not_followed(server: str) -> None:
    assert post(f"{server}/moved", b"{}", {}) == 307
    assert [path for path, _, _ in _Server.came] == ["/moved"]


def test_a_server_that_is_not_there_is_an_error(server: str) -> None:
    with pytest.raises(OSError, match="refused"):
        post("http://127.0.0.1:1/new", b"{}", {})


def test_the_whole_way_over_http(numbers: Numbers, crm: Crm, server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Published by hand: the settings themselves take https only."""
    monkeypatch.setattr(send, "post", post)
    site = published(parse_settings({**SETTINGS, "crm": CRM}))
    site["crm"]["new_requests"]["url"] = f"{server}/new"
    numbers.clients.s3.put_object(Bucket=FILES, Key=current_key("kvartal"), Body=orjson.dumps(site))
    numbers.forget()
    crm_stores.forget()
    answered = call(numbers)
    assert worked(numbers) == []
    ((_, headers, body),) = _Server.came
    assert verify_webhook(body, headers, [SECRET], datetime.now(UTC)) == f"request_{answered['request_id']}"
