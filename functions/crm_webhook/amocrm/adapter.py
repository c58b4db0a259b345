"""amoCRM adapter: one form body → deal states, and what must be read through the API. Pure.

A body may hold several items of several entities; each stands for itself: one that cannot be right is rejected, the others count.
What is not read is counted by its reason, one of `PASSED_OVER`; what is refused has one of `REASONS`.

Where the settings open the API (`crm.amocrm.api`), an item that lacks something is read through it: a new lead (its contact), a
lead without stage, pipeline or sum, a deletion (hooks tell no time of it), a contact or company (its hook does not tell of which
leads it is the main one), a customer, a lead that got a note where notes are counted.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from functions.crm_webhook import forms
from functions.crm_webhook.amocrm.items import CONTACT_ACTIONS, ENTITIES, LEAD_ACTIONS, Item, items_of, noted_id
from functions.crm_webhook.amocrm.states import Reader, contact_states, is_company, lead_state, person_of
from functions.crm_webhook.deals import Ahead, DealState, state_record
from functions.crm_webhook.outcome import Arrival, Outcome, Pointer
from functions.crm_webhook.reading import BadField, Private
from shared.forms import FormRefused
from shared.lake import Rejected

REASONS = (*forms.REASONS, "no_entity", "wrong_account", "bad_field", "future")
PASSED_OVER = (
    "note",  # free text of people; of leads, unless the settings count notes
    "company",  # without leads, or without phone and e-mail
    "entity_not_read",  # tasks, catalogs, …; customers, unless the settings and the API open them
    "action_not_read",  # of leads and contacts: actions that change no deal
    "contact_without_leads",
    "further_contact",  # phones and e-mails after the first usable one
    "path_collision",  # forms.Form.collided
    "unreadable_field",  # a field of the account's own: no sum, or an id that is too long
    "unreadable_event",  # of the API's list of events: none of its kind's values
    "not_shown",  # a lead that an event names and the API does not show
    "further_lead",  # of one contact or company: more than its newest 500
    "section_closed",  # a section of the account that the API's user may not read
    "no_client_id",  # of the field _YM_UID: not 15 to 20 digits
)
_NEEDED = ("status_id", "pipeline_id", "price")
_CONTACTS = ("contacts", "companies")


def records_of(body: bytes, arrival: Arrival, site: Mapping[str, Any], provider: str = "amocrm") -> Outcome:
    """Deal states of one body. `site` are published settings. The same items give the same records, whatever body they come in."""
    amo = site.get("crm", {}).get("amocrm") or {}
    outcome = Outcome()
    try:
        form = forms.form_of(body)
    except FormRefused as error:
        outcome.rejected.append(Rejected(error.reason, str(error)))
        return outcome
    if (refused := _refused(form.tree, amo)) is not None:
        outcome.rejected.append(refused)
        return outcome
    if form.collided:
        outcome.passed_over["path_collision"] += form.collided
    items = list(items_of(form.tree))
    people = [person_of(item) for item in items if item.entity in _CONTACTS]
    private = Private([phone for person in people for phone in person.phones], arrival.identity_key)
    reader = Reader(arrival, str(site["currency"]), amo, private, outcome.passed_over)
    for item in items:
        _take(item, reader, outcome, provider)
    return outcome


def _refused(tree: forms.Tree, amo: Mapping[str, Any]) -> Rejected | None:
    if not any(entity in tree for entity in ENTITIES):
        return Rejected("no_entity", "the body is no form with leads or contacts of amoCRM")
    account = tree.get("account")
    for told, setting in (("id", "account_id"), ("subdomain", "subdomain")):
        mine, other = amo.get(setting), account.get(told) if isinstance(account, dict) else None
        if mine and isinstance(other, str) and other.strip() and other.strip().lower() != mine:
            return Rejected("wrong_account", f"account[{told}] is not crm.amocrm.{setting} of the settings")
    return None


def _take(item: Item, reader: Reader, outcome: Outcome, provider: str) -> None:
    reason = _passed_over(item, reader.amo)
    if reason:
        outcome.passed_over[reason] += 1
        return
    try:
        pointer = _to_read(item, reader.amo)
        states = [] if pointer is not None and _is_pointer_alone(item, pointer) else _states(item, reader)
        records = [state_record(state, provider, reader.arrival) for state in states]
    except BadField as error:
        outcome.rejected.append(Rejected("bad_field", f"{item.place}.{error}"))
        return
    except Ahead as error:
        outcome.rejected.append(Rejected("future", f"{item.place}: {error}"))
        return
    outcome.records += records
    if pointer is not None:
        outcome.to_read.append(pointer)
    if item.entity in _CONTACTS and ((person := person_of(item)).name or person.phones or person.emails):
        outcome.people.append(person)


def _states(item: Item, reader: Reader) -> list[DealState]:
    return contact_states(item, reader) if item.entity in _CONTACTS else [lead_state(item, reader)]


def _to_read(item: Item, amo: Mapping[str, Any]) -> Pointer | None:
    """What must be read to know all that the item means; None where it says so itself, or where there is no API."""
    if not amo.get("api"):
        return None
    if item.action == "note":
        return Pointer("lead", noted_id(item))
    if item.entity == "customers":
        return Pointer("customer", item.needed_id())
    if item.entity in _CONTACTS:
        return Pointer("company" if is_company(item) else "contact", item.needed_id())
    reason = item.id("loss_reason_id")
    is_unnamed = reason is not None and reason not in amo.get("loss_reasons", {})
    is_lacking = item.action in ("add", "delete") or is_unnamed or not all(item.text(name) for name in _NEEDED)
    return Pointer("lead", item.needed_id()) if is_lacking else None


def _is_pointer_alone(item: Item, pointer: Pointer) -> bool:
    """The item says nothing that the API would not say better. A deletion comes late and without its time, and would undo a
    restoration that came before it; whose client somebody is hangs on the leads' main contacts."""
    if pointer.entity == "lead" and item.action != "note":
        return item.action == "delete" and item.moment("last_modified", "updated_at") is None
    return True


def _passed_over(item: Item, amo: Mapping[str, Any]) -> str:
    """Why an item is not read; "" for one that is."""
    if item.action == "note":
        return "" if item.entity == "leads" and amo.get("count_notes") and amo.get("api") else "note"
    if item.entity == "leads":
        return "" if item.action in LEAD_ACTIONS else "action_not_read"
    if item.entity == "customers" and amo.get("customers") and amo.get("api"):
        return ""
    if item.entity not in _CONTACTS:
        return "entity_not_read"
    return "" if item.action in CONTACT_ACTIONS else "action_not_read"
