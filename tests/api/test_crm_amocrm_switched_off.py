"""GET /v1/crm/amocrm/{site}/{token}: amoCRM tells that our integration was switched off."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson
import pytest

from functions.crm_webhook import handler
from functions.crm_webhook.amocrm.switched_off import signature
from shared.security import token_sha256
from shared.settings import parse_settings, published
from tests.api.collect_door import counted
from tests.fakes import FakeClients

TESTS = Path(__file__).parents[1]
EVENT = json.loads((TESTS / "events" / "crm_amocrm.json").read_text())
VECTOR = json.loads((TESTS / "data" / "amocrm" / "uninstall_signature_vector.json").read_text())
TOKEN, SECRET = "crm-path-token-of-the-tests", "/skvoz/test/kvartal/crm-amocrm"


@pytest.fixture
def clients(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeClients]:
    fakes = FakeClients()
    for name, value in {"STAGE": "test", "LAKE_BUCKET": "lake", "FILES_BUCKET": "files", "CRM_QUEUE_URL": "queue"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(handler, "client", fakes)
    settle(fakes)
    fakes.ssm.parameters[SECRET] = VECTOR["client_secret"]
    yield fakes
    handler.door.cache_clear()


def settle(fakes: FakeClients, **amo: Any) -> None:
    crm = {"token_sha256": [token_sha256(TOKEN)], "amocrm": amo, "pipedrive": {}}
    site = parse_settings({"site_id": "kvartal", "name": "Квартал", "hosts": ["kvartal.example"], "crm": crm})
    fakes.s3.put_object(Bucket="files", Key="settings/kvartal/current.json", Body=orjson.dumps(published(site)))
    handler.door.cache_clear()


def asked(query: Mapping[str, str], provider: str = "amocrm", token: str = TOKEN) -> Any:
    event = copy.deepcopy(EVENT)
    event["routeKey"] = event["requestContext"]["routeKey"] = "GET /v1/crm/{provider}/{site}/{token}"
    event["pathParameters"] = {"provider": provider, "site": "kvartal", "token": token}
    event["rawQueryString"] = "&".join(f"{name}={value}" for name, value in query.items())
    event["queryStringParameters"] = dict(query)
    del event["body"], event["isBase64Encoded"]
    return handler.lambda_handler(event, None)


def test_the_published_vector_is_noted_and_told_in_the_log(clients: FakeClients, capsys: pytest.CaptureFixture[str]) -> None:
    assert signature(VECTOR["signed_string"].encode(), VECTOR["client_secret"]).decode() == VECTOR["signature"]
    for amo in ({}, {"account_id": VECTOR["query"]["account_id"]}):
        settle(clients, **amo)
        answer = asked(VECTOR["query"])
        assert (answer["statusCode"], json.loads(answer["body"])) == (200, {"noted": True})
        printed = capsys.readouterr().out
        assert {"Provider": "amocrm", "CrmSwitchedOff": 1} in counted(printed, "CrmSwitchedOff")
        (line,) = [json.loads(text) for text in printed.splitlines() if '"ERROR"' in text]
        assert line["site_id"] == "kvartal"
    assert clients.s3.keys("lake") == []


@pytest.mark.parametrize(
    "query",
    [
        {},
        {**VECTOR["query"], "signature": ""},
        {**VECTOR["query"], "signature": VECTOR["signature"].upper()},
        {**VECTOR["query"], "account_id": "31720447"},
        {**VECTOR["query"], "client_uuid": "bf4359c3-5e4d-51d6-be59-a41e873899ee"},
        {"account_id": VECTOR["query"]["account_id"], "signature": VECTOR["signature"]},
        {**VECTOR["query"], "signature": "\ud83d"},
    ],
)
def test_what_is_not_signed_rings_nothing(clients: FakeClients, query: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert asked(query)["statusCode"] == 401
    printed = capsys.readouterr().out
    assert (list(counted(printed, "CrmSwitchedOff")), '"ERROR"' in printed) == ([], False)
    assert {"Door": "crm-amocrm", "Reason": "signature", "Refused": 1} in counted(printed, "Refused")


def test_without_a_secret_or_with_another_account_it_is_refused(clients: FakeClients, capsys: pytest.CaptureFixture[str]) -> None:
    settle(clients, account_id="31720499")
    assert asked(VECTOR["query"])["statusCode"] == 401
    del clients.ssm.parameters[SECRET]
    handler.door.cache_clear()
    assert asked(VECTOR["query"])["statusCode"] == 401
    assert [one["Reason"] for one in counted(capsys.readouterr().out, "Refused")] == ["account", "no_secret"]


def test_another_crm_is_not_asked_so_and_a_wrong_token_tells_nothing(clients: FakeClients) -> None:
    assert asked(VECTOR["query"], provider="pipedrive")["statusCode"] == 404
    assert [asked(VECTOR["query"], provider=name, token="wrong")["statusCode"] for name in ("amocrm", "pipedrive", "shop")] == [
        401
    ] * 3


def test_a_secret_that_cannot_be_read_is_tried_again(clients: FakeClients) -> None:
    clients.ssm.fail("get_parameter")
    assert asked(VECTOR["query"])["statusCode"] == 503
