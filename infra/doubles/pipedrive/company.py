"""A Pipedrive company in memory: deals with their changelog, persons, and the events that changes cause."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

LOGGED = ("stage_id", "status", "pipeline_id", "value", "currency", "lost_reason")
_TIMES = {"won": "won_time", "lost": "lost_time"}
Event = dict[str, Any]


class Company:
    """`clock` gives the present; every change may be told another time `at`. `send(event)` gets each change's webhook."""

    def __init__(self, clock: Callable[[], datetime], send: Callable[[Event], None], company_id: int = 9047716) -> None:
        self.clock, self._send, self.company_id = clock, send, company_id
        self.deals: dict[int, dict[str, Any]] = {}
        self.persons: dict[int, dict[str, Any]] = {}
        self.log: dict[int, list[dict[str, Any]]] = {}  # the newest first
        self._numbers = itertools.count(1)
        self._ids = itertools.count(8001)

    def put_person(
        self, person_id: int, phones: tuple[str, ...] = (), emails: tuple[str, ...] = (), at: datetime | None = None
    ) -> None:
        """Make a person, or change what he is reached by."""
        before = self.persons.get(person_id)
        now = {"id": person_id, "name": f"Person {person_id}", "phones": _values(phones), "emails": _values(emails)}
        self.persons[person_id] = now | {"update_time": iso(at or self.clock())}
        changed = {name: value for name, value in (before or {}).items() if now.get(name, value) != value}
        self._tell("person", "change" if before else "create", self.persons[person_id], changed if before else None, at)

    def put_deal(self, deal_id: int = 0, at: datetime | None = None, **values: Any) -> int:
        """Make a deal, or change it; its id. `status` won and lost set their times as Pipedrive does."""
        moment, deal_id = at or self.clock(), deal_id or next(self._ids)
        before = self.deals.get(deal_id)
        deal = dict(before) if before else _new(deal_id, moment)
        deal |= values | {"update_time": iso(moment)}
        if before and deal["status"] != before["status"] and deal["status"] in (*_TIMES, "open"):
            deal |= {"won_time": None, "lost_time": None, "close_time": None}
        if deal["status"] in _TIMES and (before is None or before["status"] != deal["status"]):
            name = _TIMES[deal["status"]]
            deal |= {name: values.get(name) or iso(moment), "close_time": values.get(name) or iso(moment)}
        self.deals[deal_id] = deal
        changed = {name: value for name, value in (before or {}).items() if deal[name] != value}
        for name in LOGGED:
            if name in changed:
                self._log(deal_id, name, changed[name], deal[name], moment)
        self._tell("deal", "change" if before else "create", deal, changed if before else None, moment)
        return deal_id

    def move(self, deal_id: int, stage_id: int, at: datetime | None = None, **values: Any) -> None:
        """To another stage."""
        self.put_deal(deal_id, at, stage_id=stage_id, **values)

    def delete(self, deal_id: int, at: datetime | None = None, **meta: Any) -> None:
        """It is told as deleted for 30 days, then no more."""
        moment = at or self.clock()
        before = self.deals[deal_id]
        self.deals[deal_id] = before | {"status": "deleted", "is_deleted": True, "update_time": iso(moment)}
        self._log(deal_id, "status", before["status"], "deleted", moment)
        self._tell("deal", "delete", None, before, moment, entity_id=deal_id, **meta)

    def merge(self, survivor: int, other: int, at: datetime | None = None) -> None:
        """The other deal goes; the survivor takes what it lacks."""
        moment, gone = at or self.clock(), self.deals[other]
        lacking = {name: gone[name] for name in ("person_id", "org_id") if self.deals[survivor][name] is None and gone[name]}
        self.delete(other, moment, merged_to_id=str(survivor))
        before = self.deals[survivor]
        self.deals[survivor] = before | lacking | {"update_time": iso(moment)}
        changed = {"update_time": before["update_time"], **{name: before[name] for name in lacking}}
        self._tell("deal", "change", self.deals[survivor], changed, moment, merged_from_id=str(other))

    def archive(self, deal_id: int, at: datetime | None = None) -> None:
        """Out of the lists, but not deleted."""
        self.put_deal(deal_id, at, is_archived=True)

    def purge(self, deal_id: int) -> None:
        """What Pipedrive does 30 days after a deletion."""
        del self.deals[deal_id]

    def _log(self, deal_id: int, name: str, before: Any, after: Any, at: datetime) -> None:
        line = {"field_key": name, "old_value": _text(before), "new_value": _text(after), "actor_user_id": 15530271}
        line |= {"time": at.strftime("%Y-%m-%d %H:%M:%S"), "change_source": "app", "is_bulk_update_flag": False}
        self.log.setdefault(deal_id, []).insert(0, line)

    def _tell(
        self, entity: str, action: str, data: Mapping[str, Any] | None, previous: Any, at: datetime | None, **meta: Any
    ) -> None:
        moment = at or self.clock()
        head = {
            "action": action,
            "entity": entity,
            "company_id": str(self.company_id),
            "entity_id": str(meta.pop("entity_id", data["id"] if data else "")),
            "id": str(uuid.UUID(int=next(self._numbers))),
            "is_bulk_edit": False,
            "timestamp": moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z",
            "version": "2.0",
            "change_source": "app",
            "attempt": 1,
            **meta,
        }
        self._send({"meta": head, "data": data, "previous": previous})


def iso(at: datetime) -> str:
    """Pipedrive's own form of a time: whole seconds."""
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def _new(deal_id: int, at: datetime) -> dict[str, Any]:
    none = dict.fromkeys(("person_id", "org_id", "won_time", "lost_time", "close_time", "lost_reason"))
    place = {"value": 0, "currency": "RUB", "status": "open", "stage_id": 71, "pipeline_id": 12, "owner_id": 15530271}
    told = {"label_ids": [], "origin": "ManuallyCreated", "is_deleted": False, "is_archived": False, "custom_fields": {}}
    return {"id": deal_id, "title": f"Deal {deal_id}", **place, **none, **told, "add_time": iso(at), "update_time": iso(at)}


def _values(told: tuple[str, ...]) -> list[dict[str, Any]]:
    return [{"label": "work", "value": value, "primary": number == 0} for number, value in enumerate(told)]


def _text(told: Any) -> str | None:
    return None if told is None else str(told)
