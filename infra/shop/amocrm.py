"""Webhooks as amoCRM sends them: forms with bracketed names, every value text, times in unix seconds. Pure.

The demo month, the toy CRM and the double of amoCRM's API (infra/doubles/amocrm) speak through this, so all doors of the product
hear the real shape.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import quote_plus

SUBDOMAIN, ACCOUNT_ID = "teplodom-example", "31720458"
PIPELINE = "6904417"
WON, LOST = "142", "143"  # the same in every pipeline of every account; other stages have numbers of the account's own
STAGES = {
    "58113402": "Неразобранное",
    "58113404": "Первичный контакт",
    "58113406": "Замер",
    "58113408": "Договор",
    WON: "Оплачено",
    LOST: "Отказ",
}
LOSS_REASONS = {"11938870": "Дорого", "11938871": "Не дозвонились", "11938872": "Купил у других", "11938873": "Не наш профиль"}
MANAGERS = {"8830151": "Анна Белова", "8830152": "Игорь Соколов", "8830153": "Марат Гареев"}
COST_FIELD = "Себестоимость"
_FIELD_IDS = {"skvoz_request_id": 2210471, "skvoz_visitor_id": 2210473, "skvoz_call_id": 2210475, COST_FIELD: 2210477}
_TRACKING = {name: 2210401 + at for at, name in enumerate(("utm_source", "utm_medium", "utm_campaign", "utm_content", "utm_term"))}
_PHONE, _EMAIL = 1904417, 1904419


@dataclass
class Lead:
    """A deal as amoCRM knows it; `fields` are its custom fields by name, `contact_id` names its client."""

    lead_id: int
    name: str
    created_at: datetime
    status_id: str = "58113402"
    price: int = 0  # whole roubles: amoCRM's budget has no kopecks
    manager_id: str = "8830151"
    loss_reason_id: str = ""
    contact_id: int = 0
    fields: dict[str, str] = field(default_factory=dict)
    pipeline_id: str = PIPELINE
    creator_id: int = 0  # 0: a robot or an integration
    tags: list[str] = field(default_factory=list)


@dataclass
class Contact:
    """A client, or a company; `leads` are the ids of its deals."""

    contact_id: int
    name: str
    phone: str = ""
    email: str = ""
    created_at: datetime | None = None
    leads: list[int] = field(default_factory=list)
    more_phones: list[str] = field(default_factory=list)
    is_company: bool = False

    @property
    def phones(self) -> list[str]:
        """All of them, the first one first."""
        return [phone for phone in (self.phone, *self.more_phones) if phone]


def lead_added(lead: Lead, now: datetime) -> str:
    """`leads[add]`."""
    return _form({"leads": {"add": [_lead(lead, now)]}})


def lead_updated(lead: Lead, now: datetime) -> str:
    """`leads[update]`: budget or fields changed."""
    return _form({"leads": {"update": [_lead(lead, now)]}})


def lead_moved(lead: Lead, before: str, now: datetime, before_pipeline: str = PIPELINE) -> str:
    """`leads[status]`: the deal came from the stage `before`."""
    return _form({"leads": {"status": [{**_lead(lead, now), "old_status_id": before, "old_pipeline_id": before_pipeline}]}})


def lead_deleted(lead: Lead) -> str:
    """`leads[delete]`: ids alone, and no time."""
    return _form({"leads": {"delete": [{"id": lead.lead_id, "status_id": lead.status_id, "pipeline_id": lead.pipeline_id}]}})


def lead_restored(lead: Lead, now: datetime) -> str:
    """`leads[restore]`."""
    return _form({"leads": {"restore": [_lead(lead, now)]}})


def lead_noted(lead_id: int, note: Mapping[str, Any], now: datetime) -> str:
    """A note on a lead: `note` has id, note_type and text. It stands one level deeper than other items."""
    told = {**note, "element_id": lead_id, "element_type": 2, "date_create": _seconds(now)}
    return _form({"leads": {"note": [{"note": told}]}})


def customer_told(action: str, customer_id: int, now: datetime) -> str:
    """`customers[add]`, `[update]` or `[delete]`."""
    return _form({"customers": {action: [{"id": customer_id, "last_modified": _seconds(now)}]}})


def contact_added(contact: Contact, now: datetime) -> str:
    """`contacts[add]`."""
    return _form({"contacts": {"add": [_contact(contact, now)]}})


def contact_updated(contact: Contact, now: datetime) -> str:
    """`contacts[update]`, with the leads that the contact has by now."""
    return _form({"contacts": {"update": [_contact(contact, now)]}})


def _lead(lead: Lead, now: datetime) -> dict[str, Any]:
    reason = {"loss_reason_id": lead.loss_reason_id} if lead.loss_reason_id else {}
    return {
        "id": lead.lead_id,
        "name": lead.name,
        "status_id": lead.status_id,
        "price": lead.price,
        "responsible_user_id": lead.manager_id,
        "last_modified": _seconds(now),
        "modified_user_id": lead.manager_id,
        "created_user_id": lead.creator_id,
        "date_create": _seconds(lead.created_at),
        "pipeline_id": lead.pipeline_id,
        "account_id": ACCOUNT_ID,
        "custom_fields": [_field(name, value) for name, value in lead.fields.items() if value],
        **({"tags": [{"id": 318_000 + at, "name": name} for at, name in enumerate(lead.tags)]} if lead.tags else {}),
        "created_at": _seconds(lead.created_at),
        "updated_at": _seconds(now),
        **reason,
    }


def _contact(contact: Contact, now: datetime) -> dict[str, Any]:
    fields = []
    if contact.phones:
        values = [{"value": phone, "enum": 3310701} for phone in contact.phones]
        fields.append({"id": _PHONE, "name": "Телефон", "values": values, "code": "PHONE"})
    if contact.email:
        fields.append({"id": _EMAIL, "name": "Email", "values": [{"value": contact.email, "enum": 3310711}], "code": "EMAIL"})
    return {
        "id": contact.contact_id,
        "name": contact.name,
        "responsible_user_id": 8830151,
        "date_create": _seconds(contact.created_at or now),
        "last_modified": _seconds(now),
        "created_user_id": 0,
        "modified_user_id": 8830151,
        "account_id": ACCOUNT_ID,
        "custom_fields": fields,
        "linked_leads_id": {lead: {"ID": lead} for lead in contact.leads},
        "type": "company" if contact.is_company else "contact",
    }


def _field(name: str, value: str) -> dict[str, Any]:
    code = {"code": name.upper()} if name in _TRACKING else {}
    return {"id": field_id(name), "name": name, "values": [{"value": value}], **code}


def field_id(name: str) -> int:
    """Id of a lead's own field."""
    return {**_FIELD_IDS, **_TRACKING}.get(name, 2210499)


def _form(content: Mapping[str, Any]) -> str:
    account = {"subdomain": SUBDOMAIN, "id": ACCOUNT_ID, "_links": {"self": f"https://{SUBDOMAIN}.amocrm.ru"}}
    return "&".join(f"{quote_plus(name)}={quote_plus(text)}" for name, text in _pairs("", {**content, "account": account}))


def _pairs(path: str, value: Any) -> Iterator[tuple[str, str]]:
    """Nested values → (`leads[add][0][id]`, text), in order."""
    entries: Iterable[tuple[Any, Any]]
    if isinstance(value, Mapping):
        entries = value.items()
    elif isinstance(value, list):
        entries = enumerate(value)
    else:
        yield path, str(value)
        return
    for key, inner in entries:
        yield from _pairs(f"{path}[{key}]" if path else str(key), inner)


def _seconds(at: datetime) -> int:
    return int(at.timestamp())
