"""The clients of the shop "Kvartal" (tests/data/story.json) by leased numbers: each sees one, calls, and is found again.

The story tells the calls of A and B, and that D called; D's own call is added so that it agrees with his visit of 28 October.
C fills a form and never calls: his leased number must not catch anybody else's call.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from shared.identity import phone_hash
from shared.times import lake_text
from tests.api.numbers_door import Numbers, body_of, moto_dynamodb, told, visitor_id

STORY: dict[str, Any] = json.loads((Path(__file__).parents[1] / "data" / "story.json").read_text("utf-8"))
VISITORS = {"A": 1, "B": 2, "C": 3, "D": 4}


@pytest.fixture
def numbers(monkeypatch: pytest.MonkeyPatch) -> Iterator[Numbers]:
    with moto_dynamodb(monkeypatch) as dynamodb:
        yield Numbers(monkeypatch, dynamodb)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def sees(numbers: Numbers, client: str, number: str, first: datetime, last: datetime) -> None:
    """The client is on the site from `first` to `last`, with a sign of life each minute; the pool has just this number free."""
    numbers.fill(number)
    numbers.now = first
    given = numbers.lease(VISITORS[client])
    assert given["number"] == number
    while numbers.now < last:
        numbers.later(seconds=60)
        assert numbers.renew(VISITORS[client], given)


def rings(numbers: Numbers, body: dict[str, Any]) -> dict[str, Any]:
    """The event of a call, a minute after it ended."""
    numbers.now = at(body["hangup_time"]) + timedelta(minutes=1)
    answer = numbers.ring(body)
    assert answer["statusCode"] == 200, answer["body"]
    found: dict[str, Any] = body_of(answer)
    return found


def test_each_client_who_calls_is_found_by_his_number(numbers: Numbers) -> None:
    clients, calls = STORY["clients"], STORY["calls"]
    a, b = calls["A"], calls["B"]
    sees(numbers, "A", a["to"], at(clients["A"]["first_visit"]), at(a["start"]))
    found_a = rings(numbers, told("answered"))
    sees(numbers, "B", b["to"], at(b["start"]) - timedelta(minutes=6), at(b["start"]) - timedelta(minutes=1))
    found_b = rings(numbers, told("missed"))
    called_back = rings(numbers, told("outgoing"))
    sees(numbers, "C", "+74950000032", at(clients["C"]["first_visit"]), at(clients["C"]["first_visit"]) + timedelta(minutes=9))
    visit = at("2026-10-28T12:30:00+03:00")
    sees(numbers, "D", "+74950000034", visit, visit + timedelta(minutes=5))
    times = {"start_time": visit + timedelta(minutes=6), "agent_answer_time": visit + timedelta(minutes=6, seconds=10)}
    times["hangup_time"] = times["agent_answer_time"] + timedelta(seconds=141)
    named = {"call_id": "kv-pbx-43188960201", "our_number": "84950000034", "client_number": clients["D"]["phone_e164"]}
    d = told("answered", **named, **{name: moment.isoformat() for name, moment in times.items()}, duration=141)
    found_d = rings(numbers, d)

    assert [(f["resolved_by"], f["visitor_id"]) for f in (found_a, found_b, found_d)] == [
        ("lease", visitor_id(VISITORS[client])) for client in "ABD"
    ]
    assert called_back == {"request_id": None, "resolved_by": "caller", "visitor_id": visitor_id(VISITORS["B"])}
    records = {(r["call_id"], r["direction"]): r for r in numbers.stored()}
    for client, call_id in (("A", "kv-pbx-41791526003"), ("B", "kv-pbx-41994360114")):
        record, call = records[call_id, "in"], calls[client]
        assert record["occurred_at"] == lake_text(at(call["start"]))
        assert record["number"] == call["to"]
        assert record["phone_hash"] == phone_hash(clients[client]["phone_e164"], b"key-of-the-hashes")
        assert (record["is_answered"], record["wait_seconds"], record["talk_seconds"]) == (
            call["answered"],
            call["wait_s"],
            call["talk_s"],
        )
    out = records["kv-pbx-41996002871", "out"]
    assert (out["is_answered"], out["wait_seconds"], out["talk_seconds"]) == (False, 29, 0)
    assert visitor_id(VISITORS["C"]) not in {record.get("visitor_id") for record in records.values()}
