"""What became of a request for a number, and the record of it (shared/records.py, LEASE). Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Literal, NamedTuple

from functions.numberpool.asking.visit import stored_marks
from functions.numberpool.choice import Number, Refusal, phase
from functions.numberpool.pools import Visit
from functions.numberpool.rules import Rules
from shared.ids import derived_id
from shared.leases import Item
from shared.times import from_millis, lake_text, to_millis

VIA = "tracker"
Reason = Literal[Refusal, "busy", "unavailable", "robot"]
How = Literal["kept", "again", "new"]


class Asked(NamedTuple):
    """A request for a number, read and checked. `rules` are those of the pool; `visitor_id` is "" while tokens cannot be read.
    `way` makes the item of a lease's id that tells the CRM where the visitor came from; None where it is not to be told."""

    site_id: str
    visitor_id: str
    visit: Visit
    pool: str
    rules: Rules
    prefix: str
    now: datetime
    is_test: bool
    way: Callable[[str], Item] | None = None


class Outcome(NamedTuple):
    """A lease of `number` (as it was seen before), or why there is none. `seen`: the pool as it was read, None where it was not."""

    how: How | Reason
    number: Number | None = None
    lease_id: str = ""
    seconds: int = 0
    seen: Sequence[Number] | None = None


def lease_record(asked: Asked, outcome: Outcome, kind: str, number: str | None) -> dict[str, Any]:
    """Fields of the record. The same request at the same instant, or the same lease, makes the same `record_id`."""
    now = to_millis(asked.now)
    former = outcome.number if outcome.number and outcome.number.lease_id else None
    record_id = outcome.lease_id or derived_id(asked.now, "lease", asked.site_id, asked.visitor_id, asked.pool, outcome.how)
    return {
        "record_id": record_id,
        "site_id": asked.site_id,
        "occurred_at": lake_text(asked.now),
        "received_at": lake_text(asked.now),
        "via": VIA,
        "visitor_id": asked.visitor_id,
        "pool": asked.pool,
        "kind": kind,
        "reason": outcome.how,
        "number": number,
        "lease_id": outcome.lease_id,
        "former_lease_id": former.lease_id if former else None,
        "former_until": lake_text(from_millis(former.until)) if former else None,
        "former_is_confirmed": former.is_confirmed if former else None,
        **_numbers(outcome, now, asked.rules),
        **stored_marks(asked.visit.marks),
        "is_test": asked.is_test or None,
    }


def _numbers(outcome: Outcome, now: int, rules: Rules) -> dict[str, int]:
    if outcome.seen is None:
        return {}
    usable = [number for number in outcome.seen if number.is_usable]
    held = {number.number for number in usable if phase(number, now, rules) != "free"}
    if outcome.number is not None:
        held.add(outcome.number.number)
    return {"held_numbers": len(held), "pool_numbers": len(usable)}
