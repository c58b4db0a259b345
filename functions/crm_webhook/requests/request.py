"""A new request as it lies in the quarantine, and who asks, from the vault."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from functions.crm_webhook.requests.plain import plain
from shared.lake import Rejected
from shared.new_requests import ANYBODYS_DOOR, DOOR, FIELDS, HASHES
from shared.times import parse_instant
from shared.vault import Vault

REASONS = ("bad_request", "no_contact")


@dataclass(frozen=True, slots=True)
class NewRequest:
    """`told` has what is known of it, by the names of shared/new_requests.py `FIELDS`; `phone` is E.164. At least one of phone and
    e-mail is there. `hashes` are the contacts' keyed hashes, `whose` stands for them as they were told: a corrected phone is
    another. `is_anybodys`: a browser told it, so its id may be made up."""

    site_id: str
    request_id: str
    at: datetime
    told: Mapping[str, str]
    phone: str = ""
    email: str = ""
    name: str = ""
    whose: str = ""
    hashes: tuple[str, ...] = ()
    is_anybodys: bool = False

    @property
    def channel(self) -> str:
        return self.told.get("contact_channel", "")


def request_of(body: bytes, site: Mapping[str, Any], request_id: str, vault: Vault) -> NewRequest | Rejected:
    """The request that a message names, with its contacts in plain. Errors of the vault are raised."""
    try:
        data = orjson.loads(body)["data"]
        told = {name: plain(name, str(data[name])) for name in FIELDS if data.get(name)}
        hashes = {name: data[name] for name in HASHES if isinstance(data.get(name), str)}
        at, site_id, is_anybodys = parse_instant(told["started_at"]), str(data["site_id"]), data.get(DOOR) == ANYBODYS_DOOR
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        return Rejected("bad_request", f"what lies in the quarantine is no new request ({type(error).__name__})")
    if site_id != site["site_id"] or told.get("request_id") != request_id:
        return Rejected("bad_request", "what lies in the quarantine is another request than the message's")
    known: dict[str, str] = {}
    for name, kind in HASHES.items():
        contact = vault.get(site_id, kind, hashes[name]) if name in hashes else None
        if contact is not None:
            known[kind] = contact["plain"]
            known.setdefault("name", contact.get("name", ""))
    if not known:
        return Rejected("no_contact", "the vault does not have whoever asked any more; a CRM cannot answer nobody")
    told_of = tuple(hashes[name] for name in HASHES if name in hashes)
    phone, email, who = (known.get(kind, "") for kind in ("phone", "email", "name"))
    return NewRequest(site_id, request_id, at, told, phone, email, who, whose_of(hashes), told_of, is_anybodys)


def whose_of(hashes: Mapping[str, str]) -> str:
    """What stands for the contacts of a request, by their keyed hashes."""
    return hashlib.sha256("|".join(hashes.get(name, "") for name in HASHES).encode()).hexdigest()[:16]
