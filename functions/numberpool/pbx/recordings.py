"""Keeps where a call's recording can be had (item: shared/recordings.py), for those who may listen from the report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from functions.numberpool.pbx.private import names
from functions.numberpool.store import Store, expires
from shared.log import count
from shared.recordings import KEPT_DAYS, Reference, hosts_of, item_of
from shared.times import to_millis


def keep_recording(
    store: Store, site: Mapping[str, Any], request_id: str, told: Reference, caller_hash: str | None, identity: bytes
) -> bool:
    """Remember the recording of a call; whether it is remembered now. One write, the same for every repeat; the reference that was
    told last counts.

    Not kept, and counted: where the site has no `calls.recordings.hosts` (nothing could ever be fetched), and where the reference
    has the caller's phone in it, which an event without the caller could not know. Errors of the store are raised.
    """
    if not hosts_of(site):
        count({"RecordingNotKept": 1}, Reason="no_hosts")
        return False
    if caller_hash and names(told.reference, caller_hash, identity):
        count({"RecordingNotKept": 1}, Reason="phone")
        return False
    item = {**item_of(str(site["site_id"]), request_id, told), **expires(to_millis(told.told_at), KEPT_DAYS)}
    try:
        store.dynamodb.put_item(
            TableName=store.table,
            Item=item,
            ConditionExpression="attribute_not_exists(pk) OR told_at <= :told",
            ExpressionAttributeValues={":told": item["told_at"]},
        )
    except store.dynamodb.exceptions.ConditionalCheckFailedException:
        return True  # a later event was quicker
    return True
