"""A code of six digits that a visitor can dictate or dial (items: shared/leases.py). It is his for 30 days after it was last shown.

A code is looked for in an order that is the visitor's own, so he gets his former one again while nobody else has it.
"""

from __future__ import annotations

import hashlib
import re
from datetime import datetime, timedelta

from functions.numberpool.store import Store, expires, key
from shared.leases import code_key
from shared.times import to_millis

KEPT = timedelta(days=30)
_FIRST, _CODES = 100_000, 900_000
_TRIES = 6
_CODE = re.compile(r"[1-9][0-9]{5}")


def code_for(store: Store, site_id: str, visitor_id: str, now: datetime) -> str | None:
    """The visitor's code; None where six codes in a row are other visitors'. One conditional write at best."""
    for turn in range(_TRIES):
        digest = hashlib.sha256(f"{site_id}\n{visitor_id}\n{turn}".encode()).digest()
        code = str(_FIRST + int.from_bytes(digest[:8], "big") % _CODES)
        try:
            store.dynamodb.put_item(
                TableName=store.table,
                Item={
                    **key(code_key(site_id), code),
                    "visitor_id": {"S": visitor_id},
                    "until": {"N": str(to_millis(now + KEPT))},
                    **expires(to_millis(now + KEPT), 1),
                },
                ConditionExpression="attribute_not_exists(pk) OR visitor_id = :me OR #until < :now",
                ExpressionAttributeNames={"#until": "until"},
                ExpressionAttributeValues={":me": {"S": visitor_id}, ":now": {"N": str(to_millis(now))}},
            )
        except store.dynamodb.exceptions.ConditionalCheckFailedException:
            continue
        return code
    return None


def visitor_of(store: Store, site_id: str, code: str, at: datetime) -> str | None:
    """Whose code that is at an instant; None for any other text."""
    if not _CODE.fullmatch(code):
        return None
    item = store.dynamodb.get_item(TableName=store.table, Key=key(code_key(site_id), code), ConsistentRead=True).get("Item")
    if item is None or int(item["until"]["N"]) < to_millis(at):
        return None
    return str(item["visitor_id"]["S"])
