"""Fields of the CRM's own that the settings name (shared/crm_settings.py: `CrmFields`) → values of a deal state. Pure.

People fill such fields by hand: what cannot be read is counted (`unreadable_field`), and the rest of the deal still counts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

import orjson

from functions.crm_webhook.deals import DealState
from functions.crm_webhook.reading import LIMITS, BadField, Private
from shared.money import parse_amount

_IDENTIFIERS = ("request_id", "visitor_id", "call_id", "order_id")
_SUMS = ("cost_price", "receivable")
_EMPTIED = ("request_id", "branch", "product", "order_id")
_WORDS = {"loss_reason": "loss_reason", "branch": "branch", "product": "product", "source": "crm_source"}
_MOST_ATTRIBUTE = 200
UNREADABLE = "unreadable_field"

Find = Callable[[str], str | None]


def mapped_values(find: Find, fields: Mapping[str, Any], private: Private, passed_over: Counter[str]) -> dict[str, Any]:
    """`find(field)` gives the text of a field of the CRM by the name that the settings give it; None or "" where it is empty.

    Values not told are None.
    """
    reader = _Reader(find, fields, private, passed_over)
    return {
        **{name: reader.identifier(name) for name in _IDENTIFIERS},
        **{name: reader.amount(name) for name in _SUMS},
        **{column: private.words(column, reader.text(name)) for name, column in _WORDS.items()},
        "communications": reader.whole("communications"),
        "attributes": reader.attributes(),
    }


def emptied(state: DealState, is_empty: Callable[[str], bool], fields: Mapping[str, Any]) -> list[DealState]:
    """What somebody emptied since the deal was made, beside the state of a whole object; nothing where it was not changed since.

    `is_empty(field)`: the CRM's object has that field, with nothing in it. A state of its own: in the object's, it would keep the
    same state told by a hook, which lists filled fields alone, from being the same record.
    """
    made_at = state.values.get("deal_created_at")
    if state.told_at is None or made_at is None or state.told_at <= made_at:
        return []

    def stands_empty(column: str, *wanted: object) -> bool:
        return state.values.get(column) is None and bool(wanted) and all(one and is_empty(str(one)) for one in wanted)

    names = [name for name in _EMPTIED if stands_empty(name, fields.get(name))]
    told: dict[str, Any] = {"emptied": " ".join(names)} if names else {}
    if stands_empty("receivable", fields.get("receivable")):
        told["receivable"] = Decimal(0)
    if stands_empty("attributes", *(fields.get("attributes") or {}).values()):
        told["attributes"] = "{}"
    return [replace(state, values=told)] if told else []


def tags_text(tags: list[str], private: Private) -> str | None:
    """Tags as the lake keeps them: a JSON list, sorted, each once, as many as find room."""
    kept: list[str] = []
    for tag in sorted({private.words("tags", one) or "" for one in tags} - {""}):
        if len(orjson.dumps([*kept, tag]).decode()) > LIMITS["tags"]:
            break
        kept.append(tag)
    return orjson.dumps(kept).decode() if kept else None


class _Reader:
    def __init__(self, find: Find, fields: Mapping[str, Any], private: Private, passed_over: Counter[str]) -> None:
        self._find, self._fields, self._private, self._passed_over = find, fields, private, passed_over

    def text(self, name: str) -> str | None:
        wanted = self._fields.get(name)
        return (self._find(str(wanted)) or None) if wanted else None

    def identifier(self, name: str) -> str | None:
        try:
            return self._private.identifier(name, self.text(name))
        except BadField:
            self._unreadable()
            return None

    def amount(self, name: str) -> Decimal | None:
        text = self.text(name)
        try:
            return parse_amount(text) if text else None
        except ValueError:
            self._unreadable()
            return None

    def whole(self, name: str) -> int | None:
        amount = self.amount(name)
        if amount is None:
            return None
        if amount == int(amount) and 0 <= amount < 10**9:
            return int(amount)
        self._unreadable()
        return None

    def attributes(self) -> str | None:
        told = {}
        for name, wanted in (self._fields.get("attributes") or {}).items():
            if text := self._private.words("attributes", self._find(str(wanted))):
                told[name] = text[:_MOST_ATTRIBUTE]
        return orjson.dumps(told, option=orjson.OPT_SORT_KEYS).decode() if told else None

    def _unreadable(self) -> None:
        self._passed_over[UNREADABLE] += 1
