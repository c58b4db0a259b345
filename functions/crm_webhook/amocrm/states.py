"""amoCRM's leads and contacts → deal states. Pure.

A lead is the deal. A contact tells each of its leads who the client is. Names are not stored: a lead's often holds a phone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

import orjson

from functions.crm_webhook.amocrm.items import LEAD_ACTIONS, CustomField, Item, find_field, linked_leads
from functions.crm_webhook.outcome import Arrival, Person
from functions.crm_webhook.reading import EARLIEST_YEAR, BadField, Private
from shared.identity import email_hash, keyed_hash, normal_email, normal_phone, phone_hash
from shared.ids import derived_id
from shared.money import parse_amount
from shared.times import EPOCH

PROVIDER = "amocrm"
FUTURE = timedelta(minutes=5)
CREATED_AHEAD = timedelta(days=1)
# These two ids are the same in every pipeline of every account; all others are the account's own.
CLOSED_STAGES = {"142": "won", "143": "lost"}
CLIENT_ID_CODE = "_YM_UID"  # Metrica's ClientID; forms put other things there as well, so only 15 to 20 digits count
MARKS = ("utm_source", "utm_medium", "utm_campaign", "utm_content", "utm_term")
_IDENTIFIERS = ("request_id", "visitor_id", "call_id", "order_id")
_CONTACT_RANK = len(LEAD_ACTIONS)
_LONG_AGO = EPOCH.replace(year=EARLIEST_YEAR)


class Ahead(ValueError):
    """A time that lies ahead of our clock."""


class Reader(NamedTuple):
    """What items are read with. `amo` are the site's settings of amoCRM, `passed_over` counts what is left out."""

    arrival: Arrival
    currency: str
    amo: Mapping[str, Any]
    private: Private
    passed_over: Counter[str]


State = dict[str, Any]


def lead_state(item: Item, reader: Reader) -> State:
    """The deal as the lead's hook tells it. BadField names what cannot be right, Ahead what is not yet."""
    deal_id = item.needed_id()
    created_at = item.moment("date_create", "created_at")
    told_at = item.moment("last_modified", "updated_at") or (created_at if item.action == "add" else None)
    _check_clock(told_at, created_at, reader.arrival)
    fields, status = item.custom_fields, item.id("status_id")
    amount, cost_price = _amount(item), _cost_price(fields, reader)
    return {
        **_head(item, _content(item, reader.arrival), reader.arrival, told_at, LEAD_ACTIONS.index(item.action), deal_id),
        "is_deleted": {"delete": True, "restore": False}.get(item.action),
        "deal_created_at": created_at,
        "pipeline": item.id("pipeline_id"),
        "stage": CLOSED_STAGES.get(status, status) if status else None,
        "amount": amount,
        "cost_price": cost_price,
        "currency": reader.currency if amount is not None or cost_price is not None else None,
        **{name: _identifier(name, fields, reader) for name in _IDENTIFIERS},
        **{name: reader.private.mark(name, _first(find_field(fields, name))) for name in MARKS},
        "loss_reason": reader.private.words("loss_reason", _loss_reason(item, fields, reader.amo)),
        "manager": reader.private.words("manager", _named(item.id("responsible_user_id"), reader.amo, "managers")),
        "branch": reader.private.words("branch", _first(_mapped("branch", fields, reader.amo))),
    }


def contact_states(item: Item, reader: Reader) -> list[State]:
    """One state for each lead of the contact: who the client is. Of several phones the first usable one is the deal's key."""
    contact_id, told_at = item.needed_id(), item.moment("last_modified", "updated_at")
    _check_clock(told_at, None, reader.arrival)
    person, key, leads = person_of(item), reader.arrival.identity_key, linked_leads(item)
    phones = [phone for phone in person.phones if normal_phone(phone)]
    emails = [email for email in person.emails if normal_email(email)]
    if not leads:
        reader.passed_over["contact_without_leads"] += 1
    elif further := len(phones[1:]) + len(emails[1:]):
        reader.passed_over["further_contact"] += further
    who = {
        "contact_id": contact_id,
        "phone_hash": phone_hash(phones[0], key) if phones else None,
        "email_hash": email_hash(emails[0], key) if emails else None,
    }
    content = _content(item, reader.arrival)
    return [{**_head(item, content, reader.arrival, told_at, _CONTACT_RANK, lead), **who} for lead in leads]


def person_of(item: Item) -> Person:
    """The contact in plain, for the vault."""
    coded = item.coded
    return Person(item.text("name"), tuple(coded.get("PHONE", ())), tuple(coded.get("EMAIL", ())))


def _head(item: Item, content: str, arrival: Arrival, told_at: datetime | None, rank: int, deal_id: str) -> State:
    parts = [item.entity, item.action, item.text("id"), item.text("last_modified"), item.text("status_id"), deal_id, content]
    if told_at is None:
        parts.append(arrival.webhook_id)
    instant = (told_at or _LONG_AGO) + timedelta(milliseconds=rank)
    return {
        # The same for every repeat of an item, whatever body it comes in: amoCRM's hooks have no id of their own. Hooks tell whole
        # seconds; the id's own time carries the action's place within one, so that states of one second stand in the order add,
        # update, status, delete. An item without a time of its own (a deletion) may come again with the same content and mean it,
        # so it is known by its delivery.
        "record_id": derived_id(instant, arrival.site_id, PROVIDER, *parts),
        "site_id": arrival.site_id,
        "occurred_at": told_at or arrival.received_at,
        "received_at": arrival.received_at,
        "via": "crm",
        "provider": PROVIDER,
        "deal_id": deal_id,
    }


def _content(item: Item, arrival: Arrival) -> str:
    """Keyed hash of all that the item tells."""
    return keyed_hash("item", orjson.dumps(item.values, option=orjson.OPT_SORT_KEYS).decode(), arrival.identity_key)


def _check_clock(told_at: datetime | None, created_at: datetime | None, arrival: Arrival) -> None:
    if told_at and told_at - arrival.received_at > FUTURE:
        raise Ahead("its time is more than five minutes ahead of our clock")
    if created_at and created_at - arrival.received_at > CREATED_AHEAD:
        raise Ahead("its time of creation is more than a day ahead of our clock")


def _amount(item: Item) -> Decimal | None:
    try:
        return parse_amount(item.text("price")) if item.text("price") else None
    except ValueError as error:
        raise BadField(f"price: {error}") from error


def _cost_price(fields: list[CustomField], reader: Reader) -> Decimal | None:
    """People fill this field by hand: what is no sum is counted, and the rest of the lead still counts."""
    text = _first(_mapped("cost_price", fields, reader.amo))
    try:
        return parse_amount(text) if text else None
    except ValueError:
        reader.passed_over["unreadable_field"] += 1
        return None


def _identifier(name: str, fields: list[CustomField], reader: Reader) -> str | None:
    field = _mapped(name, fields, reader.amo)
    text = _first(field)
    if field is None or text is None:
        return None
    if (field.code or field.name).upper() == CLIENT_ID_CODE and not (text.isascii() and text.isdigit() and 15 <= len(text) <= 20):
        reader.passed_over["no_client_id"] += 1
        return None
    try:
        return reader.private.identifier(name, text)
    except BadField:
        reader.passed_over["unreadable_field"] += 1
        return None


def _loss_reason(item: Item, fields: list[CustomField], amo: Mapping[str, Any]) -> str | None:
    return _first(_mapped("loss_reason", fields, amo)) or _named(item.id("loss_reason_id"), amo, "loss_reasons")


def _mapped(name: str, fields: list[CustomField], amo: Mapping[str, Any]) -> CustomField | None:
    """The field that the settings name for `name`."""
    wanted = amo.get("fields", {}).get(name)
    return find_field(fields, wanted) if wanted else None


def _named(told: str | None, amo: Mapping[str, Any], names: str) -> str | None:
    """The name that the settings give an id, else the id."""
    return amo.get(names, {}).get(told, told) if told else None


def _first(field: CustomField | None) -> str | None:
    return field.values[0] if field and field.values else None
