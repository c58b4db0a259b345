"""What integrations write: leads with their contact, notes, fields. The same shapes of questions and answers as amoCRM's."""

from __future__ import annotations

from typing import Any

from infra.doubles.amocrm.account import FIRST_STAGE, Account
from infra.shop.amocrm import PIPELINE


def complex_leads(account: Account, body: Any) -> tuple[int, Any]:
    """POST /api/v4/leads/complex: leads, each with a contact and a company of its own."""
    if not isinstance(body, list) or not 1 <= len(body) <= 50:
        return 400, {"title": "Bad Request", "status": 400}
    return 200, [_lead(account, one) for one in body]


def plain_leads(account: Account, body: Any) -> tuple[int, Any]:
    """POST /api/v4/leads."""
    status, told = complex_leads(account, body)
    return status, {"_embedded": {"leads": [{"id": one["id"]} for one in told]}} if status == 200 else told


def changed_lead(account: Account, lead_id: int, body: Any) -> tuple[int, Any]:
    """PATCH /api/v4/leads/{id}."""
    if lead_id not in account.leads or account.leads[lead_id].is_deleted:
        return 404, {"title": "Not found", "status": 404}
    if status := body.get("status_id"):
        account.move(lead_id, str(status), price=body.get("price"))
    account.change(lead_id, price=body.get("price"), fields=_fields(body))
    return 200, {"id": lead_id}


def note(account: Account, lead_id: int, body: Any) -> tuple[int, Any]:
    """POST /api/v4/leads/{id}/notes."""
    if lead_id not in account.leads or account.leads[lead_id].is_deleted:
        return 404, {"title": "Not found", "status": 404}
    told = [{"id": account.next_id("notes"), "entity_id": lead_id, **one} for one in body]
    account.notes += told
    return 200, {"_embedded": {"notes": [{"id": one["id"], "entity_id": lead_id} for one in told]}}


def _lead(account: Account, told: dict[str, Any]) -> dict[str, Any]:
    links = told.get("_embedded") or {}
    person = next(iter(links.get("contacts") or []), None)
    known = int(person["id"]) if person and person.get("id") in account.contacts else None
    coded = _coded(person) if person and known is None else {}
    lead_id = account.add_lead(
        str(told.get("name") or "Сделка"),
        price=int(told.get("price") or 0),
        status_id=str(told.get("status_id") or FIRST_STAGE),
        pipeline_id=str(told.get("pipeline_id") or PIPELINE),
        manager_id=str(told.get("responsible_user_id") or 8830151),
        creator_id=int(told.get("created_by") or 0),
        fields=_fields(told),
        tags=[str(tag.get("name")) for tag in links.get("tags") or []],
        phone=coded.get("PHONE", ""),
        email=coded.get("EMAIL", ""),
        person=str(person.get("name") or person.get("first_name") or "") if person and known is None else "",
        contact_id=known,
    )
    contacts = account.leads[lead_id].contacts
    answer = {"id": lead_id, "contact_id": contacts[0] if contacts else None, "company_id": None, "merged": False}
    return {**answer, "request_id": [str(told.get("request_id", ""))]}


def _fields(told: dict[str, Any]) -> dict[str, str]:
    """Fields by their name, else their code, else their id."""
    found = {}
    for field in told.get("custom_fields_values") or []:
        name = str(field.get("field_name") or field.get("field_code") or field.get("field_id"))
        found[name.lower() if name.upper().startswith("UTM_") else name] = str(field["values"][0]["value"])
    return found


def _coded(person: dict[str, Any]) -> dict[str, str]:
    return {str(field.get("field_code")): str(field["values"][0]["value"]) for field in person.get("custom_fields_values") or []}
