"""A HubSpot account in memory: deals with the history of every property, contacts, a bin, merges, and the events that they
cause."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from shared.times import to_millis

MERGED = "hs_merged_object_ids"


@dataclass(slots=True)
class Version:
    value: str
    at: datetime


@dataclass(slots=True)
class Thing:
    """A deal or contact. `history`: property → versions, the newest first."""

    id: str
    created_at: datetime
    changed_at: datetime
    history: dict[str, list[Version]] = field(default_factory=dict)
    archived_at: datetime | None = None

    def value(self, name: str) -> str:
        """As it is now; "" where it was never told."""
        if name == "hs_object_id":
            return self.id
        if name in ("createdate", "hs_lastmodifieddate", "lastmodifieddate"):
            return iso(self.created_at if name == "createdate" else self.changed_at)
        return self.history[name][0].value if name in self.history else ""

    def put(self, values: Mapping[str, str], at: datetime) -> None:
        self.changed_at = max(self.changed_at, at)
        for name, value in values.items():
            if self.value(name) != value:
                self.history.setdefault(name, []).insert(0, Version(value, at))


class Account:
    """`clock` gives the present; every change may be told another time `at`. `send(events)` gets each change's events."""

    def __init__(
        self, clock: Callable[[], datetime], send: Callable[[list[dict[str, Any]]], None], portal_id: int = 47120938
    ) -> None:
        self.clock, self._send, self.portal_id = clock, send, portal_id
        self.deals: dict[str, Thing] = {}
        self.contacts: dict[str, Thing] = {}
        self.links: dict[str, list[str]] = {}  # deal → contacts
        self.merged: dict[str, str] = {}  # id that is no more → deal that stands for it
        self.pipelines: list[dict[str, Any]] = [{"id": "default", "stages": _stages()}]
        self._ids = itertools.count(30_417_700_001)
        self._events = itertools.count(1_903_310_054)

    def put_contact(self, contact_id: str, at: datetime | None = None, **values: str) -> None:
        """Make a contact, or change it."""
        self._put(self.contacts, "contact", contact_id, values, at)

    def put_deal(self, deal_id: str = "", at: datetime | None = None, contacts: tuple[str, ...] = (), **values: str) -> str:
        """Make a deal, or change it; its id."""
        deal_id = deal_id or str(next(self._ids))
        for contact in contacts:
            self.links.setdefault(deal_id, [])
            if contact not in self.links[deal_id]:
                self.links[deal_id].append(contact)
        self._put(self.deals, "deal", deal_id, values, at)
        return deal_id

    def move(self, deal_id: str, stage: str, at: datetime | None = None, **values: str) -> None:
        """To another stage."""
        self.put_deal(deal_id, at, (), dealstage=stage, **values)

    def delete(self, deal_id: str, at: datetime | None = None) -> None:
        """Into the bin."""
        moment = at or self.clock()
        self.deals[deal_id].archived_at = moment
        self._send([self._event("deal.deletion", deal_id, moment, changeFlag="DELETED")])

    def restore(self, deal_id: str, at: datetime | None = None) -> None:
        """Out of the bin."""
        moment = at or self.clock()
        deal = self.deals[deal_id]
        deal.archived_at, deal.changed_at = None, moment
        self._send([self._event("deal.restore", deal_id, moment)])

    def merge(self, primary: str, other: str, at: datetime | None = None) -> str:
        """HubSpot makes a new deal with the values of the primary one and the history of both; the id of the new deal."""
        moment, made = at or self.clock(), str(next(self._ids))
        first, second = self.deals.pop(primary), self.deals.pop(other)
        deal = Thing(made, min(first.created_at, second.created_at), moment)
        for name in {*first.history, *second.history}:
            own, others = first.history.get(name, []), second.history.get(name, [])
            deal.history[name] = own[:1] + sorted([*own[1:], *others], key=lambda version: version.at, reverse=True)
        deal.put({MERGED: f"{primary};{other}"}, moment)
        self.deals[made] = deal
        self.links[made] = list(dict.fromkeys([*self.links.pop(primary, []), *self.links.pop(other, [])]))
        self.merged |= {primary: made, other: made} | {old: made for old, now in self.merged.items() if now in (primary, other)}
        ids = {"primaryObjectId": int(primary), "mergedObjectIds": [int(other)], "newObjectId": int(made)}
        self._send([self._event("deal.merge", made, moment, **ids, numberOfPropertiesMoved=len(deal.history))])
        return made

    def _put(self, things: dict[str, Thing], kind: str, id_: str, values: Mapping[str, str], at: datetime | None) -> None:
        moment, is_new = at or self.clock(), id_ not in things
        thing = things.setdefault(id_, Thing(id_, moment, moment))
        changed = {name: value for name, value in values.items() if thing.value(name) != value}
        thing.put(changed, moment)
        events = [self._event(f"{kind}.creation", id_, moment, changeFlag="CREATED")] if is_new else []
        for name, value in () if is_new else changed.items():
            told = {"propertyName": name, "propertyValue": value}
            events.append(self._event(f"{kind}.propertyChange", id_, moment, **told))
        if events:
            self._send(events)

    def _event(self, subscription: str, id_: str, at: datetime, **more: Any) -> dict[str, Any]:
        head = {"eventId": next(self._events), "subscriptionId": 2870402, "portalId": self.portal_id, "appId": 3318842}
        told = {"occurredAt": to_millis(at), "subscriptionType": subscription, "attemptNumber": 0, "objectId": int(id_)}
        return {**head, **told, "changeSource": "CRM_UI", **more}


def iso(at: datetime) -> str:
    """HubSpot's own form of a time."""
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"


def _stages() -> list[dict[str, Any]]:
    told = (("appointmentscheduled", "0.2", False), ("qualifiedtobuy", "0.4", False), ("contractsent", "0.9", False))
    closed = (("closedwon", "1.0", True), ("closedlost", "0.0", True))
    return [
        {"id": id_, "metadata": {"probability": probability, "isClosed": str(is_closed).lower()}}
        for id_, probability, is_closed in (*told, *closed)
    ]
