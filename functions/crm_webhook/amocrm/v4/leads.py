"""Leads of the API → records: the deal's history, how it stands now with its client's keys, deletions and merges."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from functions.crm_webhook.amocrm.items import Item
from functions.crm_webhook.amocrm.states import CONTACT_RANK, PROVIDER, Reader, keys_of, lead_values, person_of
from functions.crm_webhook.amocrm.v4.answers import id_of, item_of, linked_ids
from functions.crm_webhook.amocrm.v4.history import (
    MERGE_RANK,
    NOW_RANK,
    Event,
    Merge,
    Now,
    events_of,
    history,
    is_gone,
    left_to_tell,
    merges_of,
    was_deleted_after,
)
from functions.crm_webhook.amocrm.v4.line import by_ids
from functions.crm_webhook.api.line import Line
from functions.crm_webhook.deals import Ahead, DealState, PaymentTold, payment_record, state_record
from functions.crm_webhook.outcome import Arrival, Outcome, Person
from functions.crm_webhook.reading import BadField, Private
from shared.lake import Rejected

WITH = "contacts,loss_reason,source_id"
_MOST_CLIENTS = 5  # contacts of one lead that are read for its keys; the main one first
Told = Mapping[str, Any]


class Telling:
    """Puts what the API answers into one outcome. `amo` are the settings of amoCRM."""

    def __init__(self, line: Line, amo: Mapping[str, Any], currency: str, arrival: Arrival) -> None:
        self.line, self.amo, self.currency, self.arrival, self.outcome = line, amo, currency, arrival, Outcome()

    def leads(self, ids: Sequence[str]) -> int:
        """These leads, wherever they are by now; how many."""
        ids = list(dict.fromkeys(ids))
        found = {id_of(lead): lead for lead in by_ids(self.line, "leads", ids, WITH)}
        self.found_leads([lead for lead in found.values() if not lead.get("is_deleted")])
        self.gone([one for one in ids if one not in found or found[one].get("is_deleted")])
        return len(ids)

    def found_leads(self, leads: Sequence[dict[str, Any]]) -> None:
        """Leads as lists tell them, with their contacts' ids."""
        if not leads:
            return
        clients = Clients(self, leads)
        reader = self.reader(clients.people)
        events = events_of(self.line, [id_of(lead) for lead in leads], self.outcome.passed_over)
        for lead in leads:
            self._lead(lead, events[id_of(lead)], clients, reader)
        self.outcome.people += clients.people
        self._merges(events, {id_of(lead) for lead in leads})

    def gone(self, ids: Sequence[str]) -> None:
        """Leads that amoCRM knows no more: what their events still tell, and that they are deleted."""
        if not ids:
            return
        events = events_of(self.line, ids, self.outcome.passed_over)
        for lead in ids:
            states = history(lead, Now(), events[lead], self.currency, self.outcome.passed_over)
            if not is_gone(events[lead]):
                states.append(DealState(deal_id=lead, told_at=None, via="api", values={"is_deleted": True}))
            self.states(states, f"lead {lead}")
        self._merges(events, set())

    def states(self, states: Iterable[DealState], place: str) -> None:
        """Records of one deal; all of them, or a refusal with its reason."""
        try:
            self.outcome.records += [state_record(state, PROVIDER, self.arrival) for state in states]
        except Ahead as error:
            self.outcome.rejected.append(Rejected("future", f"{place}: {error}"))

    def payments(self, payments: Iterable[PaymentTold], place: str) -> None:
        """Records of payments, likewise."""
        try:
            self.outcome.records += [payment_record(one, PROVIDER, self.arrival) for one in payments]
        except Ahead as error:
            self.outcome.rejected.append(Rejected("future", f"{place}: {error}"))

    def refuse(self, place: str, error: Exception) -> None:
        """An entity whose field cannot be right."""
        self.outcome.rejected.append(Rejected("bad_field", f"{place}.{error}"))

    def reader(self, people: Iterable[Person]) -> Reader:
        """What items are read with; `people` are those whose phones must not stay in other fields."""
        private = Private([phone for person in people for phone in person.phones], self.arrival.identity_key)
        return Reader(self.arrival, self.currency, self.amo, private, self.outcome.passed_over)

    def _lead(self, told: dict[str, Any], events: Sequence[Event], clients: Clients, reader: Reader) -> None:
        item = item_of("leads", told)
        try:
            lead, at, values = item.needed_id(), item.moment("updated_at", "created_at"), lead_values(item, reader)
        except BadField as error:
            self.refuse(item.place, error)
            return
        now = Now(values["deal_created_at"], values["pipeline"], values["stage"], values["amount"])
        states = history(lead, now, events, self.currency, self.outcome.passed_over)
        values = {**left_to_tell(states, values, at or self.arrival.received_at), **clients.keys(told, reader)}
        states.append(DealState(deal_id=lead, told_at=at, rank=NOW_RANK, via="api", values=values))
        self.states(states, item.place)

    def _merges(self, events: dict[str, list[Event]], alive: set[str]) -> None:
        """Of the leads that an event of merging names, the one that was still there afterwards took over the others."""
        merges = [merge for some in events.values() for merge in merges_of(some)]
        asked = list(dict.fromkeys(one for merge in merges for one in merge.leads if one not in events))
        if asked:
            found = {id_of(one) for one in by_ids(self.line, "leads", asked, "contacts") if not one.get("is_deleted")}
            alive = alive | found
            events = events | events_of(self.line, [one for one in asked if one not in found], self.outcome.passed_over)
        for merge in merges:
            staying = [one for one in merge.leads if one in alive or was_deleted_after(events.get(one, ()), merge.at)]
            self.states(_absorbed(merge, staying), f"lead {merge.leads[0]}")


class Clients:
    """Contacts and companies of some leads: who the deals' clients are. Companies are asked where the contacts have no key."""

    def __init__(self, telling: Telling, leads: Sequence[dict[str, Any]]) -> None:
        wanted = [one for lead in leads for one in linked_ids(lead, "contacts")[:_MOST_CLIENTS]]
        self._contacts = _persons(telling, "contacts", wanted)
        lacking = [lead for lead in leads if not any(_has_key(person) for person in self._of(lead, "contacts", self._contacts))]
        wanted = [one for lead in lacking for one in linked_ids(lead, "companies")]
        self._companies = _persons(telling, "companies", wanted)
        self.people = [*self._contacts.values(), *self._companies.values()]

    def keys(self, lead: dict[str, Any], reader: Reader) -> dict[str, Any]:
        """The deal's keys: its main contact's id, and the first usable phone and e-mail."""
        persons = [*self._of(lead, "contacts", self._contacts), *self._of(lead, "companies", self._companies)]
        return {"contact_id": next(iter(linked_ids(lead, "contacts")), None), **keys_of(persons, reader)}

    @staticmethod
    def _of(lead: dict[str, Any], name: str, persons: Mapping[str, Person]) -> list[Person]:
        return [persons[one] for one in linked_ids(lead, name) if one in persons]


def client_states(telling: Telling, clients: Sequence[dict[str, Any]], name: str) -> int:
    """Contacts (or companies) that changed → the deals whose client they are, and how many: those whose main contact this is (a
    company: those without a contact)."""
    items = {id_of(one): item_of(name, one) for one in clients}
    linked = [lead for one in clients for lead in linked_ids(one, "leads")]
    leads = [lead for lead in by_ids(telling.line, "leads", linked, WITH) if not lead.get("is_deleted")]
    people = {one: person_of(item) for one, item in items.items()}
    reader = telling.reader(people.values())
    telling.outcome.people += people.values()
    for lead in leads:
        contacts, companies = linked_ids(lead, "contacts"), linked_ids(lead, "companies")
        of = next(iter(contacts if name == "contacts" or contacts else companies), "")
        if of in items:
            _tell_client(telling, id_of(lead), items[of], {} if name == "companies" else {"contact_id": of}, reader)
    return len(leads)


def _tell_client(telling: Telling, lead: str, item: Item, who: dict[str, Any], reader: Reader) -> None:
    try:
        at = item.moment("updated_at", "created_at")
    except BadField as error:
        telling.refuse(item.place, error)
        return
    values = {**keys_of([person_of(item)], reader), **who}
    if any(values.values()):
        # The very record that the contact's hook makes.
        telling.states([DealState(deal_id=lead, told_at=at, rank=CONTACT_RANK, via="api", values=values)], item.place)


def _persons(telling: Telling, name: str, ids: Sequence[str]) -> dict[str, Person]:
    return {id_of(one): person_of(item_of(name, one)) for one in by_ids(telling.line, name, ids, "")} if ids else {}


def _has_key(person: Person) -> bool:
    return bool(person.phones or person.emails)


def _absorbed(merge: Merge, staying: Sequence[str]) -> list[DealState]:
    if len(staying) != 1:
        return []
    values = {"is_deleted": True, "merged_into": staying[0]}
    return [
        DealState(deal_id=lead, told_at=merge.at, rank=MERGE_RANK, via="history", values=values)
        for lead in merge.leads
        if lead not in staying
    ]
