"""amoCRM adapter: one form body → deal states. Pure.

A body may hold several items of several entities; each stands for itself: one that cannot be right is rejected, the others count.
What is not read is counted by its reason, one of `PASSED_OVER`; what is refused has one of `REASONS`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from functions.crm_webhook import forms
from functions.crm_webhook.amocrm.items import CONTACT_ACTIONS, ENTITIES, LEAD_ACTIONS, Item, items_of
from functions.crm_webhook.amocrm.states import Ahead, Reader, State, contact_states, lead_state, person_of
from functions.crm_webhook.outcome import Arrival, Outcome
from functions.crm_webhook.reading import BadField, Private
from shared.forms import FormRefused
from shared.lake import Rejected
from shared.records import CRM_EVENT, encode

REASONS = (*forms.REASONS, "no_entity", "wrong_account", "bad_field", "future")
PASSED_OVER = (
    "note",  # free text of people
    "company",
    "entity_not_read",  # customers, tasks, catalogs, …
    "action_not_read",  # of leads and contacts: actions that change no deal
    "contact_without_leads",
    "further_contact",  # phones and e-mails after the first usable one
    "path_collision",  # forms.Form.collided
    "unreadable_field",  # a field of the account's own: no sum, or an id that is too long
    "no_client_id",  # of the field _YM_UID: not 15 to 20 digits
)


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
    people = [person_of(item) for item in items if item.entity == "contacts"]
    private = Private([phone for person in people for phone in person.phones], arrival.identity_key)
    reader = Reader(arrival, str(site["currency"]), amo, private, outcome.passed_over)
    for item in items:
        _take(item, reader, outcome)
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


def _take(item: Item, reader: Reader, outcome: Outcome) -> None:
    reason = _passed_over(item)
    if reason:
        outcome.passed_over[reason] += 1
        return
    try:
        states = _states(item, reader)
    except BadField as error:
        outcome.rejected.append(Rejected("bad_field", f"{item.place}.{error}"))
        return
    except Ahead as error:
        outcome.rejected.append(Rejected("future", f"{item.place}: {error}"))
        return
    outcome.records += [(CRM_EVENT, encode(CRM_EVENT, state)) for state in states]
    if item.entity == "contacts":
        outcome.people.append(person_of(item))


def _states(item: Item, reader: Reader) -> list[State]:
    return contact_states(item, reader) if item.entity == "contacts" else [lead_state(item, reader)]


def _passed_over(item: Item) -> str:
    """Why an item is not read; "" for one that is."""
    if item.action == "note":
        return "note"
    if item.entity == "leads":
        return "" if item.action in LEAD_ACTIONS else "action_not_read"
    if item.entity != "contacts":
        return "entity_not_read"
    if item.text("type") == "company":
        return "company"
    return "" if item.action in CONTACT_ACTIONS else "action_not_read"
