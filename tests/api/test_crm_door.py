"""POST /v1/crm/generic/{site}/{token}: who may post, what is kept, what is answered. Recorded API Gateway events."""

from __future__ import annotations

import base64
import copy
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from functions.crm_webhook import handler
from shared.identity import keyed_hash
from shared.security import sign_webhook, token_sha256
from shared.settings import parse_settings, published
from shared.times import to_millis
from tests.fakes import FakeClients

DATA = Path(__file__).parents[1] / "data" / "standard_webhooks"
EVENT = json.loads((Path(__file__).parents[1] / "events" / "crm_generic.json").read_text())
TOKEN = "crm-path-token-of-the-tests"
WON = (DATA / "deal_won.json").read_bytes()
LOST = (DATA / "deal_lost.json").read_bytes()
NEW_SECRET, OLD_SECRET = "whsec_gur9KClSBqm3AbzbYDo8lDxrS3NoIeMy", "whsec_RaocZ9JpqOgtqpIgTOeVI+n/F8swopiv"
NOW = datetime(2026, 10, 29, 13, 20, 41, 250_000, tzinfo=UTC)
QUEUE = "https://queue.example/crm"


@pytest.fixture
def clients(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeClients]:
    """The door over new fakes; kvartal has two secrets, silent has none."""
    fakes = FakeClients()
    for name, value in {"STAGE": "test", "LAKE_BUCKET": "lake", "FILES_BUCKET": "files", "CRM_QUEUE_URL": QUEUE}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(handler, "client", fakes)
    for site_id in ("kvartal", "silent"):
        crm = {"token_sha256": [token_sha256(TOKEN)]}
        site = parse_settings({"site_id": site_id, "name": "Квартал", "hosts": ["kvartal.example"], "crm": crm})
        fakes.s3.put_object(Bucket="files", Key=f"settings/{site_id}/current.json", Body=orjson.dumps(published(site)))
    fakes.ssm.parameters["/skvoz/test/kvartal/crm-generic"] = f"{NEW_SECRET} {OLD_SECRET}"
    handler.door.cache_clear()
    yield fakes
    handler.door.cache_clear()


def post(
    body: bytes = WON, headers: dict[str, str] | None = None, site: str = "kvartal", token: str = TOKEN, **context: Any
) -> Any:
    event = copy.deepcopy(EVENT)
    event["body"] = body.decode()
    event["headers"] |= headers or {}
    event["pathParameters"] = {"provider": "generic", "site": site, "token": token}
    event["requestContext"] |= context
    return handler.lambda_handler(event, None)


def signed(body: bytes, webhook_id: str = "msg-1", secret: str = NEW_SECRET, now: datetime = NOW) -> dict[str, str]:
    headers = sign_webhook(body, webhook_id, secret, now)
    return {"Webhook-Id": headers.pop("webhook-id"), **headers}


def error_of(answer: Any) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(answer["body"])
    assert body.keys() == {"error"}
    assert body["error"].keys() == {"code", "message", "fields"}
    error: dict[str, Any] = body["error"]
    return error


def test_the_published_vector_is_kept_byte_for_byte_and_queued(clients: FakeClients) -> None:
    answer = post()
    assert answer["statusCode"] == 202
    (key,) = clients.s3.keys("lake")
    assert key.startswith("quarantine/crm-generic/2026/10/29/13/")
    assert clients.s3.body("lake", key) == WON
    (message,) = (json.loads(text) for text in clients.sqs.messages[QUEUE])
    assert message == {
        "provider": "generic",
        "site_id": "kvartal",
        "key": key,
        "webhook_id": keyed_hash("webhook", "msg_kvartal_41870233_won", b"kvartal"),
        "received_at": "2026-10-29T13:20:41.250000+00:00",
    }


def test_a_rotated_signature_header_passes_with_either_secret(clients: FakeClients) -> None:
    header = (DATA / "deal_lost_rotated_keys.headers.txt").read_text().split("webhook-signature: ")[1].splitlines()[0]
    headers = {"Webhook-Id": "msg_kvartal_41872590_lost", "webhook-timestamp": "1792571414", "webhook-signature": header}
    for secrets in (NEW_SECRET, OLD_SECRET, f"{NEW_SECRET} {OLD_SECRET}"):
        clients.ssm.parameters["/skvoz/test/kvartal/crm-generic"] = secrets
        handler.door.cache_clear()
        assert post(LOST, headers, timeEpoch=1792571415000)["statusCode"] == 202


def test_a_body_that_arrives_as_base64_is_verified_on_its_bytes(clients: FakeClients) -> None:
    event = copy.deepcopy(EVENT)
    event |= {"body": base64.b64encode(WON).decode(), "isBase64Encoded": True}
    assert handler.lambda_handler(event, None)["statusCode"] == 202
    assert clients.s3.body("lake", clients.s3.keys("lake")[0]) == WON


def test_every_delivery_is_kept_even_two_of_one_event_in_one_millisecond(clients: FakeClients) -> None:
    for request_id in ("first=", "second="):
        assert post(requestId=request_id)["statusCode"] == 202
    assert len(clients.s3.keys("lake", "quarantine/")) == len(clients.sqs.messages[QUEUE]) == 2


def test_the_queue_names_an_event_by_a_hash_that_repeats_with_its_webhook_id(clients: FakeClients) -> None:
    for number, webhook_id in enumerate(("ivan@mail.ru", "ivan@mail.ru", "petr@mail.ru")):
        answer = post(WON, signed(WON, webhook_id), requestId=str(number))
        assert json.loads(answer["body"])["webhook_id"] == webhook_id
    first, again, other = (json.loads(text)["webhook_id"] for text in clients.sqs.messages[QUEUE])
    assert first == again != other
    assert "mail.ru" not in "".join(clients.sqs.messages[QUEUE]) + "".join(clients.s3.keys("lake"))


def test_unknown_site_and_wrong_token_get_the_same_answer(clients: FakeClients) -> None:
    answers = [post(site="kvartal", token="wrong"), post(site="nobody"), post(site="../../x"), post(site=""), post(token="")]
    assert {answer["statusCode"] for answer in answers} == {401}
    assert len({answer["body"] for answer in answers}) == 1
    assert clients.s3.keys("lake") == []


@pytest.mark.parametrize(
    ("headers", "part"),
    [
        ({"webhook-signature": "v1a,nQMHfCFuz3dtjt7TVyvCCvy4doa7aoGSRLyL9oOjgdI="}, "signature"),
        ({"webhook-signature": "v1,Z/3yyvZHCSLStb8TEjF3noUOtyz4KspC/FoppZJ7URo="}, "signature"),
        ({"webhook-signature": ""}, "signature"),
        ({"webhook-signature": "v1,é"}, "signature"),
        ({"Webhook-Id": "another"}, "signature"),
        ({"Webhook-Id": ""}, "webhook-id"),
        ({"Webhook-Id": "м"}, "webhook-id"),
        ({"Webhook-Id": "\ud800"}, "webhook-id"),
        ({"Webhook-Id": "x" * 201}, "webhook-id"),
        ({"webhook-timestamp": "1793279739"}, "five minutes"),
        ({"webhook-timestamp": "99999999999"}, "five minutes"),
        ({"webhook-timestamp": "999999999999"}, "webhook-timestamp"),
        ({"webhook-timestamp": "soon"}, "webhook-timestamp"),
    ],
)
def test_a_forged_signature_is_refused_and_nothing_is_kept(clients: FakeClients, headers: dict[str, str], part: str) -> None:
    answer = post(headers=headers)
    assert answer["statusCode"] == 401
    assert part in error_of(answer)["message"]
    assert clients.s3.keys("lake") == []
    assert clients.sqs.messages == {}


def test_a_replay_after_five_minutes_is_refused(clients: FakeClients) -> None:
    assert post(timeEpoch=1793280340000)["statusCode"] == 202
    assert post(timeEpoch=1793280341000)["statusCode"] == 401


def test_a_changed_body_is_refused(clients: FakeClients) -> None:
    assert post(WON.replace(b"186400.00", b"986400.00"))["statusCode"] == 401


def test_a_site_without_a_signing_secret_takes_nothing(clients: FakeClients) -> None:
    answer = post(site="silent")
    assert answer["statusCode"] == 401
    assert "no signing secret" in error_of(answer)["message"]


@pytest.mark.parametrize("secret", ["whsec_", "short", "whsec_not base64!", "AAAA"])
def test_a_secret_that_is_no_strong_key_signs_nothing(clients: FakeClients, secret: str) -> None:
    clients.ssm.parameters["/skvoz/test/kvartal/crm-generic"] = secret
    body = b"{}"
    try:
        headers = signed(body, secret=secret)
    except ValueError:
        headers = {}
    assert post(body, headers)["statusCode"] == 401


@pytest.mark.parametrize("body", [b"", b"[]", b'"text"', b"{", b'{"a":1e999}', b"null", b'{"a":"\x01"}', b"[" * 5000])
def test_a_signed_body_that_is_no_json_object_is_bad_input(clients: FakeClients, body: bytes) -> None:
    answer = post(body, signed(body))
    assert answer["statusCode"] == 400
    assert error_of(answer)["code"] == "bad_input"
    assert clients.sqs.messages == {}


def test_the_body_may_have_256_kb_and_not_one_byte_more(clients: FakeClients) -> None:
    largest = b'{"a":"' + b"x" * (256 * 1024 - 8) + b'"}'
    assert len(largest) == 256 * 1024
    assert post(largest, signed(largest))["statusCode"] == 202
    larger = largest + b" "
    assert error_of(post(larger, signed(larger)))["code"] == "too_large"


@pytest.mark.parametrize("refusing", ["put_object", "send_message", "get_object", "get_parameter"])
def test_a_store_that_refuses_means_try_later_and_then_works(clients: FakeClients, refusing: str) -> None:
    fake = {"send_message": clients.sqs, "get_parameter": clients.ssm}.get(refusing, clients.s3)
    fake.fail(refusing)
    answer = post()
    assert answer["statusCode"] == 503
    assert answer["headers"]["retry-after"] == "30"
    assert error_of(answer)["code"] == "try_later"
    clients.heal()
    later = NOW + timedelta(seconds=30)  # when the sender is told to come back
    assert post(timeEpoch=to_millis(later))["statusCode"] == 202
    assert len(clients.sqs.messages[QUEUE]) == 1


def test_another_route_is_not_found(clients: FakeClients) -> None:
    assert handler.lambda_handler({**EVENT, "routeKey": "GET /v1/crm"}, None)["statusCode"] == 404


def test_no_answer_and_no_log_repeats_the_token_or_the_body(clients: FakeClients, capsys: pytest.CaptureFixture[str]) -> None:
    clients.s3.fail("put_object")
    answers = [post(), post(token="guess-me-if-you-can"), post(b"{", signed(b"{"))]
    told = capsys.readouterr()
    text = json.dumps(answers) + told.out + told.err
    for secret in (TOKEN, "guess-me-if-you-can", "Лугова", "+79000000017", NEW_SECRET):
        assert secret not in text


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(), lambda c: st.lists(c) | st.dictionaries(st.text(), c)
)
HEADER = st.text(st.characters(blacklist_categories=("Cs",)), max_size=60)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    body=st.text(st.characters(blacklist_categories=("Cs",))) | JSON.map(json.dumps),
    headers=st.fixed_dictionaries(
        {}, optional={"Webhook-Id": HEADER, "webhook-timestamp": HEADER | st.integers().map(str), "webhook-signature": HEADER}
    ),
    is_signed=st.booleans(),
    site=st.sampled_from(["kvartal", "silent", "nobody"]) | st.text(max_size=50),
    token=st.just(TOKEN) | st.text(max_size=50),
    is_base64=st.booleans(),
)
def test_no_input_makes_a_5xx(
    clients: FakeClients, body: str, headers: dict[str, str], is_signed: bool, site: str, token: str, is_base64: bool
) -> None:
    event = copy.deepcopy(EVENT)
    event["body"], event["isBase64Encoded"] = body, is_base64
    event["headers"] |= signed(body.encode()) if is_signed else headers
    event["pathParameters"] = {"provider": "generic", "site": site, "token": token}
    answer = handler.lambda_handler(event, None)
    assert answer["statusCode"] in (202, 400, 401, 413)
    if answer["statusCode"] != 202:
        error_of(answer)
