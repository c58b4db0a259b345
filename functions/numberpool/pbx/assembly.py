"""What is remembered of calls (items: shared/leases.py): the parts of each, and under the caller's hash which visitor he was.

A call is told in parts, repeated, corrected, out of order. Its item holds what they tell together, which events came, and where its
memory of the caller lies; a part that came before changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import orjson

from functions.numberpool.pbx.event import Call, CallEvent, State, call_of, merged
from functions.numberpool.store import Store, expires, is_lost_race, key
from shared.errors import TryLater
from shared.ids import derived_id
from shared.times import EPOCH, from_millis, to_millis

CALLER_DAYS = 31
CALL_DAYS = CALLER_DAYS + 1
_MOST_CALLS = 100  # of a caller that are looked through, those among them that a correction emptied
_MOST_EVENTS = 50  # of a call that are known again
_MILLISECOND = timedelta(milliseconds=1)
_TRIES = 4


class Assembled(NamedTuple):
    """A call after one more event. `call` is None while it is not known well enough.

    `told_at` grows with every event, whatever the clocks of those who stored them said: of two records of a call the later one
    knows more. `record_id` is made of the events that are in it. `is_offered`: the CRM was offered the call (`mark_offered`).
    `is_new`: this event had not come before.
    """

    call: Call | None
    told_at: datetime
    record_id: str
    is_offered: bool
    is_new: bool = True


class Part(NamedTuple):
    """One more event as it may be kept, and what of the call as a whole may be kept then (private.py)."""

    event: CallEvent
    caller_hash: str | None
    settled: Callable[[State], State]


class Who(NamedTuple):
    """Whose a call is: `visit` are the utm columns of the visit that leased him the number, as far as they are known."""

    visitor_id: str | None
    visit: Mapping[str, str] = {}


def known_caller(store: Store, site_id: str, phone_hash: str, at: datetime, within: timedelta, call: str) -> Who | None:
    """Of the caller's latest call that found a visitor, of those that began at most `within` before `at`; never of `call`."""
    found = (item for item in _calls_before(store, site_id, phone_hash, at, within) if "visitor_id" in item)
    return next((_who(item) for item in found if not item["sk"]["S"].endswith(f"#{call}")), None)


def earlier_calls(store: Store, site_id: str, phone_hash: str, at: datetime, within: timedelta, call: str) -> list[datetime]:
    """When other calls of the caller began, at most `within` before `at`, whoever he was; the latest first, a hundred at most."""
    found = [item for item in _calls_before(store, site_id, phone_hash, at, within) if "called" in item]
    return [from_millis(int(item["sk"]["S"][:13])) for item in found if not item["sk"]["S"].endswith(f"#{call}")]


def _who(item: Mapping[str, Any]) -> Who:
    visit = {name: str(value["S"]) for name, value in item.get("marks", {}).get("M", {}).items()}
    return Who(str(item["visitor_id"]["S"]), visit)


def _calls_before(store: Store, site_id: str, phone_hash: str, at: datetime, within: timedelta) -> list[dict[str, Any]]:
    page = store.dynamodb.query(
        TableName=store.table,
        KeyConditionExpression="pk = :pk AND sk BETWEEN :from AND :to",
        ExpressionAttributeValues={
            ":pk": {"S": _caller(site_id, phone_hash)},
            ":from": {"S": f"{max(0, to_millis(at - within)):013d}"},
            ":to": {"S": f"{to_millis(at):013d}"},  # sorts before the keys of that very millisecond
        },
        ScanIndexForward=False,
        Limit=_MOST_CALLS,
        ConsistentRead=True,
    )
    items: list[dict[str, Any]] = page["Items"]
    return items


def assemble(
    store: Store, site_id: str, call: str, part: Part, whose: Callable[[Call], Who], now: datetime, days: int = CALL_DAYS
) -> Assembled:
    """One more event of the call (`call` is its request id). `whose` says whose an incoming call is, to be remembered. `days`: for
    so long after its last event the call is known again.

    One read and one transaction. Errors of the store are raised; TryLater when other events of the call were quicker each time.
    """
    for _ in range(_TRIES):
        done = _try(store, site_id, call, part, whose, now, days)
        if done is not None:
            return done
    raise TryLater("other events of the call are being stored; send it again")


def mark_offered(store: Store, site_id: str, call: str) -> None:
    """The CRM was offered the call, or was not to be: no later event offers it again. Errors of the store are raised."""
    store.dynamodb.update_item(
        TableName=store.table,
        Key=_call_key(site_id, call),
        UpdateExpression="SET offered = :yes",
        ConditionExpression="attribute_exists(pk)",
        ExpressionAttributeValues={":yes": {"BOOL": True}},
    )


def _call_key(site_id: str, call: str) -> dict[str, Any]:
    return key(f"call#{site_id}#{call}", "events")


def _try(
    store: Store, site_id: str, call: str, part: Part, whose: Callable[[Call], Who], now: datetime, days: int
) -> Assembled | None:
    """None when a race was lost."""
    event, call_key = part.event, _call_key(site_id, call)
    seen = store.dynamodb.get_item(TableName=store.table, Key=call_key, ConsistentRead=True).get("Item", {})
    known: State = orjson.loads(seen["state"]["S"]) if "state" in seen else {}
    events, marker = seen.get("events", {"L": []}), {"S": derived_id(EPOCH, call, event.event_id)}
    if marker in events["L"]:
        told_at = from_millis(int(seen["told_at"]["N"]))
        return Assembled(call_of(known), told_at, _record_id(call, known, events["L"]), "offered" in seen, is_new=False)
    told_at = max(now, from_millis(int(seen["told_at"]["N"])) + _MILLISECOND) if "told_at" in seen else now
    if event.order[1] is None:
        event = event._replace(order=(event.order[0], to_millis(told_at)))
    state = part.settled(merged(known, event, part.caller_hash))
    now_known = call_of(state)
    events_now = [*events["L"], marker][-_MOST_EVENTS:]
    told: dict[str, Any] = {
        **call_key,
        "events": {"L": events_now},
        "state": {"S": orjson.dumps(state).decode()},
        "told_at": {"N": str(to_millis(told_at))},
        **expires(to_millis(now), days),
    }
    if "offered" in seen:
        told["offered"] = seen["offered"]
    puts = _memory(site_id, call, now_known, whose, seen, told, now)
    condition: dict[str, Any] = {"ConditionExpression": "attribute_not_exists(pk)"}
    if seen:
        condition = {"ConditionExpression": "events = :seen", "ExpressionAttributeValues": {":seen": events}}
    items = [{"Put": {"TableName": store.table, "Item": item}} for item in puts]
    try:
        store.dynamodb.transact_write_items(TransactItems=[{"Put": {"TableName": store.table, "Item": told, **condition}}, *items])
    except store.dynamodb.exceptions.ClientError as error:
        if is_lost_race(error):
            return None
        raise
    return Assembled(now_known, told_at, _record_id(call, state, events_now), "offered" in seen)


def _memory(
    site_id: str,
    call: str,
    known: Call | None,
    whose: Callable[[Call], Who],
    seen: dict[str, Any],
    told: dict[str, Any],
    now: datetime,
) -> list[dict[str, Any]]:
    """Items of the caller: that he called then, and who he was. `told` gets their place. What an event moved is emptied."""
    puts: list[dict[str, Any]] = []
    former = {name: seen[name] for name in ("caller", "place") if name in seen}
    if known and known.is_incoming and known.caller_hash:
        called = to_millis(known.started_at)
        place = key(_caller(site_id, known.caller_hash), f"{called:013d}#{call}")
        told |= {"caller": place["pk"], "place": place["sk"]}
        puts.append({**place, "called": {"BOOL": True}, **_remembered(whose(known)), **expires(called, CALLER_DAYS)})
    if former and any(told.get(name) != value for name, value in former.items()):
        # Without a visitor it tells nothing: the door needs no right to delete.
        puts.append({"pk": former["caller"], "sk": former["place"], **expires(to_millis(now), 1)})
    return puts


def _remembered(who: Who) -> dict[str, Any]:
    if not who.visitor_id:
        return {}
    marks = {name: {"S": value} for name, value in who.visit.items() if value}
    return {"visitor_id": {"S": who.visitor_id}, **({"marks": {"M": marks}} if marks else {})}


def _record_id(call: str, state: State, events: list[dict[str, str]]) -> str:
    known = call_of(state)
    return derived_id(known.started_at if known else EPOCH, call, *sorted(marker["S"] for marker in events))


def _caller(site_id: str, phone_hash: str) -> str:
    return f"caller#{site_id}#{phone_hash}"
