"""POST /v1/crm/bitrix24/{site}/{token}: the portal's own token in the body, size, and what the door does with bombs."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import orjson
import pytest

from functions.crm_webhook import handler
from shared.security import token_sha256
from shared.times import to_millis
from tests.api.collect_door import counted
from tests.api.crm_bitrix24 import DATA, site_of
from tests.fakes import FakeClients

TOKEN = "crm-path-token-of-the-tests"
QUEUE = "https://queue.example/crm"
NOW = datetime(2026, 10, 29, 13, 20, 38, tzinfo=UTC)
APP, HOOK = "c852b6d67fbb76602020e9a64aea3393", "74cf9e69179ad971459847792266c4f9"
UPDATE, ADD = ((DATA / f"{name}.form.txt").read_bytes() for name in ("deal_update_app", "deal_add_outgoing_webhook"))


@pytest.fixture
def clients(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeClients]:
    """The door over new fakes; the shop's portal has an application and an outgoing webhook, each with its token."""
    fakes = FakeClients()
    for name, value in {"STAGE": "test", "LAKE_BUCKET": "lake", "FILES_BUCKET": "files", "CRM_QUEUE_URL": QUEUE}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(handler, "client", fakes)
    site = site_of()
    site["crm"]["token_sha256"] = [token_sha256(TOKEN)]
    fakes.s3.put_object(Bucket="files", Key="settings/kvartal/current.json", Body=orjson.dumps(site))
    fakes.ssm.parameters["/skvoz/test/kvartal/crm-bitrix24"] = f"{APP} {HOOK}"
    handler.door.cache_clear()
    yield fakes
    handler.door.cache_clear()


def post(body: bytes, token: str = TOKEN, request_id: str = "one=") -> int:
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": "POST /v1/crm/{provider}/{site}/{token}",
        "rawPath": f"/v1/crm/bitrix24/kvartal/{token}",
        "rawQueryString": "",
        "headers": {"content-type": "application/x-www-form-urlencoded", "host": "api.example"},
        "pathParameters": {"provider": "bitrix24", "site": "kvartal", "token": token},
        "requestContext": {
            "requestId": request_id,
            "timeEpoch": to_millis(NOW),
            "http": {"method": "POST", "path": f"/v1/crm/bitrix24/kvartal/{token}", "sourceIp": "203.0.113.7"},
        },
        "body": base64.b64encode(body).decode(),
        "isBase64Encoded": True,
    }
    answer = handler.lambda_handler(event, None)
    return int(answer["statusCode"])


def test_events_of_the_application_and_of_the_webhook_are_kept_and_queued(clients: FakeClients) -> None:
    assert [post(body, request_id=name) for name, body in (("one=", UPDATE), ("two=", ADD))] == [202, 202]
    keys = clients.s3.keys("lake", "quarantine/crm-bitrix24/2026/10/29/13/")
    assert sorted(clients.s3.body("lake", key) for key in keys) == sorted({UPDATE, ADD})
    orders = [json.loads(text) for text in clients.sqs.messages[QUEUE]]
    assert {(order["provider"], order["site_id"]) for order in orders} == {("bitrix24", "kvartal")}
    assert {order["key"] for order in orders} == set(keys)


@pytest.mark.parametrize(
    "body",
    [
        UPDATE.replace(APP.encode(), b"0" * 32),
        UPDATE.replace(APP.encode(), b""),
        UPDATE.replace(APP.encode(), APP[:-1].encode()),
        UPDATE + b"&auth[application_token]=" + b"0" * 32,  # of a name that is given twice the last counts, here as for the adapter
        UPDATE.replace(b"application_token", b"access_token_"),
        b"application_token=" + APP.encode(),
        b"auth=" + APP.encode(),
        f'{{"auth": {{"application_token": "{APP}"}}}}'.encode(),
        b"",
        b"\xff\xfe",
        b"auth%5Bapplication_token%5D=%FF%FE%00",
        b"&".join([b"a=1"] * 10_001) + b"&auth[application_token]=" + APP.encode(),
        b"a[" * 400 + b"=1&auth[application_token]=" + APP.encode(),
    ],
)
def test_a_forged_or_missing_token_is_refused_and_nothing_is_kept(
    clients: FakeClients, body: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    assert post(body) == 401
    assert clients.s3.keys("lake") == []
    assert QUEUE not in clients.sqs.messages
    out = capsys.readouterr().out
    assert [line["Reason"] for line in counted(out, "Refused")] == ["token"]
    assert APP not in out


def test_the_paths_token_is_needed_as_well(clients: FakeClients) -> None:
    assert post(UPDATE, "another") == 401
    assert clients.s3.keys("lake") == []


def test_without_a_secret_every_event_is_refused(clients: FakeClients, capsys: pytest.CaptureFixture[str]) -> None:
    clients.ssm.parameters.clear()
    assert post(UPDATE) == 401
    assert [line["Reason"] for line in counted(capsys.readouterr().out, "Refused")] == ["no_secret"]


def test_five_megabytes_are_refused_before_they_are_read(clients: FakeClients) -> None:
    assert post(UPDATE + b"&x=" + b"1" * 5_000_000) == 413
    assert clients.s3.keys("lake") == []


def test_a_bomb_of_brackets_with_good_proof_is_kept_for_the_worker(clients: FakeClients) -> None:
    pairs = [("auth[application_token]", APP), *((f"data{'[x]' * 30}[{n}]", "1") for n in range(500))]
    assert post(urlencode(pairs).encode()) == 202
