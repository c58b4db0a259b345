"""What adapters are given and what they give: one body's arrival in, its records, refusals and passed-over items out. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from shared.lake import Rejected
from shared.records import RecordKind

Record = tuple[RecordKind, bytes]


@dataclass(frozen=True, slots=True)
class Arrival:
    """How the body came: `webhook_id` is the sender's key of idempotency, `identity_key` hashes people's keys."""

    site_id: str
    webhook_id: str
    received_at: datetime
    identity_key: bytes


class Person(NamedTuple):
    """Somebody whom the CRM names, as plain text: for the vault alone (shared/vault.py)."""

    name: str
    phones: tuple[str, ...]
    emails: tuple[str, ...]


class Pointer(NamedTuple):
    """Something of the CRM that must be read through its API: `entity` in the CRM's own word (deal, lead, contact, …)."""

    entity: str
    id: str


@dataclass(slots=True)
class Outcome:
    """Encoded records of one body, what was refused (kept with its reason), how many items or fields were passed over and why
    (counted), people for the vault, and what the body only points at."""

    records: list[Record] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    passed_over: Counter[str] = field(default_factory=Counter)
    people: list[Person] = field(default_factory=list)
    to_read: list[Pointer] = field(default_factory=list)
