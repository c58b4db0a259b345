"""A code of six digits that a visitor can dictate or dial (items: shared/leases.py). It is his for 30 days after it was last shown.

A code is looked for in an order that is the visitor's own, so he gets his former one again while nobody else has it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from functions.numberpool.store import Store, expires, key, map_of, marks_of
from shared.leases import code_key
from shared.times import to_millis

KEPT = timedelta(days=30)
_FIRST, _CODES = 100_000, 900_000
_TRIES = 6
_AHEAD = 300_000  # milliseconds that a telephony's clock may be behind ours
_CODE = re.compile(r"[1-9][0-9]{5}")


class Dictated(NamedTuple):
    """Whose a code is; `marks`: utm columns of his visit that was last shown it."""

    visitor_id: str
    marks: Mapping[str, str] = {}


def code_for(store: Store, site_id: str, visitor_id: str, now: datetime, marks: Mapping[str, str]) -> str | None:
    """The visitor's code; None where six codes in a row are other visitors'. A new one takes one conditional
    write, his own two. `marks`: short utm columns of the visit; whoever is dictated the code is told them while it rings."""
    for turn in range(_TRIES):
        digest = hashlib.sha256(f"{site_id}\n{visitor_id}\n{turn}".encode()).digest()
        code = str(_FIRST + int.from_bytes(digest[:8], "big") % _CODES)
        if _take(store, site_id, code, Dictated(visitor_id, marks), now):
            return code
    return None


def _take(store: Store, site_id: str, code: str, his: Dictated, now: datetime) -> bool:
    """Another's code that is over begins anew; the visitor's own goes on, from when he first had it."""
    until = {":until": {"N": str(to_millis(now + KEPT))}, ":gone": expires(to_millis(now + KEPT), 1)["expires_at"]}
    values = {**until, ":me": {"S": his.visitor_id}, ":now": {"N": str(to_millis(now))}, ":marks": map_of(his.marks)}
    longer = "#until = :until, expires_at = :gone, marks = :marks"
    for update, condition in (
        (f"SET visitor_id = :me, since = :now, {longer}", "attribute_not_exists(pk) OR #until < :now"),
        (f"SET {longer}", "visitor_id = :me AND #until >= :now"),
    ):
        try:
            store.dynamodb.update_item(
                TableName=store.table,
                Key=key(code_key(site_id), code),
                UpdateExpression=update,
                ConditionExpression=condition,
                ExpressionAttributeNames={"#until": "until"},
                ExpressionAttributeValues={name: value for name, value in values.items() if name in f"{update} {condition}"},
            )
        except store.dynamodb.exceptions.ConditionalCheckFailedException:
            continue
        return True
    return False


def dictated(store: Store, site_id: str, code: str, at: datetime) -> Dictated | None:
    """Whose code that is at an instant; None for any other text."""
    if not _CODE.fullmatch(code):
        return None
    item = store.dynamodb.get_item(TableName=store.table, Key=key(code_key(site_id), code), ConsistentRead=True).get("Item")
    if item is None or not int(item["since"]["N"]) - _AHEAD <= to_millis(at) <= int(item["until"]["N"]):
        return None
    return Dictated(str(item["visitor_id"]["S"]), marks_of(item))
