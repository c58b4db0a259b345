"""Ended calls of other telephonies → UIS, which counts them with its own (settings `calls.uis.upload`): each once into the queue of
CRM tasks, which sends them on (functions/crm_webhook/requests/uis.py).

A call is told when its outcome is known, and how long it lasted where somebody answered. Later corrections are not told: UIS takes
an id once. Items: pk `uploaded#{site}`, sk the call's id; kept 60 days.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from functions.numberpool.pbx.event import Call
from functions.numberpool.store import Store, expires, key
from shared.call_uploads import PROVIDER, EndedCall, message, upload_of
from shared.log import count
from shared.times import to_millis

KEPT_DAYS = 60


def offer_upload(
    site: Mapping[str, Any], provider: str, store: Store, call: Call, ext_id: str, put: Callable[[str], None], now: datetime
) -> None:
    """Queue the call if it is to go to UIS and has not gone yet. Errors of the stores are raised: the telephony sends its event
    again, and a call that is queued twice is one there."""
    if provider == PROVIDER or not upload_of(site) or call.outcome is None or (call.is_answered and call.talk_seconds is None):
        return
    site_id = str(site["site_id"])
    place = key(f"uploaded#{site_id}", ext_id)
    if "Item" in store.dynamodb.get_item(TableName=store.table, Key=place, ConsistentRead=True):
        return
    told = EndedCall(
        ext_id, call.is_incoming, call.number, call.caller_hash, call.started_at, call.is_answered,
        call.wait_seconds or 0, call.talk_seconds or 0,
    )  # fmt: skip
    put(message(site_id, told, now))
    store.dynamodb.put_item(TableName=store.table, Item={**place, **expires(to_millis(now), KEPT_DAYS)})
    count({"CallUploadQueued": 1})
