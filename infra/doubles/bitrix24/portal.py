"""The portal's memory: items of every kind, their stage history, comments, and the events of what happens to them.

Kinds: 1 lead, 2 deal, 3 contact, 4 company, from 128 on smart processes. Items are kept as `crm.item.*` tells them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any
from urllib.parse import quote

from infra.doubles.bitrix24.limits import Bucket, Operating

LEAD, DEAL, CONTACT, COMPANY = 1, 2, 3, 4
NAMES = {LEAD: "LEAD", DEAL: "DEAL", CONTACT: "CONTACT", COMPANY: "COMPANY"}
WON, LOST = ("WON", "CONVERTED", "SUCCESS"), ("LOSE", "JUNK", "APOLOGY", "FAIL")
MOSCOW = timezone(timedelta(hours=3))
FORM = {"content-type": "application/x-www-form-urlencoded"}

Deliver = Callable[[str, Mapping[str, str]], None]
# (number of the event, its name) → how often it is sent: 0 loses it. The portal itself never repeats one.
Policy = Callable[[int, str], int]


def once(number: int, event: str) -> int:
    """Every event is sent once."""
    return 1


@dataclass
class Portal:
    """`clock` gives the present; `deliver(body, headers)` sends an event. `sent` has every event that was due, lost ones
    too: its name and its fields."""

    clock: Callable[[], datetime]
    deliver: Deliver | None = None
    policy: Policy = once
    user: int = 17
    code: str = "kvartalFAKEcode00000"
    member_id: str = "3579cec3152226ccb7d4dcc830e69c52"
    domain: str = "kvartal-example.bitrix24.ru"
    application_token: str = "74cf9e69179ad971459847792266c4f9"
    processes: tuple[int, ...] = ()
    cost: float = 0.02  # seconds that one command runs
    items: dict[int, dict[int, dict[str, Any]]] = field(default_factory=dict)
    history: dict[int, dict[int, list[dict[str, Any]]]] = field(default_factory=dict)
    comments: list[dict[str, Any]] = field(default_factory=list)
    traces: list[dict[str, Any]] = field(default_factory=list)  # of the portal's own analytics
    hidden: set[tuple[int, int]] = field(default_factory=set)  # items that the webhook's user may not see
    blank: set[tuple[int, int]] = field(default_factory=set)  # items whose row in a list is empty
    sent: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)
    outages: list[int] = field(default_factory=list)  # statuses that the next calls get instead of an answer

    def __post_init__(self) -> None:
        self.bucket, self.operating = Bucket(self.clock), Operating(self.clock)
        self._lock, self._depth = threading.RLock(), 0
        self._due: list[str] = []
        self._last: dict[int, int] = {}
        self._rows = 70_000
        for kind in (LEAD, DEAL, CONTACT, COMPANY, *self.processes):
            self.items[kind], self.history[kind] = {}, {}

    @contextmanager
    def acting(self) -> Iterator[None]:
        """Alone with the memory. Events go out once it is let go: who gets one may ask the portal at once."""
        due: list[str] = []
        with self._lock:
            self._depth += 1
            try:
                yield
            finally:
                self._depth -= 1
                if not self._depth:
                    due, self._due = self._due, []
        for body in due:
            if self.deliver:
                self.deliver(body, FORM)

    def add(self, kind: int, fields: Mapping[str, Any], number: int | None = None) -> int:
        """A new item; its id. `fields` as crm.item.add takes them."""
        with self.acting():
            return self._add(kind, fields, number)

    def change(self, kind: int, number: int, fields: Mapping[str, Any]) -> None:
        """Fields of an item; a stage or a funnel among them makes history. KeyError where it is not there."""
        with self.acting():
            self._change(kind, number, fields)

    def move(self, number: int, stage: str, kind: int = DEAL) -> None:
        """An item to another stage."""
        self.change(kind, number, {"stageId": stage})

    def delete(self, kind: int, number: int) -> None:
        """An item goes, with its history."""
        with self.acting():
            del self.items[kind][number]
            self.history[kind].pop(number, None)
            self._happened(kind, number, "DELETE")

    def convert(self, lead: int, deal: Mapping[str, Any], number: int | None = None) -> int:
        """A lead becomes a deal; the deal's id."""
        with self.acting():
            number = self.add(DEAL, {**deal, "leadId": lead}, number)
            self.change(LEAD, lead, {"stageId": "CONVERTED"})
            return number

    def client(self, kind: int = CONTACT, name: str = "", phones: tuple[str, ...] = (), emails: tuple[str, ...] = ()) -> int:
        """A new contact or company; its id."""
        return self.add(kind, {"name": name, "fm": multifields(phones, emails)})

    def _add(self, kind: int, fields: Mapping[str, Any], number: int | None) -> int:
        number = number or self._last.get(kind, 0) + 1
        self._last[kind] = max(number, self._last.get(kind, 0))
        now = self._now()
        item = {**_blank(kind, now, self.user), **fields, "id": number, "entityTypeId": kind}
        if kind not in (CONTACT, COMPANY):
            item["stageSemanticId"] = semantics(item["stageId"])
        if item.get("contactId") and not item.get("contactIds"):
            item["contactIds"] = [item["contactId"]]
        self.items[kind][number] = item
        if kind not in (CONTACT, COMPANY):
            self._moved(kind, item, 1, now)
        self._happened(kind, number, "ADD")
        return number

    def _change(self, kind: int, number: int, fields: Mapping[str, Any]) -> None:
        item, now = self.items[kind][number], self._now()
        before = (item.get("stageId"), item.get("categoryId"))
        item.update({**fields, "updatedTime": now, "updatedBy": self.user})
        if kind not in (CONTACT, COMPANY) and (item.get("stageId"), item.get("categoryId")) != before:
            item.update({"movedTime": now, "movedBy": self.user, "stageSemanticId": semantics(item["stageId"])})
            item["closed"] = "N" if item["stageSemanticId"] == "P" else "Y"
            is_funnel = item.get("categoryId") != before[1]
            self._moved(kind, item, 5 if is_funnel else 2 if item["stageSemanticId"] == "P" else 3, now)
        self._happened(kind, number, "UPDATE")

    def event(self, name: str, fields: Mapping[str, Any]) -> str:
        """An event's body, as an outgoing webhook sends it."""
        parts = [("event", name), ("event_handler_id", "322")]
        parts += [(f"data[FIELDS][{part}]", str(value)) for part, value in fields.items()]
        parts += [("ts", str(int(self.clock().timestamp())))]
        return f"{_encoded(parts)}&{_encoded(self._auth())}"

    def _auth(self) -> list[tuple[str, str]]:
        auth = {
            "domain": self.domain,
            "client_endpoint": f"https://{self.domain}/rest/",
            "server_endpoint": "https://oauth.bitrix.info/rest/",
            "member_id": self.member_id,
            "application_token": self.application_token,
        }
        return [(f"auth[{part}]", value) for part, value in auth.items()]

    def _happened(self, kind: int, number: int, change: str) -> None:
        is_process = kind not in NAMES
        name = f"ONCRM{'DYNAMICITEM' if is_process else NAMES[kind]}{change}"
        fields = {"ID": number, **({"ENTITY_TYPE_ID": kind} if is_process else {})}
        self.sent.append((name, fields))
        if self.deliver:
            self._due += [self.event(name, fields)] * self.policy(len(self.sent) - 1, name)

    def _moved(self, kind: int, item: Mapping[str, Any], row_type: int, now: str) -> None:
        self._rows += 1
        row = {"ID": self._rows, "TYPE_ID": row_type, "OWNER_ID": item["id"], "CREATED_TIME": now}
        stage = {"STAGE_SEMANTIC_ID": item["stageSemanticId"], "STAGE_ID": item["stageId"]}
        if kind == LEAD:
            row |= {name.replace("STAGE", "STATUS"): value for name, value in stage.items()}
        else:
            row |= {"CATEGORY_ID": item["categoryId"], **stage}
        self.history[kind].setdefault(item["id"], []).append(row)

    def _now(self) -> str:
        return self.clock().astimezone(MOSCOW).isoformat(timespec="seconds")


def _encoded(parts: list[tuple[str, str]]) -> str:
    return "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in parts)


def semantics(stage: str) -> str:
    """Whether a stage is won (S), lost (F) or in work (P)."""
    tail = stage.rpartition(":")[2]
    return "S" if tail in WON else "F" if tail in LOST else "P"


def multifields(phones: tuple[str, ...] = (), emails: tuple[str, ...] = ()) -> list[dict[str, Any]]:
    """`fm` of an item."""
    told = [("PHONE", phone) for phone in phones] + [("EMAIL", email) for email in emails]
    return [{"id": 100 + n, "valueType": "WORK", "value": value, "typeId": kind} for n, (kind, value) in enumerate(told)]


def _blank(kind: int, now: str, user: int) -> dict[str, Any]:
    common = {"createdTime": now, "updatedTime": now, "createdBy": user, "updatedBy": user, "assignedById": user, "opened": "Y"}
    if kind in (CONTACT, COMPANY):
        return {**common, "name": None, "fm": [], "originatorId": None, "originId": None}
    marks = {f"utm{part}": None for part in ("Source", "Medium", "Campaign", "Content", "Term")}
    deal = {
        "contactId": 0, "companyId": 0, "contactIds": [], "opportunity": 0, "currencyId": "RUB", "sourceId": None,
        "title": "", "originatorId": None, "originId": None, "webformId": 0, "movedTime": now, "movedBy": user, "observers": [],
    }  # fmt: skip
    if kind == LEAD:
        return {**common, **deal, **marks, "stageId": "NEW", "fm": []}
    return {**common, **deal, **marks, "stageId": "NEW", "categoryId": 0, "closed": "N", "leadId": 0}
