"""First requests on their way to the CRM: an object in the quarantine, which goes after 30 days, and a message in the queue of CRM
tasks that names it. Written by the doors, read by the tasks (functions/crm_webhook/requests/).

The object: `{"type": "request.created", "timestamp", "data"}`, data with the names of `FIELDS`; what is not known is left out.
It tells people by their keyed hashes alone: who reads it finds phone, e-mail and name in the vault (shared/vault.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

import orjson

from shared.ids import derived_id
from shared.times import EPOCH

PROVIDER = "requests"
TASK: Literal["send"] = "send"  # of the message, in the queue of tasks for the CRMs' APIs
PLACE = f"quarantine/crm-{PROVIDER}/"
SECRET = "crm-outgoing"  # noqa: S105 (its name in the Parameter Store)
TYPE = "request.created"
CALL, FORM = "call", "form"  # contact channels
MARKS = ("utm_source", "utm_medium", "utm_campaign", "utm_content", "utm_term")
# What a request may tell, besides whose it is; the settings put any of it into fields of the CRM (crm.new_requests.fields).
FIELDS = (
    "request_id", "visitor_id", "contact_channel", "started_at", "number", "resolved_by", "form_name", "page_url", "landing",
    "first_at", "first_source", "last_source", *MARKS, "click_id_name", "click_id",
)  # fmt: skip
PATH = "path"  # beside these: the client's way in words, as in the note
HASHES: Mapping[str, Literal["phone", "email"]] = {"phone_hash": "phone", "email_hash": "email"}
# Of requests that browsers tell: their ids are whatever a visitor likes, so they never stand for another door's request.
DOOR, ANYBODYS_DOOR = "door", "hits"
_KNOWN = frozenset({"site_id", DOOR, *FIELDS, *HASHES})


def channels_of(site: Mapping[str, Any]) -> tuple[str, ...]:
    """Contact channels whose requests the site hands over (`crm.new_requests.channels`)."""
    told = (site.get("crm") or {}).get("new_requests") or {}
    return tuple(told.get("channels") or ())


def object_key(data: Mapping[str, Any], now: datetime) -> str:
    """Where the request lies until the CRM has it. Ids come from browsers too: a request never lies where one of another site,
    door, visitor or contact does."""
    site_id = str(data["site_id"])
    whose = (str(data.get(name) or "") for name in (DOOR, "contact_channel", "request_id", "visitor_id", *HASHES))
    return f"{PLACE}{now:%Y/%m/%d/%H}/{site_id}-{derived_id(EPOCH, site_id, *whose)}.json"


def body_of(at: datetime, data: Mapping[str, Any]) -> bytes:
    """The request: the same for the same call. ValueError for a field that nobody knows: a plain phone has no place here."""
    told = {name: value for name, value in data.items() if value is not None and value != ""}
    if unknown := told.keys() - _KNOWN:
        raise ValueError(f"a new request has no fields {sorted(unknown)}")
    return orjson.dumps({"type": TYPE, "timestamp": at.isoformat(), "data": told})


def message(site_id: str, key: str, request_id: str, now: datetime) -> str:
    """The queue's message. It tells nothing of people: dead letters are read by people."""
    told = {"task": TASK, "site_id": site_id, "key": key, "webhook_id": request_id, "received_at": now.isoformat()}
    return orjson.dumps(told).decode()
