"""Fields of leads: what the account has, and what it says to values of fields that it has not."""

from __future__ import annotations

from typing import Any

from infra.shop.amocrm import COST_FIELD, field_id

_OWN = ("skvoz_request_id", "skvoz_visitor_id", "skvoz_call_id", COST_FIELD)
_TRACKING = ("utm_source", "utm_medium", "utm_campaign", "utm_content", "utm_term")


def fields() -> dict[int, dict[str, Any]]:
    """Id → field, as GET /api/v4/leads/custom_fields tells it."""
    told = [(name, None, "text") for name in _OWN] + [(name, name.upper(), "tracking_data") for name in _TRACKING]
    return {field_id(name): {"id": field_id(name), "name": name, "code": code, "type": kind} for name, code, kind in told}


def names(known: dict[int, dict[str, Any]], told: dict[str, Any]) -> None:
    """Fields told by their id alone get the name that the account gives them."""
    for field in told.get("custom_fields_values") or []:
        if field.get("field_id") in known and not field.get("field_name"):
            field["field_name"] = known[field["field_id"]]["name"]


def mistakes(known: dict[int, dict[str, Any]], told: list[dict[str, Any]]) -> dict[str, Any] | None:
    """The body of a 400 for values of fields that are not there; None where all are."""
    groups = []
    for at, lead in enumerate(told):
        places = [
            place
            for place, field in enumerate(lead.get("custom_fields_values") or [])
            if field.get("field_id") is not None and field["field_id"] not in known
        ]
        if places:
            detail = "The value you selected is not a valid choice."
            errors = [
                {"code": "NotSupportedChoice", "path": f"custom_fields_values.{place}.field_id", "detail": detail}
                for place in places
            ]
            groups.append({"request_id": str(at), "errors": errors})
    if not groups:
        return None
    return {"validation-errors": groups, "title": "Bad Request", "status": 400, "detail": "Request validation failed"}
