"""What the tests of telephonies that sign share: requests as the gateway gives them, the story's visitors, the record of a call."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl
from zoneinfo import ZoneInfo

from functions.numberpool.pbx.adapter import Adapter, Heard, Reading
from functions.numberpool.pbx.event import Call, CallEvent, State, call_of, merged
from shared.http import request_of
from shared.identity import phone_hash
from shared.times import lake_text, to_millis
from tests.api.numbers_door import CALLS, LAKE, SETTINGS, TABLE, Numbers, recorded, visitor_id

DATA = Path(__file__).parents[1] / "data"
STORY: dict[str, Any] = json.loads((DATA / "story.json").read_text("utf-8"))
# The story only says that D called; the times are those of tests/api/test_story_living.py.
D_CALL: dict[str, Any] = {
    "start": "2026-10-28T12:36:00+03:00", "answer": "2026-10-28T12:36:11+03:00", "end": "2026-10-28T12:38:32+03:00",
    "from": STORY["clients"]["D"]["phone_e164"], "to": "+74950000034", "wait_s": 11, "talk_s": 141, "answered": True,
}  # fmt: skip
STORY_CALLS: dict[str, dict[str, Any]] = {**STORY["calls"], "D": D_CALL}
VISITORS = {"A": 1, "B": 2, "D": 4}
FORM = "application/x-www-form-urlencoded"


def payload(provider: str, name: str) -> bytes:
    return (DATA / "telephony" / provider / name).read_bytes()


def vectors(provider: str) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(payload(provider, "signature_vectors.json"))
    return told


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def open_door(numbers: Numbers, provider: str, secret: str, routes: Sequence[Mapping[str, Any]] = (), **own: Any) -> None:
    """The site's settings name the telephony, and its secret is set."""
    numbers.clients.ssm.parameters[f"/skvoz/test/kvartal/calls-{provider}"] = secret
    numbers.publish(
        {**SETTINGS, "calls": {provider: own, "routes": list(routes), "recordings": {"hosts": ["records.pbx.example"]}}}
    )


def gateway_event(
    provider: str,
    body: bytes,
    headers: Mapping[str, str] | None = None,
    *,
    rest: str = "",
    query: str = "",
    site: str = "kvartal",
    method: str = "POST",
) -> dict[str, Any]:
    """An event as API Gateway makes it: forms travel as base64."""
    event = recorded("calls_generic_post")
    path = {"provider": provider, "site": site, **({"rest": rest} if rest else {})}
    event["routeKey"] = f"{method} /v1/calls/{{provider}}/{{site}}" + ("/{rest+}" if rest else "")
    event |= {"pathParameters": path, "rawQueryString": query, "queryStringParameters": dict(parse_qsl(query))}
    event["requestContext"]["routeKey"] = event["routeKey"]
    event["headers"] = {"host": "hits.kvartal.example", "content-type": FORM, **(headers or {})}
    event |= {"body": base64.b64encode(body).decode(), "isBase64Encoded": True}
    return event


def holds(numbers: Numbers, client: str, number: str, until: datetime) -> None:
    """The client is on the site for five minutes before, with a sign of life each minute; the pool has just this number free."""
    numbers.fill(number)
    numbers.now = until - timedelta(minutes=5)
    given = numbers.lease(VISITORS[client])
    assert given["number"] == number
    while numbers.now < until:
        numbers.later(seconds=60)
        assert numbers.renew(VISITORS[client], given)


def latest(numbers: Numbers, call_id: str) -> dict[str, Any]:
    """The record of a call that counts: the one that was told last."""
    return max((record for record in numbers.stored() if record["call_id"] == call_id), key=lambda record: record["received_at"])


def content(record: Mapping[str, Any]) -> dict[str, Any]:
    """A record without what every storing makes anew."""
    return {name: value for name, value in record.items() if name not in ("record_id", "received_at")}


def check_story(record: Mapping[str, Any], client: str, *, wait: int | None = None, talk: int | None = None) -> None:
    """The record tells the client's call, and the call is his, by the number that he held. `wait`, `talk`: where a telephony tells
    them otherwise than the story."""
    call = STORY_CALLS[client]
    assert (record["resolved_by"], record["visitor_id"]) == ("lease", visitor_id(VISITORS[client]))
    assert record["occurred_at"] == lake_text(at(call["start"]))
    assert (record["direction"], record["number"]) == ("in", call["to"])
    assert record["phone_hash"] == phone_hash(call["from"], b"key-of-the-hashes")
    assert record["is_answered"] == call["answered"]
    assert record.get("wait_seconds") == wait
    assert record["talk_seconds"] == (call["talk_s"] if talk is None else talk)


def forget_calls(numbers: Numbers) -> None:
    """As if nobody had called: leases stay."""
    for prefix in ("call#", "caller#"):
        for item in numbers.items(prefix):
            numbers.dynamodb.delete_item(TableName=TABLE, Key={"pk": item["pk"], "sk": item["sk"]})
    numbers.clients.firehose.records.pop(CALLS, None)


def state_of(numbers: Numbers) -> list[Any]:
    """All that an event of a call may change. A repeat may hand over the same record once more."""
    records = {json.dumps(record, sort_keys=True) for record in numbers.stored()}
    return [sorted(records), sorted(map(str, numbers.items("call#"))), sorted(map(str, numbers.items("caller#")))]


def rejected(numbers: Numbers, provider: str) -> list[str]:
    """Reasons of what the door rejected."""
    keys = numbers.clients.s3.keys(LAKE, f"rejected/calls-{provider}/")
    return [json.loads(line)["reason"] for key in keys for line in numbers.clients.s3.body(LAKE, key).splitlines()]


def read(adapter: Adapter, event: dict[str, Any], now: datetime, own: Mapping[str, Any] | None = None) -> Reading:
    """What the adapter reads, without proof and store."""
    event["requestContext"]["timeEpoch"] = to_millis(now)
    rest = event["pathParameters"].get("rest", "")
    site = {"site_id": "kvartal", "time_zone": "Europe/Moscow"}
    return adapter.read(Heard(request_of(event), site, own or {}, ZoneInfo("Europe/Moscow"), rest, ""))


def call_from(events: Iterable[CallEvent]) -> Call | None:
    """The call that these events tell, arriving in this order; what is known already is passed over, as the store does."""
    state: State = {}
    seen: set[str] = set()
    for place, event in enumerate(events):
        if event.event_id not in seen:
            seen.add(event.event_id)
            weight, told = event.order
            state = merged(state, event._replace(order=(weight, place if told is None else told)), event.caller)
    return call_of(state)


def events_of(readings: Sequence[Reading]) -> list[CallEvent]:
    return [event for reading in readings for event in reading.events]
