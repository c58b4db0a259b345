"""Keeps where a call's recording can be had (item: shared/recordings.py), for those who may listen from the report."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from functions.numberpool.store import Store, expires
from shared.identity import phone_hash
from shared.log import count
from shared.recordings import KEPT_DAYS, Reference, hosts_of, item_of
from shared.times import to_millis

_RUN_OF_DIGITS = re.compile(r"[0-9]{8,}")
_LENGTHS = range(8, 16)  # of a phone, with its country's code


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
    if caller_hash and _names(told.reference, caller_hash, identity):
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


def _names(reference: str, caller_hash: str, identity: bytes) -> bool:
    """Whether the caller's phone stands in a text, however the digits around it run on."""
    runs = _RUN_OF_DIGITS.findall(reference)
    parts = {run[at : at + size] for run in runs for size in _LENGTHS for at in range(len(run) - size + 1)}
    spelled = (text for part in parts for text in ((f"+{part}", part) if len(part) == 10 else (f"+{part}",)))
    return any(phone_hash(text, identity) == caller_hash for text in spelled)
