"""Deals that a CRM does not find when it is asked for them. Pure.

A new deal is told of before every machine of the CRM knows it, so a deal that is not found is asked for again (a pointer `missing`
with the moment of the first miss), and is told as deleted only when it is not found ten minutes later either: at the end of those
ten minutes, whenever that is read, and after all that the deal told meanwhile. What is found again was never told as deleted.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from functions.crm_webhook.api.http import NotYet
from functions.crm_webhook.outcome import Arrival, Outcome, Pointer
from shared.times import from_millis, to_millis

DEAL, MISSING = "deal", "missing"
LAG = timedelta(minutes=10)


class Misses:
    """Of one read: `ids` are the deals that its pointers name, each once."""

    def __init__(self, pointers: Sequence[Pointer], arrival: Arrival) -> None:
        self._pointers, self._arrival = frozenset(pointers), arrival
        self._since: dict[str, datetime] = {}
        ids = dict.fromkeys(pointer.id for pointer in pointers if pointer.entity == DEAL)
        for pointer in pointers:
            if pointer.entity == MISSING:
                deal_id, _, millis = pointer.id.partition("@")
                ids[deal_id] = None
                if millis.isascii() and millis.isdigit() and len(millis) <= 14:
                    since = from_millis(int(millis))
                    self._since[deal_id] = min(since, self._since.get(deal_id, since))
        self.ids = list(ids)

    def gone(self, missing: Iterable[str], outcome: Outcome) -> list[tuple[str, datetime]]:
        """Deals to tell as deleted, and when they were; those that may still come are put off (`outcome.to_read`). CrmBusy where
        nothing but waiting is left: then the whole order waits in its queue."""
        now, gone, again = self._arrival.received_at, list[tuple[str, datetime]](), list[Pointer]()
        for deal_id in missing:
            since = self._since.get(deal_id, now)
            if now - since >= LAG:
                gone.append((deal_id, since + LAG))
            else:
                again.append(Pointer(MISSING, f"{deal_id}@{to_millis(since)}"))
        if again and self._pointers == frozenset(again):
            raise NotYet("the CRM does not find a deal that it told of; it is asked again until ten minutes are over")
        outcome.to_read += again
        return gone
