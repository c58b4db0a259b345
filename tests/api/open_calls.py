"""The calls' doors of telephonies that cannot sign, and of Asterisk: requests as they arrive, and the story's clients on the
site."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl
from zoneinfo import ZoneInfo

import orjson

from functions.numberpool.pbx.adapter import Heard
from functions.numberpool.pbx.event import Call, call_of, merged
from functions.numberpool.pbx.providers import ADAPTERS
from shared.http import Request
from shared.identity import phone_hash
from shared.security import sign_webhook, token_sha256
from shared.settings import parse_settings, published
from shared.times import lake_text, to_millis
from tests.api.numbers_door import LAKE, SETTINGS, Numbers, body_of, recorded, visitor_id

DATA = Path(__file__).parents[1] / "data"
STORY: dict[str, Any] = json.loads((DATA / "story.json").read_text("utf-8"))
CALLS, CLIENTS = STORY["calls"], STORY["clients"]
# D's call is not in the story; it agrees with his visit of 28 October.
D_CALL = {
    "start": "2026-10-28T12:36:00+03:00", "answer": "2026-10-28T12:36:11+03:00", "end": "2026-10-28T12:38:32+03:00",
    "from": "+79000000063", "to": "+74950000034", "wait_s": 11, "talk_s": 141, "total_s": 152, "answered": True,
}  # fmt: skip
VISITORS = {"A": 1, "B": 2, "C": 3, "D": 4}
TOKEN = "open-door-token-of-the-telephony"
OTHER_TOKEN = "another-site-s-telephony-token"
SECRET = "whsec_gur9KClSBqm3AbzbYDo8lDxrS3NoIeMy"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def example(name: str) -> bytes:
    """A telephony's example as it is sent."""
    return (DATA / "telephony" / name).read_bytes()


def example_query(name: str) -> str:
    """The query of the first request of an example, which is told as HTTP."""
    request = next(line for line in example(name).decode().splitlines() if line.startswith("GET "))
    return request.split()[1].partition("?")[2]


def open_settings(provider: str, **own: Any) -> dict[str, Any]:
    """The shop with one telephony's door open."""
    proof = {"contexts": ["from-trunk"]} if provider == "asterisk" else {"token_sha256": [token_sha256(TOKEN)]}
    return {**SETTINGS, "calls": {provider: {**proof, **own}, "recordings": {"hosts": ["records.pbx.example"]}}}


def publish(numbers: Numbers, provider: str, **own: Any) -> None:
    """The shop, and beside it a shop with a token of its own."""
    numbers.publish(open_settings(provider, **own))
    other = {"site_id": "other", "name": "Other", "hosts": ["other.example"]}
    proof = {"contexts": ["from-trunk"]} if provider == "asterisk" else {"token_sha256": [token_sha256(OTHER_TOKEN)]}
    numbers.publish({**other, "calls": {provider: proof}})
    numbers.publish({**other, "site_id": "closed", "name": "Closed"})


def send(
    numbers: Numbers,
    provider: str,
    body: bytes | str | dict[str, Any] = b"",
    *,
    query: str = "",
    rest: str = TOKEN,
    site: str = "kvartal",
    headers: dict[str, str] | None = None,
) -> dict[str, Any]:
    """One request, GET where there is no body; bytes that are no UTF-8 travel as base64, as the gateway sends them."""
    raw = orjson.dumps(body) if isinstance(body, dict) else body.encode() if isinstance(body, str) else body
    event = recorded("calls_generic_post")
    route = "/v1/calls/{provider}/{site}" + ("/{rest+}" if rest else "")
    event["routeKey"] = event["requestContext"]["routeKey"] = f"{'POST' if raw else 'GET'} {route}"
    event["pathParameters"] = {"provider": provider, "site": site} | ({"rest": rest} if rest else {})
    event["rawQueryString"], event["queryStringParameters"] = query, dict(parse_qsl(query))
    event["headers"] = {"content-type": "text/plain", **(headers or {})}
    try:
        event["body"], event["isBase64Encoded"] = raw.decode(), False
    except UnicodeDecodeError:
        event["body"], event["isBase64Encoded"] = base64.b64encode(raw).decode(), True
    return numbers.call(event)


def sent(numbers: Numbers, provider: str, body: bytes | str | dict[str, Any] = b"", **how: Any) -> dict[str, Any]:
    """The answer to a request that is taken."""
    answer = send(numbers, provider, body, **how)
    assert answer["statusCode"] == 200, answer["body"]
    told: dict[str, Any] = body_of(answer)
    return told


def send_signed(numbers: Numbers, body: bytes | dict[str, Any], secret: str = SECRET, site: str = "kvartal") -> dict[str, Any]:
    """A body of Asterisk's poster."""
    raw = orjson.dumps(body) if isinstance(body, dict) else body
    return send(numbers, "asterisk", raw, rest="", site=site, headers=sign_webhook(raw, "msg_1", secret, numbers.now))


def sees(numbers: Numbers, client: str, number: str, first: datetime, last: datetime) -> None:
    """The client is on the site from `first` to `last`, with a sign of life each minute; the pool has just this number free."""
    numbers.fill(number)
    numbers.now = first
    given = numbers.lease(VISITORS[client])
    assert given["number"] == number
    while numbers.now < last:
        numbers.later(seconds=60)
        assert numbers.renew(VISITORS[client], given)


def visits(numbers: Numbers) -> None:
    """A, B and D before their calls, by the story; the clock is a minute after D's call."""
    a, b = CALLS["A"], CALLS["B"]
    sees(numbers, "A", a["to"], at(CLIENTS["A"]["first_visit"]), at(a["start"]))
    sees(numbers, "B", b["to"], at(b["start"]) - timedelta(minutes=6), at(b["start"]) - timedelta(minutes=1))
    sees(numbers, "D", D_CALL["to"], at(D_CALL["start"]) - timedelta(minutes=6), at(D_CALL["start"]) - timedelta(minutes=1))
    numbers.now = at(D_CALL["end"]) + timedelta(minutes=1)


def calls(numbers: Numbers) -> dict[str, dict[str, Any]]:
    """Number that was called → its call's latest record. Of a call without a number there is none."""
    latest = {record["call_id"]: record for record in sorted(numbers.stored(), key=lambda record: record["received_at"])}
    return {record["number"]: record for record in latest.values()}


def check_story(numbers: Numbers, clients: str = "ABD", timed: bool = True) -> None:
    """Each client's call is his by his lease, and as long as the story says; `timed`: wait and talk are told."""
    found = calls(numbers)
    assert len(found) == len(clients) == len({record["call_id"] for record in numbers.stored()})
    for client in clients:
        call = D_CALL if client == "D" else CALLS[client]
        record = found[call["to"]]
        assert (record["resolved_by"], record["visitor_id"]) == ("lease", visitor_id(VISITORS[client]))
        assert (record["direction"], record["occurred_at"]) == ("in", lake_text(at(call["start"])))
        assert record["phone_hash"] == phone_hash(call["from"], b"key-of-the-hashes")
        assert record["is_answered"] == call["answered"]
        if timed:
            assert (record["wait_seconds"], record["talk_seconds"]) == (call["wait_s"], call["talk_s"])


def call_told(provider: str, requests: list[dict[str, Any]], now: datetime, settings: dict[str, Any]) -> Call | None:
    """The call as these requests tell it, in this order, without the door: `body` and `rest` of each."""
    site = published(parse_settings(settings))
    state: dict[str, Any] = {}
    for told in requests:
        raw = told["body"] if isinstance(told["body"], bytes) else orjson.dumps(told["body"])
        request = Request("", {}, {}, {}, {}, raw, "", now, "")
        heard = Heard(request, site, site["calls"][provider], ZoneInfo("Europe/Moscow"), told.get("rest", ""), "")
        for event in ADAPTERS[provider].read(heard).events:
            if event.order[1] is None:
                event = event._replace(order=(event.order[0], to_millis(now)))
            state = merged(state, event, phone_hash(event.caller, b"key") if event.caller else None)
    return call_of(state)


def rejects(numbers: Numbers, provider: str) -> list[dict[str, Any]]:
    s3 = numbers.clients.s3
    return [json.loads(line) for key in s3.keys(LAKE, f"rejected/calls-{provider}/") for line in s3.body(LAKE, key).splitlines()]


def kept(numbers: Numbers) -> list[str]:
    """Keys of everything that the lake's bucket holds of calls."""
    keys: list[str] = numbers.clients.s3.keys(LAKE, "")
    return keys


def stream(name: str, times: list[str]) -> list[dict[str, str]]:
    """Events of an AMI example as the poster sends them, each with the time when it was heard."""
    blocks = [block for block in example(f"asterisk/{name}").decode().split("\r\n\r\n") if block.strip()]
    told = [dict(line.split(": ", 1) for line in block.split("\r\n") if line) for block in blocks]
    return [{**event, "at": moment} for event, moment in zip(told, times, strict=True)]
