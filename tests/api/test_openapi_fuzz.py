"""Every operation of docs/openapi.yaml is called with what is described and with what is not, before and behind its door.

Whatever is sent: no 5xx, a described status, content type, headers and body, and errors in the one shape. Over the socket of a
local stack, with the same examples in every run.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from functions.collect import handler as collect_handler
from functions.report.store import Files, Form, Ledger, Page
from infra.local.clock import SimulatedClock
from infra.local.stack import LocalStack
from shared.aws import client
from shared.security import token_sha256
from shared.times import to_millis
from shared.visitors import sign_visitor
from tests.api.openapi import document, is_signed, open_site, operations, signature_headers, signature_headers_of_a_get

NOW = datetime(2026, 10, 29, 13, 20, 41, 250_000, tzinfo=UTC)
SITE, TOKEN, PAGE_TOKEN = "shop", "path-token-of-the-fuzz", "page-token-of-the-fuzz"
VISITOR = "0199d7a1-5c30-7d44-8a55-7f0a1b2c3d4e"
POOL = [f"+7495000003{digit}" for digit in range(6)]
SETTINGS = {
    "site_id": SITE,
    "name": "Shop",
    "hosts": ["shop.example"],
    "pii": "vault",
    "crm": {"token_sha256": [token_sha256(TOKEN)], "amocrm": {}},
    "forms": {"contacts": True},
    "calls": {"uis": {"token_sha256": [token_sha256(TOKEN)]}},
    "numbers": {
        "default": "+74950000001",
        "static": [{"number": "+74950000002", "source": "flyer"}],
    },
}
# What gets behind the doors of those that do not sign as others do: the look whether a telephony's address works, its question with
# a token, and amoCRM's call that an integration was switched off.
SWITCHED_OFF = json.loads((Path(__file__).parents[1] / "data" / "amocrm" / "uninstall_signature_vector.json").read_text())
ASKED = {"cdr_id": "1", "numa": "79000000017", "numb": "74950000030"}
OWN_WAYS: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    "getCall": ({"provider": "zadarma"}, {"zd_echo": "abc"}),
    "getCallBelow": ({"provider": "uis", "rest": f"{TOKEN}/route"}, ASKED),
    "postCallBelow": ({"provider": "uis", "rest": f"{TOKEN}/route"}, ASKED),
    "getCrmSwitchedOff": ({"provider": "amocrm"}, SWITCHED_OFF["query"]),
}
Case = schemathesis.Case[Any]
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
# The same examples everywhere; nothing is shrunk, since a failure prints its request.
BOUNDED = settings(
    max_examples=25,
    derandomize=True,
    deadline=None,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@schemathesis.serializer("text/plain", "application/x-ndjson", "application/gzip")
def as_the_tracker_writes_it(context: schemathesis.SerializationContext, value: Any) -> bytes:
    """JSON under another name, as pages send it; texts and bytes as they are."""
    if isinstance(value, bytes):
        return value
    return value.encode("utf-8", "replace") if isinstance(value, str) else json.dumps(value).encode()


SCHEMA = schemathesis.openapi.from_dict(document())
OPERATIONS = {name: SCHEMA[path][method.upper()] for name, (method, path, _) in operations().items()}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """One site with everything switched on, a pool of numbers and one report."""
    with LocalStack(tmp_path_factory.mktemp("fuzz"), SimulatedClock(NOW)) as stack:
        open_site(stack, SETTINGS, POOL)
        client("ssm").put_parameter(
            Name=f"/skvoz/local/{SITE}/crm-amocrm", Value=SWITCHED_OFF["client_secret"], Type="SecureString"
        )
        forms: dict[Form, bytes] = {"html": b"<p>report</p>", "json": b"{}", "xlsx": b"PK"}
        key = Files(client("s3"), stack.environment["FILES_BUCKET"]).keep(SITE, "page", forms, "report")
        ledger = Ledger(client("dynamodb"), stack.environment["LEDGER_TABLE"])
        ledger.keep_token(PAGE_TOKEN, Page(SITE, key, "recipient", "Shop", "en"), NOW)
        yield stack


@pytest.fixture
def stack(running: LocalStack) -> Iterator[LocalStack]:
    """The running stack; whatever a test sends to it, no function may crash on it."""
    log = running.root / "functions.log"
    before = len(log.read_text(encoding="utf-8"))
    yield running
    assert crashes(log.read_text(encoding="utf-8")[before:]) == []


def prepared(case: Case, url: str) -> requests.PreparedRequest:
    return requests.Request(**case.as_transport_kwargs(base_url=url)).prepare()


def behind_the_door(case: Case, url: str) -> requests.PreparedRequest:
    """The same call with what opens the door: site, path token, visitor's token, origin, signature."""
    method, _, operation = operations()[case.operation.definition.raw["operationId"]]
    opens = {"site": SITE, "token": PAGE_TOKEN if "reports" in case.path else TOKEN, "provider": "generic"}
    for name, value in opens.items():
        if name in (case.path_parameters or {}):
            case.path_parameters[name] = value
    if own := OWN_WAYS.get(case.operation.definition.raw["operationId"]):
        parts, case.query = own
        case.path_parameters.update(parts)
    if "site" in (case.query or {}):
        case.query["site"] = SITE
    if isinstance(case.body, dict) and "site" in case.body:
        case.body = _known(case.body)
    if isinstance(case.body, dict) and isinstance(case.body.get("start_time"), str):
        case.body = _recent(case.body)
    request = prepared(case, url)
    request.headers["Origin"] = "https://shop.example"
    if is_signed(operation):
        address = urlsplit(str(request.url))
        body = request.body or b""
        raw = body.encode() if isinstance(body, str) else body
        assert isinstance(raw, bytes)
        signed = (
            signature_headers_of_a_get(address.path, address.query, "msg-1", NOW)
            if method == "get"
            else signature_headers(raw, "msg-1", NOW)
        )
        request.headers.update(signed)
    return request


def _known(body: dict[str, Any]) -> dict[str, Any]:
    """A body of the tracker that its site's door takes; times of hits within the last days."""
    token = sign_visitor(SITE, VISITOR, NOW, ["secret-of-the-visitors"])
    known = {**body, "site": SITE} | ({"visitor": token} if "visitor" in body else {})
    if isinstance(hits := body.get("hits"), list):
        week = timedelta(days=6) // timedelta(milliseconds=1)
        known["hits"] = [
            {**hit, "t": to_millis(NOW) - hit["t"] % week} if isinstance(hit, dict) and isinstance(hit.get("t"), int) else hit
            for hit in hits
        ]
        known.pop("sent_at", None)
    return known


def _recent(call: dict[str, Any]) -> dict[str, Any]:
    """A call of today to a number of ours: any other is refused for its times."""
    minutes = {"start_time": 10, "agent_answer_time": 9, "hangup_time": 5}
    times = {
        name: (NOW - timedelta(minutes=before)).isoformat() for name, before in minutes.items() if isinstance(call.get(name), str)
    }
    return {**call, **times, "our_number": POOL[0]}


def try_operation(
    stack: LocalStack,
    name: str,
    mode: schemathesis.GenerationMode,
    prepare: Callable[[Case, str], requests.PreparedRequest],
) -> list[int]:
    """Statuses of the answers, each of which kept to the description."""
    statuses: list[int] = []
    with requests.Session() as session:
        session.trust_env = False

        @BOUNDED
        @given(case=OPERATIONS[name].as_strategy(generation_mode=mode))
        def one(case: Case) -> None:
            request = prepare(case, stack.url)
            session.cookies.clear()
            answer = session.send(request, timeout=20, allow_redirects=False)
            statuses.append(answer.status_code)
            case.validate_response(answer, checks=CHECKS)
            if answer.status_code >= 400 and answer.headers["content-type"] == "application/json" and request.method != "HEAD":
                assert answer.json().keys() in ({"error"}, {"message"})

        one()
    return statuses


@pytest.mark.parametrize("name", OPERATIONS)
def test_what_is_described_is_answered_as_described(stack: LocalStack, name: str) -> None:
    statuses = try_operation(stack, name, schemathesis.GenerationMode.POSITIVE, behind_the_door)
    assert {200, 202, 204, 304} & set(statuses), f"no call of {name} got behind its door: {set(statuses)}"


@pytest.mark.parametrize("name", OPERATIONS)
def test_anything_else_behind_the_door_is_answered_as_described(stack: LocalStack, name: str) -> None:
    try_operation(stack, name, schemathesis.GenerationMode.NEGATIVE, behind_the_door)


@pytest.mark.parametrize("name", OPERATIONS)
def test_anything_in_front_of_the_door_is_answered_as_described(stack: LocalStack, name: str) -> None:
    try_operation(stack, name, schemathesis.GenerationMode.NEGATIVE, prepared)


HOSTILE = {
    "nothing": b"",
    "deep list": b"[" * 30_000,
    "deep object": b'{"a":' * 10_000,
    "not utf-8": b"\xff\xfe\x00",
    "a huge number": b'{"site":' + b"9" * 5_000 + b"}",
    "no number": b'{"site": NaN}',
    "half a pair": b'{"site": "\\ud800"}',
    "many fields": b"&".join(b"a%d=%d" % (i, i) for i in range(12_000)),
    "a bracket bomb": b"leads" + b"[add]" * 5_000 + b"=1",
    "a long name": b"a" * 40_000 + b"=1",
    "a gzip bomb": gzip.compress(bytes(30_000_000)),
    "too large": b"x" * 5_000_000,
}


@pytest.mark.parametrize("content", HOSTILE)
def test_hostile_bodies_are_answered_as_described(stack: LocalStack, content: str) -> None:
    for name, (method, path, operation) in operations().items():
        for content_type in operation.get("requestBody", {}).get("content", {}):
            target = path.replace("{site}", SITE).replace("{token}", PAGE_TOKEN if "reports" in path else TOKEN)
            headers = {"content-type": content_type, "origin": "https://shop.example"}
            if is_signed(operation):
                headers |= signature_headers(HOSTILE[content], f"msg-{name}", NOW)
            answer = stack.call(method.upper(), f"{target}?site={SITE}", headers, HOSTILE[content])
            assert answer.status < 500, f"{name}, {content_type}: {answer.body!r}"
            assert str(answer.status) in operation["responses"], f"{name}, {content_type}: {answer.status}"
            if answer.status >= 400:
                assert answer.json().keys() in ({"error"}, {"message"}), name


def crashes(log: str) -> list[str]:
    """Lines of a log of functions that tell of a crash: of one that a door answered with 500, or of a whole function."""
    return [line for line in log.splitlines() if "[ERROR]" in line or '"crash"' in line]


def test_a_crash_would_leave_its_trace(running: LocalStack, monkeypatch: pytest.MonkeyPatch) -> None:
    """What `stack` looks for after each test is what a crash leaves."""
    log = running.root / "functions.log"
    before = len(log.read_text(encoding="utf-8"))

    def fails(_: object) -> None:
        raise RuntimeError("made up")

    monkeypatch.setitem(collect_handler.ROUTES, "GET /skvoz.js", fails)
    assert running.call("GET", "/skvoz.js").status == 500
    assert len(crashes(log.read_text(encoding="utf-8")[before:])) == 1
