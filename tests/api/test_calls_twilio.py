"""Twilio tells of calls: what proves a request, and that nothing else is believed (tests/data/telephony/twilio)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from functions.numberpool.pbx.providers.twilio_proof import spellings
from tests.api.numbers_door import SETTINGS, Numbers, counted, moto_dynamodb
from tests.api.signed_calls import gateway_event, open_door, payload, rejected, state_of, vectors

VECTORS = vectors("twilio")
TOKEN = VECTORS["auth_token"]
URL = "https://hits.kvartal.example/v1/calls/twilio/kvartal"
NOW = datetime(2026, 10, 12, 7, 55, 36, tzinfo=UTC)
ROUTES = [{"to": "+74950000010"}]
RINGING = dict(parse_qsl(payload("twilio", "voice_inbound.form.txt").decode(), keep_blank_values=True))
COMPLETED = dict(parse_qsl(payload("twilio", "status_callback_completed.form.txt").decode(), keep_blank_values=True))


@pytest.fixture
def numbers(monkeypatch: pytest.MonkeyPatch) -> Iterator[Numbers]:
    with moto_dynamodb(monkeypatch) as dynamodb:
        made = Numbers(monkeypatch, dynamodb)
        open_door(made, "twilio", TOKEN)
        made.now = NOW
        yield made


def signature(url: str, pairs: list[tuple[str, str]], token: str = TOKEN, algorithm: str = "sha1") -> str:
    text = url + "".join(name + value for name, value in sorted(set(pairs)))
    return base64.b64encode(hmac.new(token.encode(), text.encode(), algorithm).digest()).decode()


def sent(fields: dict[str, str], token: str = TOKEN, url: str = URL, rest: str = "", query: str = "") -> dict[str, Any]:
    """A form as Twilio signs and sends it."""
    address = url + (f"/{rest}" if rest else "") + (f"?{query}" if query else "")
    given = signature(address, list(fields.items()), token)
    return gateway_event("twilio", urlencode(fields).encode(), {"x-twilio-signature": given}, rest=rest, query=query)


def as_told(vector: dict[str, Any]) -> dict[str, Any]:
    """The request of a vector, as it comes through a proxy at the vector's address."""
    query = vector["url"].partition("?")[2]
    if "form_file" in vector or "body_file" in vector:
        body = payload("twilio", vector.get("form_file") or vector["body_file"])
    else:
        body = (vector["form"] if "form" in vector else urlencode(vector["params"])).encode()
    headers = {"x-twilio-signature": vector["signature"]}
    if "settings_header" in vector:
        headers["x-twilio-webhooks-signature-settings"] = vector["settings_header"]
    return gateway_event("twilio", body, headers, query=query)


@pytest.mark.parametrize("vector", VECTORS["vectors"], ids=lambda vector: vector["name"])
def test_every_vector_verifies(numbers: Numbers, vector: dict[str, Any]) -> None:
    """What the vectors leave out of a body may make it a 400; a proof that fails is a 401."""
    open_door(numbers, "twilio", TOKEN, ROUTES, url=vector["url"].partition("?")[0])
    bodies_of_calls = "form_file" in vector or "body_file" in vector
    assert numbers.call(as_told(vector))["statusCode"] in ((200,) if bodies_of_calls else (200, 400))


@pytest.mark.parametrize("bad", VECTORS["must_fail"], ids=lambda bad: bad["why"])
def test_what_must_fail_is_refused(numbers: Numbers, bad: dict[str, Any]) -> None:
    open_door(numbers, "twilio", TOKEN, url=bad["url"].partition("?")[0])
    assert numbers.call(as_told(bad))["statusCode"] == 401
    assert numbers.items("call#") == []


def test_the_recorded_lambda_event_verifies(numbers: Numbers) -> None:
    """Its body is base64, its header names are lower case."""
    told: dict[str, Any] = json.loads(payload("twilio", "lambda_event_base64.json"))
    assert base64.b64decode(told["body"]) == payload("twilio", "voice_inbound.form.txt")
    event = gateway_event("twilio", b"", told["headers"], query=told["rawQueryString"])
    open_door(numbers, "twilio", TOKEN, ROUTES, url="https://kvartal.example/in/twilio/kvartal")
    answer = numbers.call(event | {"body": told["body"]})
    assert (answer["statusCode"], answer["headers"]["content-type"]) == (200, "text/xml")
    assert "<Number>+74950000010</Number>" in answer["body"]


@pytest.mark.parametrize("port", ["", ":443"])
@pytest.mark.parametrize("rest", ["", "status", "a b"])
@pytest.mark.parametrize("query", ["", "step=start&empty=&x=%2B7"])
def test_without_a_proxy_the_address_is_that_of_the_request(numbers: Numbers, port: str, rest: str, query: str) -> None:
    """The gateway has decoded the path."""
    event = sent(COMPLETED, url=URL.replace(".example/", f".example{port}/"), rest=rest.replace(" ", "%20"), query=query)
    if rest:
        event["pathParameters"]["rest"] = rest
    assert numbers.call(event)["statusCode"] == 200


def test_an_address_is_tried_with_and_without_its_port() -> None:
    assert spellings("https://a.example/x?y=1") == ["https://a.example/x?y=1", "https://a.example:443/x?y=1"]
    assert spellings("http://a.example?y=1") == ["http://a.example?y=1", "http://a.example:80?y=1"]
    assert spellings("https://a.example:8443/x") == ["https://a.example:8443/x", "https://a.example/x"]
    assert spellings("no address") == ["no address"]


def test_a_get_is_signed_by_its_address_alone(numbers: Numbers) -> None:
    query = urlencode(COMPLETED)
    headers = {"x-twilio-signature": signature(f"{URL}?{query}", [])}
    assert numbers.call(gateway_event("twilio", b"", headers, query=query, method="GET"))["statusCode"] == 200
    assert len(numbers.stored()) == 1


def with_header(event: dict[str, Any], **headers: str) -> dict[str, Any]:
    return event | {"headers": {**event["headers"], **{name.replace("_", "-"): value for name, value in headers.items()}}}


BODY = urlencode(COMPLETED).encode()
GIVEN = {"x-twilio-signature": signature(URL, list(COMPLETED.items()))}
JSON = payload("twilio", "json_callback.json")
HASHED = f"bodySHA256={hashlib.sha256(JSON).hexdigest()}"
JSON_GIVEN = {"x-twilio-signature": signature(f"{URL}?{HASHED}", [])}


@pytest.mark.parametrize(
    "event",
    [
        sent(COMPLETED, token="another-token-of-somebody"), gateway_event("twilio", BODY), with_header(sent(COMPLETED),
        host="evil.example"),
        gateway_event("twilio", BODY.replace(b"CallDuration=208", b"CallDuration=9"), GIVEN),
        gateway_event("twilio", BODY[:-30], GIVEN),
        gateway_event("twilio", BODY + b"&Extra=", GIVEN), gateway_event("twilio", BODY, GIVEN, query="step=end"),
        gateway_event("twilio", BODY, GIVEN, rest="other"), gateway_event("twilio", b"\xff%ff&=", GIVEN),
        gateway_event("twilio", BODY, {"x-twilio-signature": GIVEN["x-twilio-signature"][:-4]}),
        gateway_event("twilio", BODY, {"x-twilio-signature": "подпись \ud800"}), gateway_event("twilio", b"a&" * 20_000, GIVEN),
        with_header(sent(COMPLETED), x_twilio_webhooks_signature_settings="key=k,algorithm=HMAC_MD5"),
        with_header(sent(COMPLETED), x_twilio_webhooks_signature_settings="key=k,algorithm=HMAC_SHA256"),
        with_header(sent(COMPLETED), host="\ud800"), gateway_event("twilio", JSON + b" ", JSON_GIVEN, query=HASHED),
        gateway_event("twilio", JSON, JSON_GIVEN), gateway_event("twilio", BODY, JSON_GIVEN, query=HASHED),
        gateway_event("twilio", b"", {}, query="", method="GET"),
    ],
    ids=[
        "forged", "no signature", "another host", "changed", "truncated", "one more field", "another query", "another path"
        , "no form",
        "short signature", "no ascii", "too many fields", "unknown algorithm", "another algorithm", "half a character"
        , "changed JSON",
        "JSON without its hash", "a form for JSON", "bare look",
    ],
)  # fmt: skip
def test_what_is_not_signed_with_the_sites_token_changes_nothing(
    numbers: Numbers, event: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert numbers.call(event)["statusCode"] == 401
    assert (numbers.items("call#"), numbers.stored()) == ([], [])
    assert {"Refused": 1, "Door": "calls-twilio", "Reason": "signature"}.items() <= counted(capsys.readouterr().out)[-1].items()


def test_another_sites_signature_is_refused(numbers: Numbers) -> None:
    numbers.clients.ssm.parameters["/skvoz/test/dacha/calls-twilio"] = "another-token-of-twilio"
    numbers.publish({**SETTINGS, "site_id": "dacha", "calls": {"twilio": {}}})
    assert numbers.call(sent(COMPLETED, "another-token-of-twilio"))["statusCode"] == 401
    theirs = URL.replace("kvartal", "dacha").replace("hits.dacha", "hits.kvartal")
    for token, status in ((TOKEN, 401), ("another-token-of-twilio", 200)):
        event = sent(COMPLETED, token, theirs)
        event["pathParameters"]["site"] = "dacha"
        assert numbers.call(event)["statusCode"] == status


@pytest.mark.parametrize("secret", ["", "short-token"])
def test_without_a_usable_token_nothing_is_believed(numbers: Numbers, secret: str) -> None:
    open_door(numbers, "twilio", secret)
    assert numbers.call(sent(COMPLETED, secret))["statusCode"] == 401


def test_while_rotating_the_old_and_the_new_token_are_valid(numbers: Numbers) -> None:
    open_door(numbers, "twilio", f"a-brand-new-token-of-twilio {TOKEN}")
    assert [numbers.call(sent(COMPLETED, token))["statusCode"] for token in (TOKEN, "a-brand-new-token-of-twilio")] == [200, 200]


def test_a_replayed_request_changes_nothing_and_is_told_nothing(numbers: Numbers) -> None:
    """Also one that does not tell its own time: its call is remembered as long as any lease is."""
    open_door(numbers, "twilio", TOKEN, ROUTES)
    for fields in (RINGING, COMPLETED):
        assert numbers.call(sent(fields))["statusCode"] == 200
    before = state_of(numbers)
    for days in (0, 9, 21):
        numbers.later(days=days)
        assert numbers.call(sent(COMPLETED))["statusCode"] == 200
        assert numbers.call(sent(RINGING))["statusCode"] == 404
        assert state_of(numbers) == before
    (call,) = numbers.items("call#")
    assert int(call["expires_at"]["N"]) >= (NOW + timedelta(days=400)).timestamp()


def test_a_question_of_long_ago_is_not_answered(numbers: Numbers) -> None:
    open_door(numbers, "twilio", TOKEN, ROUTES)
    timed = {**RINGING, "Timestamp": format_datetime(NOW)}
    numbers.later(seconds=31)
    assert numbers.call(sent(timed))["statusCode"] == 404
    numbers.later(seconds=-1)
    assert numbers.call(sent({**timed, "CallSid": "CA-other"}))["statusCode"] == 200


def test_a_request_is_refused_once_its_call_is_forgotten(numbers: Numbers) -> None:
    numbers.later(days=31, minutes=1)
    assert numbers.call(sent(COMPLETED))["statusCode"] == 400
    assert rejected(numbers, "twilio") == ["too_old"]


def test_json_that_tells_of_no_call_is_passed_over_and_broken_json_is_rejected(numbers: Numbers) -> None:
    assert numbers.call(gateway_event("twilio", JSON, JSON_GIVEN, query=HASHED))["statusCode"] == 200
    for body in (b"[]", b"{", b"\xff"):
        query = f"bodySHA256={hashlib.sha256(body).hexdigest()}"
        headers = {"x-twilio-signature": signature(f"{URL}?{query}", [])}
        numbers.later(seconds=1)
        assert numbers.call(gateway_event("twilio", body, headers, query=query))["statusCode"] == 400
    assert rejected(numbers, "twilio") == ["bad_body"] * 3


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    changes=st.dictionaries(
        st.sampled_from(["CallSid", "ParentCallSid", "CallStatus", "Direction", "From", "To", "Timestamp", "CallDuration",
                         "DialCallStatus", "DialCallDuration", "RecordingUrl", "Digits"]),
        st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
        | st.sampled_from(["outbound-api", "outbound-dial", "in-progress", "ringing", "no-answer", "completed", "client:a"
        , "sip:a@b", "9" * 40]),
        min_size=1, max_size=4,
    ),
)  # fmt: skip
def test_no_content_makes_the_door_fail(numbers: Numbers, changes: dict[str, str]) -> None:
    assert numbers.call(sent({**COMPLETED, **changes}))["statusCode"] in (200, 400)
