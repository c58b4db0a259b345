"""amoCRM's leads, contacts and companies → deal states. Pure. Hooks and answers of the API are read by the same rules.

A lead is the deal. A contact tells each of its leads who the client is; a company does where it has a phone or an e-mail.
Names are not stored: a lead's often holds a phone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from functions.crm_webhook.amocrm.items import LEAD_ACTIONS, CustomField, Item, find_field, linked_leads
from functions.crm_webhook.deals import DealState
from functions.crm_webhook.fields import mapped_values, tags_text
from functions.crm_webhook.outcome import Arrival, Person
from functions.crm_webhook.reading import BadField, Private
from shared.identity import email_hash, normal_email, normal_phone, phone_hash
from shared.money import parse_amount

PROVIDER = "amocrm"
# These two ids are the same in every pipeline of every account; all others are the account's own.
CLOSED_STAGES = {"142": "won", "143": "lost"}
CLIENT_ID_CODE = "_YM_UID"  # Metrica's ClientID; forms put other things there as well, so only 15 to 20 digits count
MARKS = ("utm_source", "utm_medium", "utm_campaign", "utm_content", "utm_term")
CONTACT_RANK = len(LEAD_ACTIONS)  # within a second: after what the lead's own hooks tell
# amoCRM's tracking fields: only integrations fill them.
TRACKING = frozenset(
    {name.upper() for name in MARKS}
    | {CLIENT_ID_CODE, "_YM_COUNTER", "GCLIENTID", "GCLID", "YCLID", "FBCLID", "REFERRER", "UTM_REFERRER", "ROISTAT", "FROM"}
)


class Reader(NamedTuple):
    """What items are read with. `amo` are the site's settings of amoCRM, `passed_over` counts what is left out."""

    arrival: Arrival
    currency: str
    amo: Mapping[str, Any]
    private: Private
    passed_over: Counter[str]


def lead_state(item: Item, reader: Reader) -> DealState:
    """The deal as the lead's hook tells it. BadField names what cannot be right."""
    told_at = item.moment("last_modified", "updated_at")
    if told_at is None and item.action == "add":
        told_at = item.moment("date_create", "created_at")
    values = {"is_deleted": {"delete": True, "restore": False}.get(item.action), **lead_values(item, reader)}
    if reader.amo.get("api") and values["loss_reason"] == item.id("loss_reason_id"):
        values["loss_reason"] = None  # an id without a name; the API tells it with its name
    return DealState(deal_id=item.needed_id(), told_at=told_at, rank=LEAD_ACTIONS.index(item.action), values=values)


def lead_values(item: Item, reader: Reader) -> dict[str, Any]:
    """What a lead tells of its deal, whichever way it came. BadField names what cannot be right."""
    fields, amo = item.custom_fields, reader.amo
    told = mapped_values(_finder(fields, reader), amo.get("fields", {}), reader.private, reader.passed_over)
    amount = _amount(item.text("price"))
    sums = (amount, told["cost_price"], told["receivable"])
    named = _named(item.id("loss_reason_id"), amo, "loss_reasons", item.text("loss_reason_name"))
    source = told["crm_source"] or item.id("source_id")
    return {
        **told,
        "deal_created_at": item.moment("date_create", "created_at"),
        "pipeline": item.id("pipeline_id"),
        "stage": stage_of(item.id("status_id")),
        "amount": amount,
        "currency": reader.currency if any(one is not None for one in sums) else None,
        **{name: reader.private.mark(name, _first(find_field(fields, name))) for name in MARKS},
        "loss_reason": told["loss_reason"] or reader.private.words("loss_reason", named),
        "manager": reader.private.words("manager", _named(item.id("responsible_user_id"), amo, "managers")),
        "crm_source": reader.private.words("crm_source", _named(source, amo, "sources")),
        "tags": tags_text(item.tags, reader.private),
        "is_handmade": _is_handmade(item, told),
    }


def stage_of(status: str | None) -> str | None:
    """A stage's id, or the word where it means the same in every account."""
    return CLOSED_STAGES.get(status, status) if status else None


def contact_states(item: Item, reader: Reader) -> list[DealState]:
    """One state for each lead of a contact or company: who the client is."""
    contact_id, told_at, leads = item.needed_id(), item.moment("last_modified", "updated_at"), linked_leads(item)
    if not leads:
        reader.passed_over["company" if is_company(item) else "contact_without_leads"] += 1
        return []
    who = keys_of([person_of(item)], reader)
    if not is_company(item):
        who["contact_id"] = contact_id
    elif not any(who.values()):
        reader.passed_over["company"] += 1
        return []
    return [DealState(deal_id=lead, told_at=told_at, rank=CONTACT_RANK, values=who) for lead in leads]


def keys_of(persons: Sequence[Person], reader: Reader) -> dict[str, Any]:
    """Hashes of the first usable phone and e-mail: the deal's keys. The others are counted."""
    key = reader.arrival.identity_key
    phones = [phone for person in persons for phone in person.phones if normal_phone(phone)]
    emails = [email for person in persons for email in person.emails if normal_email(email)]
    if further := len(phones[1:]) + len(emails[1:]):
        reader.passed_over["further_contact"] += further
    return {
        "phone_hash": phone_hash(phones[0], key) if phones else None,
        "email_hash": email_hash(emails[0], key) if emails else None,
    }


def person_of(item: Item) -> Person:
    """The contact in plain, for the vault. A company has no name of a person."""
    coded = item.coded
    name = "" if is_company(item) else item.text("name")
    return Person(name, tuple(coded.get("PHONE", ())), tuple(coded.get("EMAIL", ())))


def is_company(item: Item) -> bool:
    """Hooks tell companies among contacts."""
    return item.entity == "companies" or item.text("type") == "company"


def _finder(fields: list[CustomField], reader: Reader) -> Any:
    def find(wanted: str) -> str | None:
        field = find_field(fields, wanted)
        text = _first(field)
        if field is None or text is None or (field.code or field.name).upper() != CLIENT_ID_CODE:
            return text
        if text.isascii() and text.isdigit() and 15 <= len(text) <= 20:
            return text
        reader.passed_over["no_client_id"] += 1
        return None

    return find


def _is_handmade(item: Item, told: Mapping[str, Any]) -> bool | None:
    """Made by a person, and nothing in it that only an integration writes. amoCRM tells 0 for robots and integrations, and the
    user's id for integrations that act in a user's name."""
    creator = item.text("created_user_id")
    if not creator:
        return None
    is_integrated = item.id("source_id") or any(told[name] for name in ("request_id", "visitor_id", "call_id"))
    return bool(creator.strip("0")) and not is_integrated and not TRACKING & item.coded.keys()


def _amount(text: str) -> Decimal | None:
    try:
        return parse_amount(text) if text else None
    except ValueError as error:
        raise BadField(f"price: {error}") from error


def _named(told: str | None, amo: Mapping[str, Any], names: str, own: str = "") -> str | None:
    """The name that the settings give an id, else the CRM's own, else the id."""
    return amo.get(names, {}).get(told, own or told) if told else None


def _first(field: CustomField | None) -> str | None:
    return field.values[0] if field and field.values else None
