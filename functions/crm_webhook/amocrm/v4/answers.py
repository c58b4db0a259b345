"""Entities of the API v4 → the items that hooks are made of, so that both are read by one set of rules. Pure.

The API's values are typed (numbers, null, true), hooks' are text; names differ (FACTS of both: docs/crm.md).
"""

from __future__ import annotations

from typing import Any

from functions.crm_webhook.amocrm.items import Item
from functions.crm_webhook.forms import Tree

_SAME = (
    "id", "name", "price", "status_id", "pipeline_id", "loss_reason_id", "responsible_user_id", "source_id", "created_at",
    "updated_at",
)  # fmt: skip


def item_of(entity: str, told: dict[str, Any]) -> Item:
    """`entity` in the plural, as in hooks."""
    tree: Tree = {name: _text(told.get(name)) for name in _SAME}
    tree["created_user_id"] = _text(told.get("created_by"))
    tree["custom_fields"] = {str(at): _field(one) for at, one in enumerate(_dicts(told.get("custom_fields_values")))}
    tree["tags"] = {str(at): {"name": _text(one.get("name"))} for at, one in enumerate(_linked(told, "tags"))}
    reasons = _linked(told, "loss_reason")
    tree["loss_reason_name"] = _text(reasons[0].get("name")) if reasons else ""
    return Item(entity, "api", f"{entity} {_text(told.get('id'))}", tree)


def id_of(told: dict[str, Any]) -> str:
    """An entity's id as text; "" where it has none."""
    return _text(told.get("id"))


def linked_ids(told: dict[str, Any], name: str) -> list[str]:
    """Ids of linked contacts, companies or leads; a lead's main contact stands first."""
    ordered = sorted(_linked(told, name), key=lambda one: one.get("is_main") is not True)
    return [one for one in map(id_of, ordered) if one]


def untagged(told: dict[str, Any]) -> dict[str, str]:
    """The API tells that there are no tags (hooks do not): those told before are taken off."""
    links = told.get("_embedded")
    return {"tags": "[]"} if isinstance(links, dict) and links.get("tags") == [] else {}


def _linked(told: dict[str, Any], name: str) -> list[dict[str, Any]]:
    links = told.get("_embedded")
    return _dicts(links.get(name)) if isinstance(links, dict) else []


def _field(told: dict[str, Any]) -> Tree:
    values: Tree = {str(at): {"value": _value(one.get("value"))} for at, one in enumerate(_dicts(told.get("values")))}
    names = {"id": "field_id", "code": "field_code", "name": "field_name"}
    return {**{mine: _text(told.get(theirs)) for mine, theirs in names.items()}, "values": values}


def _value(told: Any) -> str:
    """Files, companies' requisites and the like are objects: their name stands for them."""
    return _text(told.get("name")) if isinstance(told, dict) else _text(told)


def _text(told: Any) -> str:
    if isinstance(told, bool):
        return "1" if told else ""
    return str(told) if isinstance(told, (str, int, float)) else ""


def _dicts(told: Any) -> list[dict[str, Any]]:
    items = told if isinstance(told, list) else [told]
    return [one for one in items if isinstance(one, dict)]
