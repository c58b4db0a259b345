"""The toy CRM: leads in memory, a board to move them on, and amoCRM's webhooks to the running stack."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import NamedTuple

from infra.local.gateway import Answer, HttpRequest
from infra.shop import amocrm
from infra.shop.amocrm import COST_FIELD, LOSS_REASONS, LOST, MANAGERS, STAGES, Contact, Lead
from infra.shop.pages import form_of, page, redirect, whole_number

FIRST_LEAD, FIRST_CONTACT = 41870233, 52640917
MOST_MONEY = 99_999_999
_MONEY = "целое число рублей, например 14 900, без букв и копеек. Ничего не сохранено."


class Told(NamedTuple):
    """One webhook that went out: what it was, and the status it got."""

    at: datetime
    what: str
    status: int


class Crm:
    """`send` posts one webhook; `now` is the clock. Safe to use from several threads."""

    def __init__(self, send: Callable[[str], Answer], now: Callable[[], datetime]) -> None:
        self._send, self._now = send, now
        self._lock = threading.RLock()
        self._stamps: dict[int, datetime] = {}
        self.leads: dict[int, Lead] = {}
        self.contacts: dict[int, Contact] = {}
        self.told: list[Told] = []

    def take(
        self, title: str, name: str, phone: str, email: str = "", price: int = 0, fields: Mapping[str, str] | None = None
    ) -> Lead:
        """A new lead with its contact: `leads[add]`, `contacts[add]` (or `[update]` of the contact who has that phone)."""
        with self._lock:
            now = self._now()
            lead = Lead(FIRST_LEAD + len(self.leads), title, now, price=price, fields=dict(fields or {}))
            lead.manager_id = list(MANAGERS)[len(self.leads) % len(MANAGERS)]
            self.leads[lead.lead_id] = lead
            known = next((c for c in self.contacts.values() if phone and c.phone == phone), None)
            contact = known or Contact(FIRST_CONTACT + len(self.contacts), name, phone, email, now)
            contact.email = contact.email or email
            contact.leads.append(lead.lead_id)
            self.contacts[contact.contact_id] = contact
            lead.contact_id = contact.contact_id
            at = self._stamp(lead)
            self._tell("leads[add]", amocrm.lead_added(lead, at))
            if known:
                self._tell("contacts[update]", amocrm.contact_updated(contact, at))
            else:
                self._tell("contacts[add]", amocrm.contact_added(contact, at))
            return lead

    def move(self, lead_id: int, status_id: str, price: int, cost: int | None, reason_id: str = "") -> None:
        """Set price and cost, and move the lead: `leads[status]`, or `leads[update]` where it stays. KeyError for no such lead."""
        with self._lock:
            lead = self.leads[lead_id]
            before, lead.status_id, lead.price = lead.status_id, status_id, price
            lead.fields[COST_FIELD] = "" if cost is None else str(cost)
            lead.loss_reason_id = reason_id if status_id == LOST else ""
            at = self._stamp(lead)
            if before == status_id:
                self._tell("leads[update]", amocrm.lead_updated(lead, at))
            else:
                self._tell("leads[status]", amocrm.lead_moved(lead, before, at))

    def _stamp(self, lead: Lead) -> datetime:
        """Now, and later than the lead's last event: amoCRM tells whole seconds, and quick hands make two moves in one."""
        at = self._now().replace(microsecond=0)
        last = self._stamps.get(lead.lead_id)
        if last is not None and at <= last:
            at = last + timedelta(seconds=1)
        self._stamps[lead.lead_id] = at
        return at

    def _tell(self, what: str, body: str) -> None:
        self.told.append(Told(self._now(), what, self._send(body).status))


class CrmScreen:
    """The board, and the form of each lead."""

    def __init__(self, crm: Crm) -> None:
        self._crm = crm

    def show(self, request: HttpRequest) -> Answer:
        return self._page()

    def _page(self, typed: Mapping[str, str] = MappingProxyType({}), wrong: str = "", wrong_id: int = 0) -> Answer:
        """The board; with `wrong` said in the form of the lead `wrong_id`, which keeps what was typed."""
        crm = self._crm
        rows = [(lead, crm.contacts[lead.contact_id]) for lead in sorted(crm.leads.values(), key=lambda one: -one.lead_id)]
        told = crm.told[:-9:-1]
        names = {"stages": STAGES, "reasons": LOSS_REASONS, "managers": MANAGERS, "cost_field": COST_FIELD, "lost": LOST}
        mistake = {"typed": typed, "wrong": wrong, "wrong_id": wrong_id}
        return page("crm", {"here": "/demo/crm", "rows": rows, "told": told, **names, **mistake}, 422 if wrong else 200)

    def move(self, request: HttpRequest, lead_id: str) -> Answer:
        """POST of a lead's form: price, cost, and the stage whose button was pressed (none: it stays)."""
        told = {"price": "", "cost": "", "reason": "", **form_of(request)}
        lead = self._crm.leads.get(int(lead_id)) if lead_id.isdigit() else None
        if lead is None or told.get("stage", lead.status_id) not in STAGES:
            return redirect("/demo/crm")
        typed_cost = told["cost"].strip()
        price = whole_number(told["price"], 0, MOST_MONEY)
        cost = whole_number(typed_cost, 0, MOST_MONEY)
        if price is None:
            return self._page(told, f"Бюджет: {_MONEY}", lead.lead_id)
        if cost is None and typed_cost:
            return self._page(told, f"Себестоимость: {_MONEY} Если она неизвестна, оставьте поле пустым.", lead.lead_id)
        reason = told["reason"] if told["reason"] in LOSS_REASONS else ""
        self._crm.move(lead.lead_id, told.get("stage", lead.status_id), price, cost, reason)
        return redirect(f"/demo/crm#lead-{lead.lead_id}")
