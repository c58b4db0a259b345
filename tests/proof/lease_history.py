"""What the table's history says, held to what the workers saw: nobody was wronged, nothing was lost, calls belong to
whom they must."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise
from typing import Any, NamedTuple

from functions.numberpool.pbx.assembly import known_caller
from functions.numberpool.store import Store
from shared.identity import keyed_hash, phone_hash
from shared.ids import derived_id
from shared.times import EPOCH, from_lake_text, from_millis, to_millis
from tests.api.numbers_door import TABLE
from tests.proof.lease_play import ANSWER, END, RING, SETTLED, Played, PlayedCall

IDENTITY = b"key-of-the-hashes"


class Line(NamedTuple):
    """One assignment; the open one of a number ends as the number says."""

    number: str
    visitor_id: str
    lease_id: str
    start: int
    until: int
    is_closed: bool


def lines_of(dynamodb: Any, site: str) -> list[Line]:
    """Every assignment of the site's pool, by number and start."""
    found = []
    for number in Store(dynamodb, TABLE).numbers(site):
        query = {":pk": {"S": f"history#{number.number}"}}
        pages = dynamodb.get_paginator("query").paginate(
            TableName=TABLE, KeyConditionExpression="pk = :pk", ExpressionAttributeValues=query, ConsistentRead=True
        )
        for item in (item for page in pages for item in page["Items"]):
            assert item["site_id"]["S"] == site
            is_closed = "until" in item
            assert is_closed or item["lease_id"]["S"] == number.lease_id, "an assignment is open whose number has another lease"
            until = int(item["until"]["N"]) if is_closed else number.until
            start = int(item["leased_at"]["N"])
            found.append(Line(number.number, item["visitor_id"]["S"], item["lease_id"]["S"], start, until, is_closed))
    return found


def assert_nobody_was_wronged(history: Sequence[Line]) -> None:
    """One holder of a number, one number of a visitor, at every instant; every assignment has its end but the last of a number."""
    for number, mine in _grouped(history, "number").items():
        assert all(earlier.until < later.start for earlier, later in pairwise(mine)), f"two leases of {number} at an instant"
        assert [line.is_closed for line in mine] == [True] * (len(mine) - 1) + [False], "all but the last assignment are closed"
    for visitor, his in _grouped(history, "visitor_id").items():
        for earlier, later in pairwise(his):
            assert earlier.until < later.start, f"two numbers of {visitor} at an instant: {earlier} {later}"


def assert_nothing_was_lost(history: Sequence[Line], played: Sequence[Played]) -> None:
    """The history has every lease whose transaction took effect, whoever was told of it, and no other; with its true end."""
    effects = [effect for each in played for effect in each.effects]
    opened = {effect.lease_id: effect for effect in effects if effect.number}
    assert {(e.number, e.visitor_id, e.lease_id, e.leased_at) for e in opened.values()} == {
        (line.number, line.visitor_id, line.lease_id, line.start) for line in history
    }
    ends: dict[str, int] = defaultdict(int)
    for effect in effects:
        ends[effect.lease_id] = max(ends[effect.lease_id], effect.until)
    wrong = [line for line in history if ends[line.lease_id] != line.until]
    assert not wrong, f"the end is not that of the last sign of life: {wrong[:3]}"
    of_lease = {line.lease_id: line for line in history}
    for told in (told for each in played for told in each.told):
        line = of_lease[told.lease_id]
        assert (line.number, line.visitor_id) == (told.number, told.visitor_id), "he was told of another's lease"
        assert told.until <= line.until, "he was told that the number is his for longer than it was"


def assert_calls_are_right(dynamodb: Any, site: str, history: Sequence[Line], played: Sequence[Played], late: timedelta) -> int:
    """Each call is what its parts tell together, and its visitor is who held the number when it began; how many had one."""
    by_number = _grouped(history, "number")
    calls = {call.call_id: call for each in played for call in each.calls}
    latest: dict[str, dict[str, Any]] = {}
    for record in (record for each in played for record in each.records):
        known = latest.get(record["call_id"])
        if known is None or record["received_at"] >= known["received_at"]:
            latest[record["call_id"]] = record
    assert latest.keys() == calls.keys(), "each call has a record"
    for call_id, call in calls.items():
        assert not call.untold
        assert call.last_told >= call.start + SETTLED, "the proof did not wait until it is settled who held the number"
        record, truth = latest[call_id], _truth(call)
        assert {name: record.get(name) for name in truth} == truth, call_id
        holder = _holder(by_number.get(call.parts[RING]["number"], []), call.start, late)
        told = record["resolved_by"], record.get("visitor_id"), record.get("lease_id")
        assert told == holder, f"{call_id} at {call.start}: {told} is not {holder}"
        caller = phone_hash(call.parts[RING]["caller"], IDENTITY)
        later, day = from_millis(call.start) + timedelta(hours=1), timedelta(days=1)
        assert caller is not None
        memory = known_caller(Store(dynamodb, TABLE), site, caller, later, day, "another call")
        assert (memory.visitor_id if memory else None) == holder[1], f"{call}: the memory {memory} is not {holder}"
        item = dynamodb.get_item(TableName=TABLE, Key=_call_key(site, call_id), ConsistentRead=True)["Item"]
        assert len(item["events"]["L"]) == len(call.parts), "each part once, however often it was told"
    return sum(record.get("visitor_id") is not None for record in latest.values())


def most_live_at_grants(history: Sequence[Line], is_of: Any) -> list[tuple[int, int]]:
    """At the start of each lease of those `is_of` names: their live leases and all live leases."""
    found = []
    for line in history:
        if is_of(line):
            live = [other for other in history if other.start <= line.start <= other.until]
            found.append((sum(map(is_of, live)), len(live)))
    return found


def _truth(call: PlayedCall) -> dict[str, Any]:
    is_answered = "answered_at" in call.parts[ANSWER]
    answered = call.parts[ANSWER].get("answered_at", 0)
    return {
        "number": call.parts[RING]["number"],
        "direction": "in",
        "occurred_at": _text(call.parts[END]["started_at"]),
        "is_answered": is_answered,
        "outcome": "answered" if is_answered else "missed",
        "wait_seconds": (answered - call.start) // 1000 if is_answered else 7,
        "talk_seconds": 13 if is_answered else 0,
    }


def _text(millis: int) -> str:
    instant = from_millis(millis)
    assert to_millis(from_lake_text(instant.strftime("%Y-%m-%d %H:%M:%S.%f"))) == millis
    return instant.strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]


def _holder(mine: Sequence[Line], at: int, late: timedelta) -> tuple[str, str | None, str | None]:
    """DEFINITIONS of a call's visitor, from the whole history."""
    place = bisect_right([line.start for line in mine], at)
    if place == 0:
        return "nothing", None, None
    last = mine[place - 1]
    if at <= last.until:
        return "lease", last.visitor_id, last.lease_id
    if at <= last.until + late // timedelta(milliseconds=1):
        return "late_lease", last.visitor_id, last.lease_id
    return "nothing", None, None


def _grouped(history: Sequence[Line], name: str) -> dict[str, list[Line]]:
    found: dict[str, list[Line]] = defaultdict(list)
    for line in sorted(history, key=lambda line: (line.start, line.until)):
        found[getattr(line, name)].append(line)
    return dict(found)


def _call_key(site: str, call_id: str) -> dict[str, Any]:
    """As functions/numberpool/pbx/calls.py makes it: the call's request id."""
    call = derived_id(EPOCH, keyed_hash("call", "\x1f".join((site, "proof", call_id)), IDENTITY))
    return {"pk": {"S": f"call#{site}#{call}"}, "sk": {"S": "events"}}
