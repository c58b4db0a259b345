"""Ended calls of other telephonies go to UIS (`upload.calls`): once each, in batches, their phones out of the vault alone."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from functions.crm_webhook.api.line import CrmRefused
from functions.crm_webhook.tasks.handler import Tasks
from functions.crm_webhook.tasks.orders import Order, order_of
from shared.call_uploads import MOST_CALLS, EndedCall, message
from shared.errors import SettingsError, TryLater
from shared.identity import phone_hash
from shared.lake import Rejected
from shared.settings import parse_settings
from shared.sites import Sites
from shared.vault import contacts_of
from tests.api.new_requests import KEY, NOW, World, world
from tests.api.numbers_door import LAKE, Numbers, counted, moto_dynamodb, told
from tests.api.numbers_door import SETTINGS as NUMBERS

PHONE, NUMBER, QUEUE = "+79000000017", "+74950000010", "crm-queue"
TOKEN = "0" * 64
API = "https://dataapi.uiscom.example/v2.0"


class Uis:
    """The Data API, as far as `upload.calls` goes: it takes an id once, and answers `error` where one is set."""

    def __init__(self) -> None:
        self.calls: dict[str, dict[str, Any]] = {}
        self.asked: list[dict[str, Any]] = []
        self.error: dict[str, Any] | None = None
        self.status = 200
        self.bad: set[str] = set()
        uis = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = uis.answer(json.loads(self.rfile.read(int(self.headers["content-length"]))))
                self.send_response(uis.status)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/v2.0"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def answer(self, sent: dict[str, Any]) -> bytes:
        self.asked.append(sent)
        error, calls = self.error, sent["params"]["calls"]
        if error is None and self.bad & {call["ext_id"] for call in calls}:
            error = {"code": "-32602", "message": "bad", "data": {"mnemonic": "data_type_error"}}
        if error is not None:
            return json.dumps({"jsonrpc": "2.0", "id": sent["id"], "error": error}).encode()
        for call in calls:
            self.calls.setdefault(call["ext_id"], call)
        return json.dumps({"jsonrpc": "2.0", "id": sent["id"], "result": {"data": {"success": True}}}).encode()


@pytest.fixture
def made() -> Iterator[World]:
    with world() as one:
        yield one


@pytest.fixture
def uis(made: World) -> Iterator[Uis]:
    double = Uis()
    own = {"token_sha256": [TOKEN], "upload": {"url": double.url}}
    made.site = {"site_id": "kvartal", "time_zone": "Europe/Moscow", "pii": "vault", "calls": {"uis": own}}
    made.secrets["kvartal/crm-uis-api"] = "token-of-the-data-api"
    made.vault.keep(made.site, contacts_of([PHONE], [], KEY), "", NOW)
    yield double
    double.server.shutdown()
    double.server.server_close()


def order(ext_id: str = "call-1", **changes: Any) -> Order:
    call = EndedCall(ext_id, True, NUMBER, phone_hash(PHONE, KEY), NOW, True, 9, 120)._replace(**changes)
    found = order_of(message("kvartal", call, NOW))
    assert isinstance(found, Order)
    return found


# --- sending ----------------------------------------------------------------------------------------------------------------------


def test_a_call_is_told_as_the_data_api_wants_it(made: World, uis: Uis, capsys: pytest.CaptureFixture[str]) -> None:
    made.sends.upload(made.site, [order()])
    (asked,) = uis.asked
    assert (asked["jsonrpc"], asked["method"], asked["params"]["access_token"]) == ("2.0", "upload.calls", "token-of-the-data-api")
    assert uis.calls["call-1"] == {
        "ext_id": "call-1", "direction": "in", "calling_phone_number": "79000000017", "called_phone_number": "74950000010",
        "start_time": "2026-10-12 10:55:00", "finish_time": "2026-10-12 10:57:09", "is_lost": False,
        "wait_duration": 9, "talk_duration": 120,
    }  # fmt: skip
    printed = capsys.readouterr().out
    assert {"CallUploaded": 1} in counted(printed)
    assert "79000000017" not in printed
    assert "token-of-the-data-api" not in printed


def test_outgoing_missed_and_hidden_calls_have_their_own_look(made: World, uis: Uis) -> None:
    calls = [order("out", is_incoming=False), order("lost", is_answered=False, talk_seconds=0), order("hidden", phone_hash=None)]
    made.sends.upload(made.site, calls)
    assert (uis.calls["out"]["calling_phone_number"], uis.calls["out"]["called_phone_number"]) == ("74950000010", "79000000017")
    assert (uis.calls["lost"]["is_lost"], uis.calls["lost"]["finish_time"]) == (True, "2026-10-12 10:55:09")
    assert uis.calls["hidden"]["calling_phone_number"] == ""


def test_a_batch_is_one_request_and_a_repeat_makes_nothing_new(made: World, uis: Uis) -> None:
    calls = [order(f"call-{place}") for place in range(MOST_CALLS)]
    made.sends.upload(made.site, calls)
    made.sends.upload(made.site, calls)
    assert [len(asked["params"]["calls"]) for asked in uis.asked] == [MOST_CALLS] * 2
    assert len(uis.calls) == MOST_CALLS
    assert len(json.dumps(uis.asked[0])) < 512 * 1024 / 10


@pytest.mark.parametrize(
    "error",
    [
        {"code": -32029, "data": {"mnemonic": "limit_exceeded"}},
        {"code": "-32029"},
        {"code": -32001, "data": {"mnemonic": "access_token_expired"}},
        {"code": -32003, "data": {"mnemonic": "ip_not_whitelisted"}},
        "words",
    ],
)
def test_used_up_points_and_a_closed_account_are_waited_for(made: World, uis: Uis, error: Any) -> None:
    uis.error = error
    with pytest.raises(TryLater):
        made.sends.upload(made.site, [order()])
    uis.error = None
    made.later(hours=1)
    made.sends.upload(made.site, [order()])
    assert list(uis.calls) == ["call-1"]


@pytest.mark.parametrize("status", [500, 503, 401, 403])
def test_an_api_that_is_down_or_shut_is_waited_for(made: World, uis: Uis, status: int) -> None:
    uis.status = status
    with pytest.raises(TryLater):
        made.sends.upload(made.site, [order()])


def test_without_a_token_calls_wait_for_it(made: World, uis: Uis) -> None:
    made.secrets.clear()
    with pytest.raises(TryLater, match="crm-uis-api"):
        made.sends.upload(made.site, [order()])


def test_one_bad_call_holds_up_no_others(made: World, uis: Uis, capsys: pytest.CaptureFixture[str]) -> None:
    uis.bad = {"bad"}
    with pytest.raises(CrmRefused):
        made.sends.upload(made.site, [order(), order("bad")])  # the queue's worker then sends each alone
    made.sends.upload(made.site, [order()])
    made.sends.upload(made.site, [order("bad")])
    assert list(uis.calls) == ["call-1"]
    assert {"Reason": "refused", "CallNotUploaded": 1} in counted(capsys.readouterr().out)


def test_a_caller_whom_the_vault_forgot_is_counted(made: World, uis: Uis, capsys: pytest.CaptureFixture[str]) -> None:
    made.sends.upload(made.site, [order(phone_hash="gone")])
    assert uis.asked == []
    assert {"Reason": "no_contact", "CallNotUploaded": 1} in counted(capsys.readouterr().out)


def test_a_site_that_switched_it_off_sends_nothing(made: World, uis: Uis) -> None:
    made.site["calls"]["uis"].pop("upload")
    made.sends.upload(made.site, [order()])
    assert uis.asked == []


def test_where_an_address_is_set_uis_is_asked_to_tell_what_became_of_a_call(made: World, uis: Uis) -> None:
    made.secrets["kvartal/crm-uis-callback"] = "https://stats.example/v1/calls/uis/kvartal/t/uploaded"
    made.sends.upload(made.site, [order()])
    address = "https://stats.example/v1/calls/uis/kvartal/t/uploaded"
    assert uis.calls["call-1"]["callback"] == {"url": address, "events": ["processed", "error"]}


def test_calls_of_one_site_are_sent_together_and_a_bad_one_alone_is_left_out(made: World, uis: Uis) -> None:
    uis.bad = {"call-60"}
    never: Any = None
    sites = Sites(lambda _: json.dumps(made.site).encode())
    work = Tasks(sites, never, never, made.sends, lambda *_: None, lambda: made.now, lambda: 0.0)
    texts = [message("kvartal", call, NOW) for place in range(61) if (call := order(f"call-{place}").call)]
    assert work.work([{"messageId": str(place), "receiptHandle": "", "body": text} for place, text in enumerate(texts)]) == []
    assert [len(asked["params"]["calls"]) for asked in uis.asked] == [50, 11, *[1] * 11]
    assert sorted(uis.calls) == sorted(f"call-{place}" for place in range(60))


@pytest.mark.parametrize("call", [None, {}, {"ext_id": 7}, {**order().call._asdict(), "started_at": "x"}])  # type: ignore[union-attr]
def test_what_is_no_call_is_rejected(call: Any) -> None:
    told = {"task": "upload", "site_id": "kvartal", "webhook_id": "c", "received_at": NOW.isoformat(), "call": call}
    assert isinstance(order_of(json.dumps(told)), Rejected)


def test_calls_go_to_uis_out_of_the_vault_alone() -> None:
    own = {"token_sha256": [TOKEN], "upload": {"url": API}}
    with pytest.raises(SettingsError, match="pii: vault"):
        parse_settings({**NUMBERS, "calls": {"uis": own}})


# --- from the door ----------------------------------------------------------------------------------------------------------------


@pytest.fixture
def numbers(monkeypatch: pytest.MonkeyPatch) -> Iterator[Numbers]:
    with moto_dynamodb(monkeypatch) as dynamodb:
        door = Numbers(monkeypatch, dynamodb)
        monkeypatch.setenv("CRM_TASK_QUEUE_URL", QUEUE)
        door.publish({**NUMBERS, "pii": "vault", "calls": {"uis": {"token_sha256": [TOKEN], "upload": {"url": API}}}})
        yield door


def ring(numbers: Numbers, webhook_id: str = "one", **changes: Any) -> None:
    at = numbers.now - timedelta(minutes=5)
    times = {"start_time": at, "agent_answer_time": at + timedelta(seconds=9), "hangup_time": at + timedelta(seconds=129)}
    body = told("answered", call_id="call-1", our_number=NUMBER, client_number=PHONE, duration=120)
    answer = numbers.ring({**body, **{name: value.isoformat() for name, value in times.items()}, **changes}, webhook_id=webhook_id)
    assert answer["statusCode"] == 200, answer["body"]


def queued(numbers: Numbers) -> list[dict[str, Any]]:
    return [json.loads(text) for text in numbers.clients.sqs.messages.get(QUEUE, [])]


def test_an_ended_call_is_queued_once_and_without_its_phone(numbers: Numbers, capsys: pytest.CaptureFixture[str]) -> None:
    ring(numbers)
    ring(numbers)
    ring(numbers, "corrected", duration=121)
    (one,) = queued(numbers)
    assert one["task"] == "upload"
    assert one["call"] | {"ext_id": "", "phone_hash": ""} == {
        "ext_id": "", "phone_hash": "", "is_incoming": True, "number": NUMBER, "is_answered": True,
        "started_at": (numbers.now - timedelta(minutes=5)).isoformat(), "wait_seconds": 9, "talk_seconds": 120,
    }  # fmt: skip
    assert one["call"]["ext_id"] == json.loads(numbers.clients.firehose.lines("calls")[0])["request_id"]
    assert PHONE[1:] not in json.dumps(queued(numbers)) + capsys.readouterr().out
    assert isinstance(order_of(json.dumps(one)), Order)


def test_a_queue_that_fails_is_told_by_the_telephonys_repeat(numbers: Numbers) -> None:
    numbers.clients.sqs.fail("send_message", times=1)
    with pytest.raises(AssertionError):
        ring(numbers)
    ring(numbers)
    assert len(queued(numbers)) == 1


def test_without_the_setting_no_queue_is_asked_for(numbers: Numbers, monkeypatch: pytest.MonkeyPatch) -> None:
    numbers.publish({**NUMBERS, "pii": "vault", "calls": {"uis": {"token_sha256": [TOKEN]}}})
    monkeypatch.delenv("CRM_TASK_QUEUE_URL")
    ring(numbers)
    assert numbers.items("uploaded#") == []
    assert numbers.clients.s3.keys(LAKE, "rejected/") == []
