"""The account's entities as the API v4 shows them: typed values, `custom_fields_values`, `_embedded` links."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from infra.doubles.amocrm.account import Account, Customer, OfLead
from infra.shop.amocrm import ACCOUNT_ID, LOSS_REASONS, LOST, MANAGERS, PIPELINE, STAGES, WON, Contact, field_id


def lead(account: Account, of: OfLead, with_: frozenset[str]) -> dict[str, Any]:
    """`with_`: contacts, loss_reason, source_id come only when asked for."""
    told, seconds = of.lead, _seconds
    links: dict[str, Any] = {
        "tags": [{"id": 318_000 + at, "name": name, "color": None} for at, name in enumerate(told.tags)],
        "companies": [{"id": one} for one in of.companies],
    }
    if "contacts" in with_:
        links["contacts"] = [{"id": one, "is_main": at == 0} for at, one in enumerate(of.contacts)]
    reason = told.loss_reason_id
    if "loss_reason" in with_ and reason:
        links["loss_reason"] = [{"id": int(reason), "name": LOSS_REASONS.get(reason, f"Причина {reason}"), "sort": 10}]
    return {
        "id": told.lead_id,
        "name": told.name,
        "price": told.price,
        "responsible_user_id": int(told.manager_id),
        "group_id": 0,
        "status_id": int(told.status_id),
        "pipeline_id": int(told.pipeline_id),
        "loss_reason_id": int(reason) if reason else None,
        "created_by": told.creator_id,
        "updated_by": int(told.manager_id),
        "created_at": seconds(told.created_at),
        "updated_at": seconds(of.updated_at),
        "closed_at": seconds(of.updated_at) if told.status_id in (WON, LOST) else None,
        "closest_task_at": None,
        "is_deleted": False,
        "custom_fields_values": [_field(name, value) for name, value in told.fields.items() if value] or None,
        "score": None,
        "account_id": int(ACCOUNT_ID),
        **({"source_id": of.source_id} if "source_id" in with_ else {}),
        "_embedded": links,
    }


def contact(account: Account, told: Contact, with_: frozenset[str]) -> dict[str, Any]:
    """A contact or a company."""
    fields = []
    if told.phones:
        values = [{"value": phone, "enum_id": 3310701, "enum_code": "WORK"} for phone in told.phones]
        phone = {"field_id": 1904417, "field_name": "Телефон", "field_code": "PHONE", "field_type": "multitext"}
        fields.append({**phone, "values": values})
    if told.email:
        values = [{"value": told.email, "enum_id": 3310711, "enum_code": "WORK"}]
        fields.append(
            {"field_id": 1904419, "field_name": "Email", "field_code": "EMAIL", "field_type": "multitext", "values": values}
        )
    leads = [one for one in told.leads if one in account.leads and not account.leads[one].is_deleted]
    return {
        "id": told.contact_id,
        "name": told.name,
        "responsible_user_id": 8830151,
        "created_by": 0,
        "created_at": _seconds(told.created_at or account.updated[told.contact_id]),
        "updated_at": _seconds(account.updated[told.contact_id]),
        "is_deleted": False,
        "custom_fields_values": fields or None,
        "account_id": int(ACCOUNT_ID),
        "_embedded": {"tags": [], **({"leads": [{"id": one} for one in leads]} if "leads" in with_ else {})},
    }


def customer(account: Account, told: Customer, with_: frozenset[str]) -> dict[str, Any]:
    """A customer."""
    contacts = [{"id": one, "is_main": at == 0} for at, one in enumerate(told.contacts)]
    return {
        "id": told.customer_id,
        "name": told.name,
        "next_price": 0,
        "next_date": None,
        "responsible_user_id": 8830151,
        "status_id": told.status_id,
        "created_by": 8830151,
        "updated_by": 8830151,
        "created_at": _seconds(told.created_at),
        "updated_at": _seconds(told.updated_at),
        "custom_fields_values": None,
        "is_deleted": False,
        "account_id": int(ACCOUNT_ID),
        "_embedded": {"tags": [], **({"contacts": contacts} if "contacts" in with_ else {})},
    }


def pipelines() -> list[dict[str, Any]]:
    """The one pipeline with its stages."""
    statuses = [
        {"id": int(one), "name": name, "pipeline_id": int(PIPELINE), "sort": at} for at, (one, name) in enumerate(STAGES.items())
    ]
    return [{"id": int(PIPELINE), "name": "Продажи", "is_main": True, "is_archive": False, "_embedded": {"statuses": statuses}}]


def users() -> list[dict[str, Any]]:
    return [{"id": int(one), "name": name} for one, name in MANAGERS.items()]


def loss_reasons() -> list[dict[str, Any]]:
    return [{"id": int(one), "name": name, "sort": 10} for one, name in LOSS_REASONS.items()]


def _field(name: str, value: str) -> dict[str, Any]:
    is_tracking = name.startswith("utm_")
    head = {"field_id": field_id(name), "field_name": name, "field_code": name.upper() if is_tracking else None}
    return {**head, "field_type": "tracking_data" if is_tracking else "text", "values": [{"value": value}]}


def _seconds(at: datetime) -> int:
    return int(at.timestamp())
