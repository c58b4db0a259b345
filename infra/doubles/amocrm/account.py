"""An account of amoCRM in memory: leads, contacts, companies, customers, purchases, notes, and the list of events that tells how
they came to stand as they do. Every change is told by a webhook as well."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from infra.doubles.amocrm.hooks import Hooks
from infra.shop import amocrm
from infra.shop.amocrm import PIPELINE, Contact, Lead

FIRST_STAGE = "58113402"
_FIRST = {"leads": 41_870_233, "contacts": 52_640_917, "companies": 61_000_001, "customers": 700_001, "purchases": 1, "notes": 1}


@dataclass
class OfLead:
    """What the API knows of a lead besides its hook's fields."""

    lead: Lead
    updated_at: datetime
    contacts: list[int] = field(default_factory=list)
    companies: list[int] = field(default_factory=list)
    source_id: int | None = None
    is_deleted: bool = False


@dataclass
class Customer:
    """A customer (покупатель)."""

    customer_id: int
    name: str
    status_id: int
    created_at: datetime
    updated_at: datetime
    contacts: list[int] = field(default_factory=list)


class Account:
    """`clock` gives the present; amoCRM tells it in whole seconds. Safe to use from several threads."""

    def __init__(self, clock: Callable[[], datetime], hooks: Hooks | None = None) -> None:
        self.hooks = hooks or Hooks()
        self.lock = threading.RLock()
        self._depth = 0
        self.leads: dict[int, OfLead] = {}
        self.contacts: dict[int, Contact] = {}
        self.updated: dict[int, datetime] = {}  # of contacts and companies
        self.companies: dict[int, Contact] = {}
        self.customers: dict[int, Customer] = {}
        self.purchases: dict[int, dict[str, Any]] = {}
        self.notes: list[dict[str, Any]] = []
        self.events: list[dict[str, Any]] = []
        self.events_of: dict[int, list[dict[str, Any]]] = defaultdict(list)
        self._clock, self._next = clock, dict(_FIRST)

    @contextmanager
    def changing(self, *, is_told: bool = True) -> Iterator[None]:
        """Alone with the account; the webhooks of what changed go out afterwards, once nobody is kept waiting. Not `is_told`:
        later."""
        with self.lock:
            self._depth += 1
            try:
                yield
            finally:
                self._depth -= 1
                is_last = self._depth == 0
        if is_last and is_told:
            self.hooks.send()

    def now(self) -> datetime:
        return self._clock().replace(microsecond=0)

    def add_lead(
        self,
        name: str = "Заявка",
        *,
        price: int = 0,
        phone: str = "",
        email: str = "",
        status_id: str = FIRST_STAGE,
        fields: Mapping[str, str] | None = None,
        tags: Sequence[str] = (),
        creator_id: int = 0,
        manager_id: str = "8830151",
        pipeline_id: str = PIPELINE,
        contact_id: int | None = None,
        source_id: int | None = None,
        person: str = "",
        lead_id: int | None = None,
    ) -> int:
        """A new lead, with that id where one is given; with a contact of its own where a phone, an e-mail or a person's name is
        given, or with `contact_id`."""
        with self.changing():
            now = self.now()
            lead = Lead(lead_id or self.next_id("leads"), name, now, status_id, price, manager_id, fields=dict(fields or {}))
            lead.pipeline_id, lead.creator_id, lead.tags = pipeline_id, creator_id, list(tags)
            self.leads[lead.lead_id] = OfLead(lead, now, source_id=source_id)
            self._event("lead_added", lead.lead_id, creator_id, [], [{"note": {"id": lead.lead_id}}])
            self.hooks.tell("leads.add", lead.lead_id, amocrm.lead_added(lead, now))
            if contact_id is not None:
                self.link(contact_id, lead.lead_id)
            elif phone or email or person:
                self.add_contact(person or name, [phone] if phone else [], email, [lead.lead_id])
            return lead.lead_id

    def move(
        self, lead_id: int, status_id: str, *, price: int | None = None, loss_reason_id: str = "", pipeline_id: str | None = None
    ) -> None:
        """To another stage; a new price goes with it."""
        with self.changing():
            of, now = self._alive(lead_id), self.now()
            lead, before, from_pipeline = of.lead, of.lead.status_id, of.lead.pipeline_id
            lead.status_id, lead.loss_reason_id, lead.pipeline_id = status_id, loss_reason_id, pipeline_id or from_pipeline
            self._priced(of, price)
            of.updated_at = now
            old, new = _status(before, from_pipeline), _status(status_id, lead.pipeline_id)
            self._event("lead_status_changed", lead_id, int(lead.manager_id), [old], [new])
            self.hooks.tell("leads.status", lead_id, amocrm.lead_moved(lead, before, now, from_pipeline))

    def change(
        self, lead_id: int, *, price: int | None = None, fields: Mapping[str, str] | None = None, manager_id: str | None = None
    ) -> None:
        """Sum, fields, manager."""
        with self.changing():
            of, now = self._alive(lead_id), self.now()
            self._priced(of, price)
            of.lead.fields |= fields or {}
            of.lead.manager_id = manager_id or of.lead.manager_id
            of.updated_at = now
            self.hooks.tell("leads.update", lead_id, amocrm.lead_updated(of.lead, now))

    def fill(self, lead_id: int, fields: Mapping[str, str]) -> None:
        """Fields that the next change tells with itself, as a form that is saved at once."""
        with self.lock:
            self._alive(lead_id).lead.fields |= fields

    def note(self, lead_id: int, note_type: str, text: str = "", *, moves: bool = True) -> int:
        """A note on a lead. `moves`: the lead's time of change goes with it; amoCRM does not promise that."""
        with self.changing():
            of, now, number = self._alive(lead_id), self.now(), self.next_id("notes")
            self.notes.append({**_written(number, lead_id, now), "note_type": note_type, "params": {"text": text}})
            of.updated_at = now if moves else of.updated_at
            self.hooks.tell("leads.note", lead_id, amocrm.lead_noted(lead_id, {"id": number, "type": 4, "text": text}, now))
            return number

    def delete(self, lead_id: int) -> None:
        """Into the bin: the API shows it no more."""
        with self.changing():
            of = self._alive(lead_id)
            of.is_deleted = True
            self._event("lead_deleted", lead_id, int(of.lead.manager_id), [], [])
            self.hooks.tell("leads.delete", lead_id, amocrm.lead_deleted(of.lead))

    def restore(self, lead_id: int) -> None:
        """Out of the bin. Its time of change stays."""
        with self.changing():
            of = self.leads[lead_id]
            of.is_deleted = False
            self._event("lead_restored", lead_id, int(of.lead.manager_id), [], [])
            self.hooks.tell("leads.restore", lead_id, amocrm.lead_restored(of.lead, self.now()))

    def merge(self, staying: int, absorbed: int) -> None:
        """Two leads become one: the first stays, with the second's contacts."""
        with self.changing():
            of, gone, now = self._alive(staying), self._alive(absorbed), self.now()
            of.contacts += [one for one in gone.contacts if one not in of.contacts]
            of.updated_at, gone.is_deleted = now, True
            for contact_id in gone.contacts:
                leads = self.contacts[contact_id].leads
                leads[:] = dict.fromkeys(staying if lead == absorbed else lead for lead in leads)
            user = int(of.lead.manager_id)
            self._event("lead_deleted", absorbed, user, [], [])
            self._event("entity_merged", staying, user, [], [{"merge": {"entity": {"type": "lead", "id": absorbed}}}])
            self.hooks.tell("leads.delete", absorbed, amocrm.lead_deleted(gone.lead))
            self.hooks.tell("leads.update", staying, amocrm.lead_updated(of.lead, now))

    def add_contact(
        self, name: str, phones: Sequence[str] = (), email: str = "", leads: Sequence[int] = (), *, is_company: bool = False
    ) -> int:
        """A contact or a company of some leads."""
        with self.changing():
            kind, now = "companies" if is_company else "contacts", self.now()
            contact = Contact(
                self.next_id(kind), name, next(iter(phones), ""), email, now, list(leads), list(phones[1:]), is_company
            )
            (self.companies if is_company else self.contacts)[contact.contact_id] = contact
            self.updated[contact.contact_id] = now
            for lead in leads:
                (self.leads[lead].companies if is_company else self.leads[lead].contacts).append(contact.contact_id)
            self.hooks.tell("contacts.add", contact.contact_id, amocrm.contact_added(contact, now))
            return contact.contact_id

    def change_contact(self, contact_id: int, *, phones: Sequence[str] | None = None, email: str | None = None) -> None:
        """Its phones or e-mail; its leads' times of change stay."""
        with self.changing():
            contact = self.contacts.get(contact_id) or self.companies[contact_id]
            if phones is not None:
                contact.phone, contact.more_phones = next(iter(phones), ""), list(phones[1:])
            contact.email = contact.email if email is None else email
            self._contact_told(contact)

    def link(self, contact_id: int, lead_id: int) -> None:
        """One lead more for a contact that is there."""
        with self.changing():
            contact = self.contacts[contact_id]
            contact.leads.append(lead_id)
            self.leads[lead_id].contacts.append(contact_id)
            self._contact_told(contact)

    def add_customer(self, name: str, status_id: int = 4_000_001, contacts: Sequence[int] = ()) -> int:
        """A customer."""
        with self.changing():
            now = self.now()
            customer = Customer(self.next_id("customers"), name, status_id, now, now, list(contacts))
            self.customers[customer.customer_id] = customer
            self.hooks.tell("customers.add", customer.customer_id, amocrm.customer_told("add", customer.customer_id, now))
            return customer.customer_id

    def buy(self, customer_id: int, price: int) -> int:
        """A purchase of a customer, now."""
        with self.changing():
            now, number = self.now(), self.next_id("purchases")
            told = {"id": number, "customer_id": customer_id, "price": price, "completed_at": _seconds(now), "is_deleted": False}
            self.purchases[number] = {**told, "created_at": _seconds(now), "updated_at": _seconds(now), "comment": ""}
            self.customers[customer_id].updated_at = now
            self.hooks.tell("customers.update", customer_id, amocrm.customer_told("update", customer_id, now))
            return number

    def delete_customer(self, customer_id: int) -> None:
        with self.changing():
            del self.customers[customer_id]
            self._event("customer_deleted", customer_id, 0, [], [], "customer")
            self.hooks.tell("customers.delete", customer_id, amocrm.customer_told("delete", customer_id, self.now()))

    def next_id(self, kind: str) -> int:
        """The next free id."""
        with self.lock:
            number = self._next[kind]
            self._next[kind] += 1
            return number

    def _alive(self, lead_id: int) -> OfLead:
        of = self.leads[lead_id]
        if of.is_deleted:
            raise KeyError(lead_id)
        return of

    def _priced(self, of: OfLead, price: int | None) -> None:
        if price is not None and price != of.lead.price:
            before, of.lead.price = of.lead.price, price
            self._event("sale_field_changed", of.lead.lead_id, int(of.lead.manager_id), [_sale(before)], [_sale(price)])

    def _contact_told(self, contact: Contact) -> None:
        now = self.now()
        self.updated[contact.contact_id] = now
        self.hooks.tell("contacts.update", contact.contact_id, amocrm.contact_updated(contact, now))

    def _event(self, kind: str, entity_id: int, user: int, before: list[Any], after: list[Any], entity_type: str = "lead") -> None:
        event = {
            "id": f"01{len(self.events):024d}",
            "type": kind,
            "entity_id": entity_id,
            "entity_type": entity_type,
            "created_by": user,
            "created_at": _seconds(self.now()),
            "value_before": before,
            "value_after": after,
        }
        self.events.append(event)
        self.events_of[entity_id].append(event)


def _written(number: int, lead_id: int, at: datetime) -> dict[str, Any]:
    return {"id": number, "entity_id": lead_id, "created_at": _seconds(at), "updated_at": _seconds(at)}


def _status(status_id: str, pipeline_id: str) -> dict[str, Any]:
    return {"lead_status": {"id": int(status_id), "pipeline_id": int(pipeline_id)}}


def _sale(price: int) -> dict[str, Any]:
    return {"sale_field_value": {"sale": price}}


def _seconds(at: datetime) -> int:
    return int(at.timestamp())
