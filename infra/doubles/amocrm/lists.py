"""Lists of the API v4: filters, order, pages and the links between them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from infra.doubles.amocrm import shapes
from infra.doubles.amocrm.account import Account

Query = Sequence[tuple[str, str]]
MOST, MOST_EVENTS = 250, 100
_NAMES = re.compile(r"[^\[\]]+")
_TIMES = ("created_at", "updated_at")


class BadQuery(ValueError):
    """What amoCRM answers 400 to."""


def page_of(
    name: str,
    rows: Iterable[dict[str, Any]],
    query: Query,
    most: int = MOST,
    shown: Callable[[dict[str, Any]], Any] = lambda row: row,
) -> dict[str, Any] | None:
    """A page as amoCRM tells it; None for an empty one (204). `shown` makes what a row is shown as, once it is chosen."""
    told = dict(query)
    limit, page = _whole(told, "limit", 50, most), _whole(told, "page", 1, 10**6)
    found = sorted((row for row in rows if _is_in_time(row, query)), key=_order(query))
    if "query" in told:
        found = [row for row in found if _has(shown(row), told["query"])]
    here = [shown(row) for row in found[(page - 1) * limit : page * limit]]
    if not here:
        return None
    links = {"self": {"href": f"/api/v4/{name}?page={page}&limit={limit}"}}
    if len(found) > page * limit:
        links["next"] = {"href": f"/api/v4/{name}?page={page + 1}&limit={limit}"}
    return {"_page": page, "_links": links, "_embedded": {name: here}}


def listed(account: Account, name: str, query: Query) -> dict[str, Any] | None:
    """`leads`, `contacts`, `companies` or `customers`. KeyError for another name."""
    with_ = frozenset(dict(query).get("with", "").split(","))
    ids = {int(value) for key, value in query if re.fullmatch(r"filter\[id\](\[\d*\])?", key)}
    kinds: dict[str, tuple[dict[int, Any], Callable[[Account, Any, frozenset[str]], dict[str, Any]]]] = {
        "leads": ({one: of for one, of in account.leads.items() if not of.is_deleted}, shapes.lead),
        "contacts": (account.contacts, shapes.contact),
        "companies": (account.companies, shapes.contact),
        "customers": (account.customers, shapes.customer),
    }
    entities, shape = kinds[name]
    rows = [_light(account, one, entities[one]) for one in sorted(ids or entities) if one in entities]
    return page_of(name, rows, query, shown=lambda row: shape(account, row["of"], with_))


def _light(account: Account, number: int, of: Any) -> dict[str, Any]:
    """What an entity is chosen and ordered by."""
    created = of.lead.created_at if hasattr(of, "lead") else of.created_at
    updated = account.updated.get(number) or of.updated_at  # contacts' times are kept apart
    return {"id": number, "created_at": int(created.timestamp()), "updated_at": int(updated.timestamp()), "of": of}


def notes(account: Account, query: Query) -> dict[str, Any] | None:
    """Notes of several leads, of some types."""
    entities = {int(value) for key, value in query if key == "filter[entity_id][]"}
    types = {value for key, value in query if key == "filter[note_type][]"}
    rows = [one for one in account.notes if one["entity_id"] in entities and (not types or one["note_type"] in types)]
    return page_of("notes", rows, query)


def events(account: Account, query: Query) -> dict[str, Any] | None:
    """The list of events, newest first; at most ten entities, and only of one kind."""
    told = dict(query)
    types = set(filter(None, told.get("filter[type]", "").split(",")))
    entities = [int(one) for one in told.get("filter[entity_id]", "").split(",") if one]
    kind = told.get("filter[entity]")
    if len(entities) > 10 or (entities and kind not in ("lead", "customer")):
        raise BadQuery("at most ten entities of one kind")
    rows = [event for one in entities for event in account.events_of.get(one, ())] if entities else account.events
    rows = [event for event in rows if kind in (None, event["entity_type"])]
    wanted = (event for event in rows if not types or event["type"] in types)
    own = [(key, value) for key, value in query if not key.startswith("order")]
    return page_of("events", wanted, [*own, ("order[id]", "desc")], MOST_EVENTS)


def _is_in_time(row: dict[str, Any], query: Query) -> bool:
    for key, value in query:
        names = _NAMES.findall(key)
        if names[0] == "filter" and names[1] in _TIMES:
            at, bound = row[names[1]], int(value)
            if (names[2:] == ["to"] and at > bound) or (names[2:] != ["to"] and at < bound):
                return False
    return True


def _has(row: dict[str, Any], text: str) -> bool:
    """amoCRM looks through all filled fields; phones by their digits."""
    digits = re.sub(r"\D", "", text)[-10:]
    values = [str(value["value"]) for field in row.get("custom_fields_values") or [] for value in field["values"]]
    is_there = any(text.lower() in value.lower() for value in [str(row.get("name")), *values])
    return is_there or (len(digits) == 10 and any(re.sub(r"\D", "", value).endswith(digits) for value in values))


def _order(query: Query) -> Callable[[dict[str, Any]], Any]:
    for key, direction in query:
        if key.startswith("order["):
            name, sign = _NAMES.findall(key)[1], -1 if direction == "desc" else 1
            return lambda row: (sign * int(row[name]), sign * int(row["id"]))
    return lambda row: -int(row["id"])


def _whole(told: dict[str, str], name: str, default: int, most: int) -> int:
    text = told.get(name, str(default))
    if not text.isdigit() or not 1 <= int(text) <= most:
        raise BadQuery(f"{name} must be from 1 to {most}")
    return int(text)
