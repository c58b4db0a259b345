"""First requests on their way to the CRM: an object in the quarantine, which holds the caller's phone and goes after 30 days, and
a message in the queue of CRM tasks that names it. Written by the doors, read by the CRM's worker.

The object is what the CRM gets, byte by byte: `{"type": "request.created", "timestamp", "data": {request_id, site_id,
contact_channel, phone, number, started_at, visitor_id, resolved_by, utm_*}}`; what is not known is left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

import orjson

PROVIDER = "requests"
TASK: Literal["send"] = "send"  # of the message, in the queue of tasks for the CRMs' APIs
PLACE = f"quarantine/crm-{PROVIDER}/"
SECRET = "crm-outgoing"  # noqa: S105 (its name in the Parameter Store)
TYPE = "request.created"


def object_key(request_id: str, now: datetime) -> str:
    """Where the request lies until the CRM has it."""
    return f"{PLACE}{now:%Y/%m/%d/%H}/{request_id}.json"


def body_of(at: datetime, data: Mapping[str, Any]) -> bytes:
    """The event that the CRM gets: the same for the same call."""
    told = {name: value for name, value in data.items() if value is not None}
    return orjson.dumps({"type": TYPE, "timestamp": at.isoformat(), "data": told})


def message(site_id: str, key: str, request_id: str, now: datetime) -> str:
    """The queue's message. It has no phone: dead letters are read by people."""
    told = {"task": TASK, "site_id": site_id, "key": key, "webhook_id": request_id, "received_at": now.isoformat()}
    return orjson.dumps(told).decode()
