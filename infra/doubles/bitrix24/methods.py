"""REST methods of the portal, by name: parameters → result. Errors are RestError with the portal's own codes."""

from __future__ import annotations

import json
import operator
import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from functools import cache
from itertools import islice
from typing import Any

from infra.doubles.bitrix24.php import camel, upper
from infra.doubles.bitrix24.portal import COMPANY, CONTACT, DEAL, LEAD, NAMES, Portal, multifields

ROWS = 50
_OPERATION = re.compile(r"(>=|<=|!@|!=|>|<|@|=|!)?(.+)")
_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    ">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt, "": operator.eq, "=": operator.eq, "!=": operator.ne,
    "!": operator.ne,
}  # fmt: skip
_HIDDEN = {"fm", "entityTypeId"}


class RestError(Exception):
    """An error as the portal tells it."""

    def __init__(self, code: str, status: int = 400, description: str = "") -> None:
        super().__init__(code)
        self.code, self.status, self.description = code, status, description


class Listed(list[Any]):
    """Rows of a list method; `total` where they were counted, `next` where there are more."""

    total: int = 0
    next: int | None = None


def run(portal: Portal, method: str, parameters: Mapping[str, Any]) -> Any:
    """The method's result. RestError for an unknown one."""
    found = METHODS.get(method)
    if found is None:
        raise RestError("ERROR_METHOD_NOT_FOUND", 404, "Method not found!")
    return found(portal, parameters)


def _items(portal: Portal, parameters: Mapping[str, Any]) -> tuple[int, dict[int, dict[str, Any]]]:
    kind = int(parameters.get("entityTypeId") or 0)
    if kind not in portal.items:
        raise RestError("NOT_FOUND", description="SPA not found")
    return kind, portal.items[kind]


def item_get(portal: Portal, parameters: Mapping[str, Any]) -> Any:
    kind, items = _items(portal, parameters)
    number = int(parameters.get("id") or 0)
    if (kind, number) in portal.hidden:
        raise RestError("ACCESS_DENIED", 403, "Access denied")
    if number not in items:
        raise RestError("NOT_FOUND", description="Element not found")
    return {"item": items[number]}


def item_list(portal: Portal, parameters: Mapping[str, Any]) -> Any:
    kind, items = _items(portal, parameters)
    numbers = sorted(items)
    beyond = str((parameters.get("filter") or {}).get(">id", ""))  # pages go by it: what was told already is not looked at
    numbers = numbers[bisect_right(numbers, int(beyond)) :] if beyond.isdigit() else numbers
    seen = (items[number] for number in numbers if (kind, number) not in portal.hidden)
    rows = _page(seen, parameters, "id")
    blank = {at for at, row in enumerate(rows) if (kind, row["id"]) in portal.blank}
    select = parameters.get("select") or ["*"]
    if "*" not in select:  # phones and e-mails come without a select alone
        shown = Listed({name: row[name] for name in select if name in row and name not in _HIDDEN} for row in rows)
        shown.total, shown.next, rows = rows.total, rows.next, shown
    rows[:] = [[] if at in blank else row for at, row in enumerate(rows)]
    return rows


def item_add(portal: Portal, parameters: Mapping[str, Any]) -> Any:
    kind, items = _items(portal, parameters)
    number = portal.add(kind, {camel(name): value for name, value in parameters.get("fields", {}).items()})
    return {"item": items[number]}


def item_update(portal: Portal, parameters: Mapping[str, Any]) -> Any:
    kind, items = _items(portal, parameters)
    item_get(portal, parameters)
    portal.change(kind, int(parameters["id"]), {camel(name): value for name, value in parameters.get("fields", {}).items()})
    return {"item": items[int(parameters["id"])]}


def item_delete(portal: Portal, parameters: Mapping[str, Any]) -> Any:
    kind, _ = _items(portal, parameters)
    item_get(portal, parameters)
    portal.delete(kind, int(parameters["id"]))
    return []


def stage_history(portal: Portal, parameters: Mapping[str, Any]) -> Any:
    kind = int(parameters.get("entityTypeId") or 0)
    if kind not in portal.history or kind in (CONTACT, COMPANY):
        raise RestError("ENTITY_TYPE_NOT_SUPPORTED")
    wanted = parameters.get("filter", {})
    owners = wanted.get("@OWNER_ID") or wanted.get("OWNER_ID")
    if owners is None:
        rows = [row for some in portal.history[kind].values() for row in some]
    else:
        owners = owners if isinstance(owners, list) else [owners]
        rows = [row for owner in owners for row in portal.history[kind].get(int(owner), [])]
    return _page(sorted(rows, key=lambda row: int(row["ID"])), parameters, "ID")


def add_of(kind: int) -> Callable[[Portal, Mapping[str, Any]], Any]:
    """crm.lead.add and its like: names in upper case, phones as lists of VALUE; gives the id."""

    def add(portal: Portal, parameters: Mapping[str, Any]) -> Any:
        fields = dict(parameters.get("fields", {}))
        phones, emails = (_values(fields.pop(name, [])) for name in ("PHONE", "EMAIL"))
        told = {_OTHERWISE.get(name, camel(name)): _number(name, value) for name, value in fields.items()}
        return portal.add(kind, {**told, **({"fm": multifields(phones, emails)} if phones or emails else {})})

    return add


def get_of(kind: int) -> Callable[[Portal, Mapping[str, Any]], Any]:
    """crm.lead.get and its like: everything is text."""

    def get(portal: Portal, parameters: Mapping[str, Any]) -> Any:
        number = int(parameters.get("ID") or parameters.get("id") or 0)
        item = portal.items[kind].get(number)
        if item is None:
            raise RestError("", description="Not found")
        plain = {upper(name): value if value is None else str(value) for name, value in item.items() if name != "fm"}
        many = {name: [_told(one) for one in item.get("fm", []) if one["typeId"] == name] for name in ("PHONE", "EMAIL")}
        return {**plain, **{name: value for name, value in many.items() if value}}

    return get


def comment_add(portal: Portal, parameters: Mapping[str, Any]) -> Any:
    fields = parameters.get("fields", {})
    if not fields.get("COMMENT"):
        raise RestError("ERROR_CORE", description="Empty comment message.")
    portal.comments.append(dict(fields))
    return len(portal.comments)


def comment_list(portal: Portal, parameters: Mapping[str, Any]) -> Any:
    wanted = parameters.get("filter") or {}
    if not wanted.get("ENTITY_ID") or not wanted.get("ENTITY_TYPE"):
        raise RestError("ERROR_CORE", description="Filter by ENTITY_ID and ENTITY_TYPE is required.")
    fitting = [all(str(one.get(name)) == str(value) for name, value in wanted.items()) for one in portal.comments]
    return [{"ID": str(at + 1), **one} for at, (one, fits) in enumerate(zip(portal.comments, fitting, strict=True)) if fits]


def trace_add(portal: Portal, parameters: Mapping[str, Any]) -> Any:
    """A visit's trace, linked to what it led to."""
    if not parameters.get("TRACE"):
        raise RestError("ERROR_CORE", description="Parameter `TRACE` required.")
    try:
        trace = json.loads(parameters["TRACE"])
    except ValueError as error:
        raise RestError("ERROR_CORE", description="Can not parse JSON in parameter `TRACE`.") from error
    for entity in parameters.get("ENTITIES") or []:
        if entity.get("TYPE") not in (*NAMES.values(), "QUOTE"):
            raise RestError("ERROR_CORE", description="Wrong TYPE in parameter `ENTITIES`.")
    portal.traces.append({"TRACE": trace, "ENTITIES": parameters.get("ENTITIES") or []})
    return len(portal.traces)


def find_by_comm(portal: Portal, parameters: Mapping[str, Any]) -> Any:
    """Leads, contacts and companies with one of these phones or e-mails; an empty list where there are none."""
    kind = str(parameters.get("type", ""))
    values = parameters.get("values")
    if kind not in ("PHONE", "EMAIL") or not isinstance(values, list) or not values:
        raise RestError("ERROR_CORE", description="Communication type is not defined or its values are empty")
    wanted = {_plain(kind, value) for value in values[:20]}
    found = {}
    for entity in (LEAD, CONTACT, COMPANY):
        numbers = [
            number for number, item in portal.items[entity].items()
            if any(one["typeId"] == kind and _plain(kind, one["value"]) in wanted for one in item.get("fm", []))
        ]  # fmt: skip
        if numbers and parameters.get("entity_type") in (None, "", NAMES[entity]):
            found[NAMES[entity]] = numbers
    return found or []


METHODS: Mapping[str, Callable[[Portal, Mapping[str, Any]], Any]] = {
    "crm.item.get": item_get,
    "crm.item.list": item_list,
    "crm.item.add": item_add,
    "crm.item.update": item_update,
    "crm.item.delete": item_delete,
    "crm.stagehistory.list": stage_history,
    "crm.lead.add": add_of(LEAD),
    "crm.deal.add": add_of(DEAL),
    "crm.contact.add": add_of(CONTACT),
    "crm.lead.get": get_of(LEAD),
    "crm.deal.get": get_of(DEAL),
    "crm.contact.get": get_of(CONTACT),
    "crm.timeline.comment.add": comment_add,
    "crm.timeline.comment.list": comment_list,
    "crm.tracking.trace.add": trace_add,
    "crm.duplicate.findbycomm": find_by_comm,
}
_OTHERWISE = {"STATUS_ID": "stageId"}
_NUMBERS = re.compile(r"(CONTACT|COMPANY|LEAD|CATEGORY|ASSIGNED_BY)_ID")


def _page(rows: Iterable[dict[str, Any]], parameters: Mapping[str, Any], by: str) -> Listed:
    """Filtered, ordered, fifty of them. `rows` come by their ids. `start` of -1 counts nothing and offers no next page."""
    fitting = [_fit(name, value) for name, value in (parameters.get("filter") or {}).items()]
    order = {name: str(way).upper() for name, way in (parameters.get("order") or {by: "ASC"}).items()}
    start = int(parameters.get("start") or 0)
    fits_all = (row for row in rows if all(fits(row) for fits in fitting))
    if start < 0 and order == {by: "ASC"}:
        return Listed(islice(fits_all, ROWS))
    found = list(fits_all)
    for name, way in reversed(list(order.items())):
        found.sort(key=_key(name), reverse=way == "DESC")
    first = max(start, 0)
    page = Listed(found[first : first + ROWS])
    if start >= 0:
        page.total = len(found)
        page.next = first + ROWS if first + ROWS < len(found) else None
    return page


def _key(name: str) -> Callable[[Mapping[str, Any]], Any]:
    return lambda row: _comparable(name, row.get(name))


def _fit(told: str, value: Any) -> Callable[[Mapping[str, Any]], bool]:
    found = _OPERATION.fullmatch(told)
    sign, name = (found[1] or "", found[2]) if found else ("", told)
    if name in _HIDDEN:
        raise RestError("INVALID_ARG_VALUE", description=f"Invalid filter: field '{name}' is not allowed in filter")
    if sign in ("@", "!@") or isinstance(value, list):
        several = {_comparable(name, one) for one in (value if isinstance(value, list) else [value])}
        return lambda row: (_comparable(name, _field(row, name)) in several) == (sign != "!@")
    wanted, compare = _comparable(name, value), _COMPARE[sign]
    return lambda row: compare(_comparable(name, _field(row, name)), wanted)


def _field(row: Mapping[str, Any], name: str) -> Any:
    if name not in row:
        raise RestError("INVALID_ARG_VALUE", description=f"Invalid filter: field '{name}' is not allowed in filter")
    return row[name]


def _comparable(name: str, value: Any) -> Any:
    if name.upper().endswith("TIME"):
        return _instant(str(value))
    if name.upper().endswith("ID") and str(value or 0).lstrip("-").isdigit():
        return int(value or 0)
    return str(value)


@cache
def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _values(told: Iterable[Any]) -> tuple[str, ...]:
    return tuple(str(one["VALUE"]) for one in told if isinstance(one, dict) and one.get("VALUE"))


def _told(one: Mapping[str, Any]) -> dict[str, str]:
    return {"ID": str(one["id"]), "VALUE_TYPE": one["valueType"], "VALUE": one["value"], "TYPE_ID": one["typeId"]}


def _number(name: str, value: Any) -> Any:
    return int(value) if _NUMBERS.fullmatch(name) and str(value).isdigit() else value


def _plain(kind: str, value: Any) -> str:
    return re.sub(r"\D", "", str(value))[-10:] if kind == "PHONE" else str(value).strip().lower()
