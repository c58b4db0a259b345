"""Leads of the API → records: the deal's history, how it stands now with its client's keys, deletions and merges."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from functions.crm_webhook.amocrm.items import Item
from functions.crm_webhook.amocrm.states import CONTACT_RANK, PROVIDER, Reader, keys_of, lead_values, person_of
from functions.crm_webhook.amocrm.v4.answers import id_of, item_of, linked_ids, untagged
from functions.crm_webhook.amocrm.v4.gone import LATE, Deletions, may_be_young, shown
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
    stays,
)
from functions.crm_webhook.amocrm.v4.line import SectionClosed, by_ids
from functions.crm_webhook.amocrm.v4.notes import Talks, talks_of
from functions.crm_webhook.api.http import NotYet
from functions.crm_webhook.api.line import Line
from functions.crm_webhook.deals import Ahead, DealState, PaymentTold, payment_record, state_record
from functions.crm_webhook.fields import emptied
from functions.crm_webhook.outcome import Arrival, Outcome, Person, Record
from functions.crm_webhook.reading import BadField, Private
from shared.lake import Rejected
from shared.log import logger

WITH = "contacts,loss_reason,source_id"
_MOST_CLIENTS = 5  # contacts of one lead that are read for its keys; the main one first
MOST_LEADS_OF_CLIENT = 500
Told = Mapping[str, Any]


class Telling:
    """Puts what the API answers into one outcome. `amo` are the settings of amoCRM."""

    def __init__(self, line: Line, amo: Mapping[str, Any], currency: str, arrival: Arrival, deletions: Deletions) -> None:
        self.line, self.amo, self.currency, self.arrival, self.outcome = line, amo, currency, arrival, Outcome()
        self.deletions = deletions

    def leads(self, ids: Sequence[str], *, is_walk: bool = False) -> int:
        """These leads, wherever they are by now; how many. NotYet where one may be too young to be shown (v4/gone.py)."""
        ids = list(dict.fromkeys(ids))
        found = {id_of(lead): lead for lead in by_ids(self.line, "leads", ids, WITH)}
        events = events_of(self.line, [one for one in ids if one not in found], self.outcome.passed_over)
        unsure = [one for one, some in events.items() if not is_gone(some)]
        asked = shown(self.line, "leads", unsure, WITH)
        found |= asked.found
        unknown = self._unknown(asked.missing, events, is_walk)
        self.found_leads([lead for lead in found.values() if not lead.get("is_deleted")])
        self.gone([one for one in ids if one not in unknown and (one not in found or found[one].get("is_deleted"))])
        return len(ids)

    def _unknown(self, missing: Sequence[str], events: Mapping[str, Sequence[Event]], is_walk: bool) -> set[str]:
        """Leads of which nothing is said: neither shown nor deleted by an event. A walk says nothing of them: who is only named by
        an event may be no lead at all, and a lead comes with its own change. NotYet where a lead may be too young to be shown."""
        if is_walk:
            unknown = set(missing)
        else:
            settled = self.arrival.received_at - LATE
            fresh = [one for one in missing if not any(event.at <= settled for event in events[one])]
            if young := may_be_young(self.line, "leads", fresh, self.arrival.received_at):
                raise NotYet(f"amoCRM does not show {len(young)} lead(s) yet, or never will", 60)
            unknown = set()
        if unknown:
            self.outcome.passed_over["not_shown"] += len(unknown)
        return unknown

    def found_leads(self, leads: Sequence[dict[str, Any]]) -> None:
        """Leads as lists tell them, with their contacts' ids."""
        leads = [lead for lead in leads if self.has_id("leads", lead)]
        if not leads:
            return
        clients = Clients(self, leads)
        reader = self.reader(clients.people)
        events = events_of(self.line, [id_of(lead) for lead in leads], self.outcome.passed_over)
        talks = self._talks([id_of(lead) for lead in leads])
        for lead in leads:
            self._lead(lead, events[id_of(lead)], clients, reader, talks.get(id_of(lead)))
        self.outcome.people += clients.people
        self._merges(events, {id_of(lead) for lead in leads})

    def gone(self, ids: Sequence[str]) -> None:
        """Leads that amoCRM knows no more: what their events still tell, and that they are deleted."""
        if not ids:
            return
        events = events_of(self.line, ids, self.outcome.passed_over)
        for lead in ids:
            states = history(lead, Now(), events[lead], self.currency, self.outcome.passed_over)
            if not is_gone(events[lead]) or self.deletions.was_back_after(lead, events[lead][-1].at):
                states.append(self.deletions.gone(lead, self.arrival.received_at))
            self.states(states, f"lead {lead}")
        self._merges(events, set())

    def states(self, states: Iterable[DealState], place: str) -> None:
        """Records of one deal; each stands for itself, or is refused with its reason."""
        for state in states:
            self._record(state_record, state, place)

    def payments(self, payments: Iterable[PaymentTold], place: str) -> None:
        """Records of payments, likewise."""
        for one in payments:
            self._record(payment_record, one, place)

    def _record(self, made: Callable[[Any, str, Arrival], Record], told: DealState | PaymentTold, place: str) -> None:
        try:
            self.outcome.records.append(made(told, PROVIDER, self.arrival))
        except Ahead as error:
            self.outcome.rejected.append(Rejected("future", f"{place}: {error}"))

    def refuse(self, place: str, error: Exception) -> None:
        """An entity whose field cannot be right."""
        self.outcome.rejected.append(Rejected("bad_field", f"{place}.{error}"))

    def has_id(self, name: str, told: dict[str, Any]) -> bool:
        """Nothing can be asked about an entity without an id; it is refused."""
        is_told = id_of(told).isdigit() and id_of(told).strip("0") != ""
        if not is_told:
            self.refuse(name, BadField("id: is needed"))
        return is_told

    def reader(self, people: Iterable[Person]) -> Reader:
        """What items are read with; `people` are those whose phones must not stay in other fields."""
        private = Private([phone for person in people for phone in person.phones], self.arrival.identity_key)
        return Reader(self.arrival, self.currency, self.amo, private, self.outcome.passed_over)

    def _talks(self, leads: Sequence[str]) -> dict[str, Talks]:
        """Where the settings count notes, and the API's user may read them: without them the deals still count."""
        if not self.amo.get("count_notes"):
            return {}
        try:
            return talks_of(self.line, leads)
        except SectionClosed as error:
            self.outcome.passed_over["section_closed"] += 1
            logger().warning("notes of amoCRM are not counted", extra={"why": error.message})
            return {}

    def _lead(self, told: dict[str, Any], events: Sequence[Event], clients: Clients, reader: Reader, talks: Talks | None) -> None:
        item = item_of("leads", told)
        try:
            lead, at, values = item.needed_id(), item.moment("updated_at", "created_at"), lead_values(item, reader)
        except BadField as error:
            self.refuse(item.place, error)
            return
        made_at = values["deal_created_at"]
        # A change that its event does not tell yet must not pass for how the lead was made.
        is_settled = at is None or made_at is None or at <= made_at or self.arrival.received_at - at >= LATE
        now = Now(made_at, values["pipeline"], values["stage"], values["amount"], is_settled)
        states = history(lead, now, events, self.currency, self.outcome.passed_over)
        values = {**left_to_tell(states, values, at or self.arrival.received_at), **clients.keys(told, reader)}
        values |= untagged(told)
        is_later = talks is not None and at is not None and talks.last_at is not None and talks.last_at > at
        if talks is not None and not is_later:
            values |= {"communications": talks.how_many}
        stands = DealState(deal_id=lead, told_at=at, rank=NOW_RANK, via="api", values=values)
        states += [stands, *emptied(stands, item.is_empty, self.amo.get("fields") or {})]
        if talks is not None and is_later:  # a note need not change its lead's own time
            counted = {"communications": talks.how_many}
            states.append(DealState(deal_id=lead, told_at=talks.last_at, rank=NOW_RANK, via="api", values=counted))
        # A list may be behind the events: who is deleted by them was not read alive.
        self.states([*states, *(() if is_gone(events) else self.deletions.back(lead))], item.place)

    def _merges(self, events: dict[str, list[Event]], alive: set[str]) -> None:
        """Of the leads that an event of merging names, the one that was still there afterwards took over the others."""
        merges = [merge for some in events.values() for merge in merges_of(some)]
        asked = list(dict.fromkeys(one for merge in merges for one in merge.leads if one not in events))
        if asked:
            found = {id_of(one) for one in by_ids(self.line, "leads", asked, "contacts") if not one.get("is_deleted")}
            alive = alive | found
            events = events | events_of(self.line, [one for one in asked if one not in found], self.outcome.passed_over)
        for merge in merges:
            self.states(_absorbed(merge, stays(merge, events, alive)), f"lead {merge.leads[0]}")


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
    """Contacts (or companies) that changed → the deals whose client they are, and how many: of each client's newest those whose
    main contact this is (a company: those without a contact). Keys alone: the deals' own histories do not change with them."""
    clients = [one for one in clients if telling.has_id(name, one)]
    items = {id_of(one): item_of(name, one) for one in clients}
    linked = [lead for one in clients for lead in _newest(telling, linked_ids(one, "leads"))]
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


def _newest(telling: Telling, leads: Sequence[str]) -> list[str]:
    """A marketplace or a wholesaler has thousands of leads; what changes of him says little of those that are long over."""
    ordered = sorted((one for one in leads if one.isdigit()), key=int, reverse=True)
    if further := len(ordered[MOST_LEADS_OF_CLIENT:]):
        telling.outcome.passed_over["further_lead"] += further
    return ordered[:MOST_LEADS_OF_CLIENT]


def _tell_client(telling: Telling, lead: str, item: Item, who: dict[str, Any], reader: Reader) -> None:
    try:
        at = item.moment("updated_at", "created_at")
    except BadField as error:
        telling.refuse(item.place, error)
        return
    values = {**keys_of([person_of(item)], reader), **who}
    if any(values.values()):
        telling.states([DealState(deal_id=lead, told_at=at, rank=CONTACT_RANK, via="api", values=values)], item.place)


def _persons(telling: Telling, name: str, ids: Sequence[str]) -> dict[str, Person]:
    return {id_of(one): person_of(item_of(name, one)) for one in by_ids(telling.line, name, ids, "")} if ids else {}


def _has_key(person: Person) -> bool:
    return bool(person.phones or person.emails)


def _absorbed(merge: Merge, staying: str | None) -> list[DealState]:
    if staying is None:
        return []
    values = {"is_deleted": True, "merged_into": staying}
    return [
        DealState(deal_id=lead, told_at=merge.at, rank=MERGE_RANK, via="history", values=values)
        for lead in merge.leads
        if lead != staying
    ]
