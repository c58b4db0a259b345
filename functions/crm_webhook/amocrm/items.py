"""What an amoCRM body holds: `<entity>[<action>][<n>][<field>]`, read out of the form's tree. Pure; all values are text.

Not told = absent, empty, or (for ids and times) `0`, which amoCRM writes for robots and for nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import NamedTuple

from functions.crm_webhook.forms import Tree
from functions.crm_webhook.reading import EARLIEST_YEAR, BadField
from shared.times import from_millis

# Parts of the product that have hooks of their own; a body with none of them is not amoCRM's.
ENTITIES = ("leads", "contacts", "companies", "customers", "task", "catalogs", "unsorted", "message", "talk")
LEAD_ACTIONS = ("add", "update", "responsible", "status", "restore", "delete")  # from first to last within one second
CONTACT_ACTIONS = ("add", "update")
_NO_TIME = datetime(EARLIEST_YEAR, 1, 1, tzinfo=UTC)
_DIGITS = re.compile(r"[0-9]{1,19}")


class CustomField(NamedTuple):
    """A field of the account's own. `code` is there for system and tracking fields only."""

    id: str
    code: str
    name: str
    values: tuple[str, ...]


class Item(NamedTuple):
    """One entity of a body; `place` names it in messages."""

    entity: str
    action: str
    place: str
    values: Tree

    def text(self, name: str) -> str:
        """A field's text; "" where it is not told."""
        return _clean(self.values.get(name))

    def id(self, name: str) -> str | None:
        """An id; None where it is not told. BadField where it is no whole number."""
        text = self.text(name)
        if not text.strip("0"):
            return None
        if not _DIGITS.fullmatch(text):
            raise BadField(f"{name}: must be a whole number of at most 19 digits")
        return text

    def needed_id(self) -> str:
        """The entity's own id. BadField without one."""
        told = self.id("id")
        if told is None:
            raise BadField("id: is needed")
        return told

    def moment(self, *names: str) -> datetime | None:
        """The first of these times that is told: unix seconds. BadField where it is none, or before the year 2000."""
        for name in names:
            text = self.text(name)
            if not text.strip("0"):
                continue
            if not _DIGITS.fullmatch(text) or len(text) > 11 or (moment := from_millis(int(text) * 1000)) < _NO_TIME:
                raise BadField(f"{name}: must be unix seconds from the year {EARLIEST_YEAR} on")
            return moment
        return None

    @property
    def custom_fields(self) -> list[CustomField]:
        return [
            CustomField(_clean(field.get("id")), _clean(field.get("code")), _clean(field.get("name")), tuple(_values(field)))
            for field in _children(self.values.get("custom_fields"))
            if isinstance(field, dict)
        ]

    def is_empty(self, wanted: str) -> bool:
        """A custom field has no value. amoCRM lists filled ones alone: one of ours by its usual name may not be there at all."""
        return not wanted.casefold().startswith("skvoz_") and find_field(self.custom_fields, wanted) is None

    @property
    def tags(self) -> list[str]:
        """Names of its tags."""
        return [_clean(tag.get("name")) for tag in _children(self.values.get("tags")) if isinstance(tag, dict)]

    @property
    def coded(self) -> dict[str, list[str]]:
        """Values that are no empty text, by the code of their field, upper case."""
        found: dict[str, list[str]] = {}
        for field in self.custom_fields:
            if field.code:
                found.setdefault(field.code.upper(), []).extend(field.values)
        return found


def items_of(tree: Mapping[str, str | Tree]) -> Iterator[Item]:
    """Every item of every entity that has hooks. Where an item is a text, it is an id alone (`leads[delete]=7`)."""
    for entity in ENTITIES:
        actions = tree.get(entity)
        if isinstance(actions, str):
            yield Item(entity, "", entity, {})
            continue
        for action, items in (actions or {}).items():
            if isinstance(items, str):
                yield Item(entity, action, f"{entity}.{action}", {"id": items})
                continue
            for number, item in enumerate(items.values()):
                # The place is counted: what stands in the brackets is the sender's text, and messages are kept.
                yield Item(entity, action, f"{entity}.{action}.{number}", item if isinstance(item, dict) else {"id": item})


def find_field(fields: list[CustomField], wanted: str) -> CustomField | None:
    """The field with that code, else with that id, else with that name, that has a value. Codes and names in any case."""
    key = wanted.casefold()
    filled = [field for field in fields if field.values]
    for told in ("code", "id", "name"):
        for field in filled:
            if getattr(field, told).casefold() == key:
                return field
    return None


def linked_leads(item: Item) -> list[str]:
    """Ids of a contact's leads, each once: `linked_leads_id[<id>][ID]=<id>`, where the key is the id as well."""
    linked = item.values.get("linked_leads_id")
    found = []
    for key, child in linked.items() if isinstance(linked, dict) else ():
        told = _clean(child.get("ID")) if isinstance(child, dict) else _clean(child)
        found += [lead for lead in (told or key, key) if lead.strip("0") and _DIGITS.fullmatch(lead)][:1]
    return list(dict.fromkeys(found))


def noted_id(item: Item) -> str:
    """Id of the entity that a note belongs to: `note[element_id]`, one level deeper than other fields. BadField without one."""
    note = item.values.get("note")
    told = Item(item.entity, item.action, item.place, note if isinstance(note, dict) else {}).id("element_id")
    if told is None:
        raise BadField("note.element_id: is needed")
    return told


def _values(field: Tree) -> Iterator[str]:
    """`values[m][value]`; of date fields `values[m]` itself."""
    for value in _children(field.get("values")):
        text = _clean(value.get("value")) if isinstance(value, dict) else _clean(value)
        if text:
            yield text


def _children(node: str | Tree | None) -> list[str | Tree]:
    if isinstance(node, dict):
        return list(node.values())
    return [node] if node else []


def _clean(value: str | Tree | None) -> str:
    return value.replace("\x00", "").strip() if isinstance(value, str) else ""
