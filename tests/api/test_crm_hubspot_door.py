"""The doors of HubSpot and Pipedrive: what proves a webhook, what is kept, what is answered. Their doubles send."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import pytest

from functions.crm_webhook import handler
from infra.doubles.hubspot.server import CLIENT_SECRET, HubSpot
from infra.doubles.pipedrive.server import PASSWORD, Pipedrive
from shared.security import token_sha256
from shared.settings import parse_settings, published
from shared.times import to_millis
from tests.fakes import FakeClients

EVENT = json.loads((Path(__file__).parents[1] / "events" / "crm_generic.json").read_text())
TOKEN = "crm-path-token-of-the-tests"
HOST, QUEUE = "skvoz.example", "https://queue.example/crm"
NOW = datetime(2026, 10, 29, 13, 20, 41, 250_000, tzinfo=UTC)


@pytest.fixture
def clients(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeClients]:
    fakes = FakeClients()
    names = {"STAGE": "test", "LAKE_BUCKET": "lake", "FILES_BUCKET": "files", "CRM_QUEUE_URL": QUEUE}
    for name, value in names.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(handler, "client", fakes)
    doors: dict[str, dict[str, object]] = {"shop": {"hubspot": {}, "pipedrive": {}}, "other": {}}
    for site_id, crm in doors.items():
        told = {
            "site_id": site_id,
            "name": "Shop",
            "hosts": ["shop.example"],
            "crm": {"token_sha256": [token_sha256(TOKEN)], **crm},
        }
        body = orjson.dumps(published(parse_settings(told)))
        fakes.s3.put_object(Bucket="files", Key=f"settings/{site_id}/current.json", Body=body)
    fakes.ssm.parameters["/skvoz/test/shop/crm-hubspot"] = CLIENT_SECRET
    fakes.ssm.parameters["/skvoz/test/shop/crm-pipedrive"] = PASSWORD
    handler.door.cache_clear()
    yield fakes
    handler.door.cache_clear()


def post(
    provider: str, body: str, headers: Mapping[str, str], site: str = "shop", now: datetime = NOW, query: str = "", host: str = HOST
) -> int:
    event = copy.deepcopy(EVENT)
    event |= {"body": body, "rawQueryString": query}
    event["headers"] |= {"host": host, **headers}
    event["pathParameters"] = {"provider": provider, "site": site, "token": TOKEN}
    event["requestContext"]["timeEpoch"] = to_millis(now)
    return int(handler.lambda_handler(event, None)["statusCode"])


@pytest.fixture
def hook() -> tuple[str, dict[str, str]]:
    """A webhook of HubSpot, sent now to our door."""
    with HubSpot(lambda: NOW, hook_url=f"https://{HOST}/v1/crm/hubspot/shop/{TOKEN}") as crm:
        crm.account.put_deal("5001", dealname="Двери Осло")
        return crm.hooks[0]


def test_a_webhook_signed_for_our_address_is_kept_byte_for_byte_and_queued(
    clients: FakeClients, hook: tuple[str, dict[str, str]]
) -> None:
    assert post("hubspot", *hook) == 202
    (key,) = clients.s3.keys("lake", "quarantine/crm-hubspot/")
    assert clients.s3.body("lake", key) == hook[0].encode()
    (message,) = (json.loads(text) for text in clients.sqs.messages[QUEUE])
    assert (message["provider"], message["site_id"], message["key"]) == ("hubspot", "shop", key)


def test_forged_stale_future_and_replayed_elsewhere_are_refused_and_nothing_is_kept(
    clients: FakeClients, hook: tuple[str, dict[str, str]]
) -> None:
    body, headers = hook
    late, early = NOW + timedelta(minutes=5, seconds=1), NOW - timedelta(minutes=5, seconds=1)
    assert post("hubspot", body.replace("5001", "5002"), headers) == 401
    assert post("hubspot", body, {**headers, "x-hubspot-signature-v3": "AAAA"}) == 401
    assert post("hubspot", body, {"content-type": "application/json"}) == 401
    assert post("hubspot", body, headers, now=late) == 401
    assert post("hubspot", body, headers, now=early) == 401
    assert post("hubspot", body, headers, host="elsewhere.example") == 401
    assert post("hubspot", body, headers, query="more=1") == 401
    assert clients.s3.keys("lake") == []


def test_pipedrives_password_is_asked_for_where_it_is_set(clients: FakeClients) -> None:
    with Pipedrive(lambda: NOW) as crm:
        crm.company.put_deal()
        body, headers = crm.hooks[0]
    assert post("pipedrive", body, {**headers, "authorization": "Basic eDp5"}) == 401
    assert post("pipedrive", body, {"content-type": "application/json"}) == 401
    assert clients.s3.keys("lake") == []
    assert post("pipedrive", body, headers) == 202
    assert len(clients.s3.keys("lake", "quarantine/crm-pipedrive/")) == 1


def test_a_site_without_the_section_has_no_such_door_and_says_no_more_than_an_unknown_site(
    clients: FakeClients, hook: tuple[str, dict[str, str]]
) -> None:
    assert [post("hubspot", *hook, site=site) for site in ("other", "none")] == [401, 401]
    assert post("pipedrive", *hook, site="other") == 401
    assert clients.s3.keys("lake") == []
