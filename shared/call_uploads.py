"""An ended call on its way to UIS (settings `calls.uis.upload`): a message in the queue of CRM tasks, written by the door of calls,
read by the tasks (functions/crm_webhook/requests/uis.py). It tells the other side by his keyed hash alone: whoever sends it on
finds the phone in the vault.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal, NamedTuple

import orjson

from shared.times import parse_instant

TASK: Literal["upload"] = "upload"
PROVIDER = "uis"
MOST_CALLS = 50  # of one request, by UIS's documentation; with all their fields under a tenth of the 512 KB that it takes


class EndedCall(NamedTuple):
    """A call as UIS is told it. `ext_id` is ours, the same of one call for ever; `number` is ours, E.164; `phone_hash` the other
    side's, None for a hidden caller. Seconds."""

    ext_id: str
    is_incoming: bool
    number: str
    phone_hash: str | None
    started_at: datetime
    is_answered: bool
    wait_seconds: int
    talk_seconds: int


def upload_of(site: Mapping[str, Any]) -> Mapping[str, Any]:
    """What the settings tell of it; empty where calls are not to go there, or their phones are not in the vault."""
    own = ((site.get("calls") or {}).get(PROVIDER) or {}).get("upload") or {}
    return own if site.get("pii") == "vault" else {}


def message(site_id: str, call: EndedCall, now: datetime) -> str:
    """The queue's message."""
    head = {"task": TASK, "site_id": site_id, "webhook_id": call.ext_id, "received_at": now.isoformat()}
    return orjson.dumps({**head, "call": {**call._asdict(), "started_at": call.started_at.isoformat()}}).decode()


def call_of(told: Any) -> EndedCall:
    """Inverse of the above; ValueError, KeyError or TypeError for anything else."""
    call = EndedCall(**{**told, "started_at": parse_instant(told["started_at"])})
    texts = (call.ext_id, call.number, call.phone_hash or "")
    if not all(isinstance(text, str) for text in texts) or min(int(call.wait_seconds), int(call.talk_seconds)) < 0:
        raise ValueError("no call")
    return call
