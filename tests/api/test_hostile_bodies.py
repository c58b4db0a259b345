"""Every door, behind its door, with a body or query that is right but for one value: nested deep, huge, no number, half a letter.

A hostile value in the place of any field is answered below 500, crashes nothing behind the door and blocks no queue. Bodies that
are hostile as a whole: test_openapi_fuzz.py.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from urllib.parse import quote

import pytest

from infra.local.clock import SimulatedClock
from infra.local.stack import LocalStack
from shared.security import token_sha256
from shared.times import to_millis
from shared.visitors import sign_visitor
from tests.api.openapi import open_site, signature_headers, signature_headers_of_a_get

NOW = datetime(2026, 10, 29, 13, 20, 41, 250_000, tzinfo=UTC)
SITE, TOKEN = "shop", "path-token-of-the-hostile"
VISITOR_TOKEN = sign_visitor(SITE, "0199d7a1-5c30-7d44-8a55-7f0a1b2c3d4e", NOW, ["secret-of-the-visitors"])
POOL = [f"+7495000003{digit}" for digit in range(3)]
ORIGIN = {"origin": "https://shop.example"}
ID = "0199d7a1-5c31-7d44-8a55-7f0a1b2c3d4e"
HOLD = {"number": POOL[0], "id": ID}
PLACE = "\x00"  # stands for the value in a body that is then written
SETTINGS = {
    "site_id": SITE,
    "name": "Shop",
    "hosts": ["shop.example"],
    "pii": "vault",
    "crm": {"token_sha256": [token_sha256(TOKEN)], "amocrm": {}},
    "forms": {"contacts": True},
    "numbers": {"default": "+74950000001", "static": [{"number": "+74950000002", "source": "flyer"}]},
}
HOSTILE = {
    **{f"a list {depth} deep": b"[" * depth + b"]" * depth for depth in (260, 1_000, 1_015, 1_030, 100_000)},
    **{f"an object {depth} deep": b'{"a":' * depth + b"1" + b"}" * depth for depth in (260, 1_000, 1_030, 10_000)},
    "64 bits and one more": b"18446744073709551616",
    "a thousand digits": b"9" * 1_000,
    "a number beyond floats": b"1e400",
    "the largest float": b"-1.7976931348623157e308",
    "the least of 64 bits": b"-9223372036854775808",
    "a fraction": b"0.1",
    "NaN": b"NaN",
    "minus infinity": b"-Infinity",
    "NaN in quotes": b'"NaN"',
    "infinity in quotes": b'"Infinity"',
    "half a pair": b'"\\ud800"',
    "the other half in raw bytes": b'"\xed\xb0\x80"',
    "an object with half a pair for a name": b'{"\\udc00": 1}',
    "a long name": b'{"' + b"k" * 64_000 + b'": 1}',
    "a long text": b'"' + b"8 (900) " * 7_900 + b'"',
    "digits and marks": b'"' + b"1-" * 31_000 + b'"',
    "controls": b'"\\u0000\\u001f\\u007f"',
    "other digits": '"²٣४"'.encode(),
}


class Door(NamedTuple):
    """A call that is taken: its body's fields take turns in being hostile. `is_signed` by Standard Webhooks."""

    path: str
    body: Mapping[str, Any]
    content_type: str = "application/json"
    is_signed: bool = False


HIT = {
    "id": ID, "kind": "form", "t": to_millis(NOW), "url": "https://shop.example/?utm_source=vk", "ref": "https://ya.ru/",
    "title": "T", "name": "n", "screen": "1x1", "lang": "ru", "form": "f", "request_id": "r-1",
    "contact": {"phones": ["8 900 000-00-17"]},
}  # fmt: skip
HEAD = {"site": SITE, "visitor": VISITOR_TOKEN, "consent": "granted", "sent_at": to_millis(NOW), "test": True, "lease": HOLD}
LINE = {
    "type": "request", "occurred_at": NOW.isoformat(), "contact_channel": "call", "phone": "8 900 000-00-17",
    "email": "v@post.example", "request_id": "r-2", "page_url": "https://shop.example/", "referrer": "https://ya.ru/",
    "utm_source": "vk", "is_test": True,
    "talk_seconds": 7, "form_name": "f", "visitor_id": ID, "call_id": "c-1", "site_id": SITE,
}  # fmt: skip
PAYMENT = {
    "type": "payment",
    "occurred_at": NOW.isoformat(),
    "deal_id": "1",
    "amount": "10.00",
    "currency": "RUB",
    "payment_id": "p",
}
HISTORY = {"type": "hit", "occurred_at": NOW.isoformat(), "page_url": "https://shop.example/", "kind": "event", "ip": "192.0.2.1"}
CALL = {
    "call_id": "mango-1", "our_number": POOL[0], "client_number": "89000000017", "is_outgoing": 0, "duration": 60,
    "start_time": (NOW - timedelta(minutes=9)).isoformat(), "agent_answer_time": (NOW - timedelta(minutes=8)).isoformat(),
    "hangup_time": (NOW - timedelta(minutes=7)).isoformat(),
}  # fmt: skip
LEASE = {"site": SITE, "visitor": VISITOR_TOKEN, "page_url": "https://shop.example/", "utm_source": "vk"}
DEAL = {
    "deal_id": "1", "site_id": SITE, "created_at": NOW.isoformat(), "pipeline": "p", "stage": "won", "amount": "10",
    "currency": "RUB", "cost_price": "5", "products": [{"cost": "5", "quantity": "1"}], "request_id": "r-1",
    "call_id": "c", "visitor_id": ID,
    "contact": {"id": "c", "name": "N", "phones": ["12"]}, "utm": {"source": "vk"},
    "reason": "r", "manager": "m", "branch": "b", "order_id": "o", "payment": {"id": "p", "amount": "10", "currency": "RUB"},
}  # fmt: skip
AMO_LEAD = (
    *(f"[{name}]" for name in ("id", "name", "status_id", "price", "last_modified", "created_at", "pipeline_id",
    "responsible_user_id")),
    "[custom_fields][0][id]", "[custom_fields][0][name]", "[custom_fields][0][values][0][value]", "[tags][0][name]",
)  # fmt: skip
AMO_CONTACT = (
    "[id]", "[type]", "[name]", "[last_modified]", "[linked_leads_id][7][ID]", "[custom_fields][0][code]",
    "[custom_fields][0][values][0][value]",
)  # fmt: skip
CLIENT = {"deal_id": "1", "contact": {"name": "N", "phones": ["8 900 000-00-17"], "emails": ["v@post.example"]}}
IMPORT = f"/v1/import?site={SITE}", "application/x-ndjson", True
CRM = f"/v1/crm/generic/{SITE}/{TOKEN}"
DOORS = {
    "a batch of hits": Door("/v1/hits", {**HEAD, "hits": [HIT]}, "text/plain"),
    "a request of an import": Door(IMPORT[0], LINE, *IMPORT[1:]),
    "a request with an id of an import": Door(IMPORT[0], {**LINE, "id": ID}, *IMPORT[1:]),
    "a payment of an import": Door(IMPORT[0], PAYMENT, *IMPORT[1:]),
    "a hit of an import": Door(IMPORT[0], HISTORY, *IMPORT[1:]),
    "a lease": Door("/v1/numbers/lease", LEASE, "text/plain"),
    "a renewal": Door("/v1/numbers/renew", {"site": SITE, "visitor": VISITOR_TOKEN, "lease": HOLD}, "text/plain"),
    "a call": Door(f"/v1/calls/generic/{SITE}", CALL, is_signed=True),
    "a deal of a generic CRM": Door(CRM, {"type": "deal.won", "timestamp": NOW.isoformat(), "data": DEAL}, is_signed=True),
    "a client of a generic CRM": Door(CRM, {"type": "deal.won", "timestamp": NOW.isoformat(), "data": CLIENT}, is_signed=True),
}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    with LocalStack(tmp_path_factory.mktemp("hostile"), SimulatedClock(NOW)) as stack:
        open_site(stack, SETTINGS, POOL)
        yield stack


def variants(body: Any) -> Iterator[Any]:
    """The body with PLACE in turn for each of its values, containers included; and for the name of a field."""
    yield PLACE
    if isinstance(body, dict):
        yield {**body, PLACE: 1}
        for name, value in body.items():
            yield from ({**body, name: variant} for variant in variants(value))
    elif isinstance(body, list):
        for index, value in enumerate(body):
            yield from ([*body[:index], variant, *body[index + 1 :]] for variant in variants(value))


def written(body: Any, value: bytes) -> bytes:
    """JSON with the hostile value in its place; for the name of a field as far as it is one."""
    text = json.dumps(body).encode()
    place = json.dumps(PLACE).encode()
    if place + b":" in text:
        return text.replace(place, value if value.startswith(b'"') else b'"' + value.replace(b'"', b"'") + b'"')
    return text.replace(place, value)


def send(stack: LocalStack, door: Door, body: bytes, number: int) -> int:
    headers = {"content-type": door.content_type, **ORIGIN}
    if door.is_signed:
        headers |= signature_headers(body, f"msg-{number}", NOW)
    answer = stack.call("POST", door.path, headers, body)
    if answer.status >= 400:
        assert answer.json().keys() == {"error"}, answer.body
    return answer.status


@pytest.mark.parametrize("name", DOORS)
def test_what_the_doors_are_tried_with_gets_behind_them(stack: LocalStack, name: str) -> None:
    door = DOORS[name]
    assert send(stack, door, json.dumps(door.body).encode(), 0) in (200, 202)


@pytest.mark.parametrize("content", HOSTILE)
@pytest.mark.parametrize("name", DOORS)
def test_a_hostile_value_in_any_field_is_no_crash(stack: LocalStack, name: str, content: str) -> None:
    door = DOORS[name]
    bodies = {written(body, HOSTILE[content]): None for body in variants(door.body)}
    statuses = {body: send(stack, door, body, number) for number, body in enumerate(bodies)}
    stack.pump()  # what was queued is read behind the door
    assert {body[:300]: status for body, status in statuses.items() if status >= 500} == {}


@pytest.mark.parametrize("content", HOSTILE)
def test_a_hostile_value_in_any_field_of_amocrm_is_no_crash(stack: LocalStack, content: str) -> None:
    """An item for each field, so that one refused item hides nothing of another."""
    value = quote(HOSTILE[content]).encode()
    told = {"leads[status]": AMO_LEAD, "contacts[update]": AMO_CONTACT}
    fields = [
        f"{entity}[{place}]{name}={'VALUE' if name == hostile else '1'}"
        for entity, names in told.items()
        for place, hostile in enumerate(names)
        for name in names
    ]
    for body in (
        "&".join(fields),
        "leads[add][0][id]=1&account[id]=VALUE",
        "leads[add][0][id]=1&leads[add][0][VALUE]=1",
        "VALUE=1",
    ):
        headers = {"content-type": "application/x-www-form-urlencoded"}
        raw = quote(body, safe="=&").encode().replace(b"VALUE", value)
        assert stack.call("POST", f"/v1/crm/amocrm/{SITE}/{TOKEN}", headers, raw).status in (202, 413)
    stack.pump()


@pytest.mark.parametrize("content", HOSTILE)
def test_a_hostile_value_in_an_address_is_no_crash(stack: LocalStack, content: str) -> None:
    value = quote(HOSTILE[content][:2_500])  # three times as long, and the head takes 10 KB
    fields = {"url": "https://shop.example/", "visitor": VISITOR_TOKEN, "kind": "page_view", "id": ID, "ref": "https://ya.ru/",
              "title": "T", "consent": "granted", "site": SITE}  # fmt: skip
    for field in fields:
        query = "&".join(f"{name}={value if name == field else quote(text)}" for name, text in fields.items())
        assert stack.call("GET", f"/v1/hit.gif?{query}").status < 500, field
    for path in (f"/v1/numbers/{value}?site={SITE}", f"/v1/numbers/{quote(POOL[0])}?site={value}"):
        signed = signature_headers_of_a_get(path.partition("?")[0], path.partition("?")[2], "msg-1", NOW)
        assert stack.call("GET", path, signed).status < 500, path[:40]
    for method, path in (
        ("GET", f"/v1/reports/{value}"), ("GET", f"/v1/reports/{value}/unsubscribe"), ("POST", f"/v1/reports/{value}/unsubscribe"),
        ("POST", f"/v1/calls/generic/{value}"), ("POST", f"/v1/crm/generic/{SITE}/{value}"), ("POST", f"/v1/crm/amocrm/{value}/x"),
        ("POST", f"/v1/import?site={value}"),
    ):  # fmt: skip
        assert stack.call(method, path, signature_headers(b"{}", "msg-1", NOW), b"{}").status < 500, path[:40]


@pytest.mark.parametrize("content", HOSTILE)
def test_a_hostile_value_in_the_form_of_unsubscribing_is_no_crash(stack: LocalStack, content: str) -> None:
    headers = {"content-type": "application/x-www-form-urlencoded"}
    for body in (HOSTILE[content], b"action=" + HOSTILE[content], b"List-Unsubscribe=" + HOSTILE[content]):
        assert stack.call("POST", "/v1/reports/no-such-token/unsubscribe", headers, body).status < 500


def test_nothing_of_it_crashed_or_went_back_to_a_queue(stack: LocalStack) -> None:
    log = (stack.root / "functions.log").read_text(encoding="utf-8")
    assert [line for line in log.splitlines() if '"crash"' in line or "[ERROR]" in line or "BackToQueue" in line] == []
    accepted = [json.loads(line) for line in log.splitlines() if '"Accepted"' in line and line.startswith("{")]
    assert {line["Door"] for line in accepted} == {"crm-generic", "crm-amocrm"}, "the queue was not read"
