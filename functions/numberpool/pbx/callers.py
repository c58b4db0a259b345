"""What is remembered of callers (items: shared/leases.py): each call that found a visitor, under the caller's phone hash.

A call may be told again: repeated, corrected, out of order. The item of the call says which events came and where its memory lies,
so a correction moves the memory, and an event that came before changes nothing.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, NamedTuple

from functions.numberpool.store import Store, expires, is_lost_race, key
from shared.errors import TryLater
from shared.times import to_millis

CALLER_DAYS = 31
_MOST_CALLS = 100  # of a caller that are looked through, those among them that a correction emptied
_MOST_EVENTS = 50  # of a call that are known again
_TRIES = 4


class Memory(NamedTuple):
    """Who called, when, and which visitor that was."""

    phone_hash: str
    called_at: datetime
    visitor_id: str


def known_caller(store: Store, site_id: str, phone_hash: str, at: datetime, within: timedelta, call: str) -> str | None:
    """The visitor of the caller's latest call that found one, of those that began at most `within` before `at`; never of `call`."""
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
    found = (item for item in page["Items"] if "visitor_id" in item and not item["sk"]["S"].endswith(f"#{call}"))
    return next((str(item["visitor_id"]["S"]) for item in found), None)


def remember(store: Store, site_id: str, call: str, record_id: str, memory: Memory | None, now: datetime) -> None:
    """What an event of the call (`record_id`) says of its caller takes the place of what earlier ones said; None: nothing.

    Errors of the store are raised; TryLater when other events of the call were quicker each time.
    """
    for _ in range(_TRIES):
        if _replace(store, site_id, call, record_id, memory, now):
            return
    raise TryLater("other events of the call are being stored; send it again")


def _replace(store: Store, site_id: str, call: str, record_id: str, memory: Memory | None, now: datetime) -> bool:
    """One read and one transaction; False when a race was lost."""
    call_key = key(f"call#{site_id}#{call}", "events")
    seen = store.dynamodb.get_item(TableName=store.table, Key=call_key, ConsistentRead=True).get("Item", {})
    events = seen.get("events", {"L": []})
    if {"S": record_id} in events["L"]:
        return True
    told: dict[str, Any] = {**call_key, **expires(to_millis(now), CALLER_DAYS + 1)}
    told["events"] = {"L": [*events["L"], {"S": record_id}][-_MOST_EVENTS:]}
    former = {name: seen[name] for name in ("caller", "place") if name in seen}
    puts = []
    if memory:
        called = to_millis(memory.called_at)
        place = key(_caller(site_id, memory.phone_hash), f"{called:013d}#{call}")
        told |= {"caller": place["pk"], "place": place["sk"]}
        puts.append({**place, "visitor_id": {"S": memory.visitor_id}, **expires(called, CALLER_DAYS)})
    if former and any(told.get(name) != value for name, value in former.items()):
        # Without a visitor it tells nothing: the door needs no right to delete.
        puts.append({"pk": former["caller"], "sk": former["place"], **expires(to_millis(now), 1)})
    condition: dict[str, Any] = {"ConditionExpression": "attribute_not_exists(pk)"}
    if seen:
        condition = {"ConditionExpression": "events = :seen", "ExpressionAttributeValues": {":seen": events}}
    items = [{"Put": {"TableName": store.table, "Item": item}} for item in puts]
    try:
        store.dynamodb.transact_write_items(TransactItems=[{"Put": {"TableName": store.table, "Item": told, **condition}}, *items])
    except store.dynamodb.exceptions.ClientError as error:
        if is_lost_race(error):
            return False
        raise
    return True


def _caller(site_id: str, phone_hash: str) -> str:
    return f"caller#{site_id}#{phone_hash}"
