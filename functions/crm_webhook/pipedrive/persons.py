"""A person as Pipedrive tells him: the client of his deals. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from functions.crm_webhook.outcome import Person
from functions.crm_webhook.pipedrive.deal import Reader, identifier, moment, plain, text
from functions.crm_webhook.reading import BadField
from shared.identity import email_hash, normal_email, normal_phone, phone_hash


def person_of(told: Mapping[str, Any]) -> Person:
    """The primary phone and e-mail first."""
    return Person(text(told.get("name")), _values(told.get("phones")), _values(told.get("emails")))


def _values(told: object) -> tuple[str, ...]:
    items = [one for one in (told if isinstance(told, list) else []) if isinstance(one, dict)]
    ordered = sorted(items, key=lambda item: item.get("primary") is not True)
    return tuple(value for item in ordered if (value := plain(item.get("value"))))


def keys_of(told: Mapping[str, Any] | None, reader: Reader) -> dict[str, Any]:
    """Keys of the deal's client: the first usable phone and e-mail."""
    if told is None:
        return {}
    person, key = person_of(told), reader.arrival.identity_key
    phones = [phone for phone in person.phones if normal_phone(phone)]
    emails = [email for email in person.emails if normal_email(email)]
    if further := len(phones[1:]) + len(emails[1:]):
        reader.passed_over["further_contact"] += further
    return {
        "contact_id": identifier("person_id", told.get("id")),
        "phone_hash": phone_hash(phones[0], key) if phones else None,
        "email_hash": email_hash(emails[0], key) if emails else None,
    }


def changed_at(person: Mapping[str, Any] | None) -> datetime | None:
    """The person's last change; None where it is not told."""
    try:
        return moment("update_time", (person or {}).get("update_time"))
    except BadField:
        return None
