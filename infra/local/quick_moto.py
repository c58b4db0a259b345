"""moto made quick where it takes most of a demo's time.

A DynamoDB transaction copies a whole table for each of its items, to the last value; here a backup shares the values that moto
replaces and never changes. And every call looks its service's class over for its methods; here once a class.
"""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from typing import Any

_CHANGED_IN_PLACE = frozenset({"M", "L", "SS", "NS", "BS"})


@contextmanager
def quick_moto() -> Iterator[None]:
    """While open, moto's backups of tables are made by `backup`, and methods are looked up once."""
    models, responses = import_module("moto.dynamodb.models"), import_module("moto.core.responses")
    before = models.copy, responses.method_names_from_class
    models.copy, responses.method_names_from_class = _Copies, cache(before[1])  # type: ignore[attr-defined]  # a module as such
    try:
        yield
    finally:
        models.copy, responses.method_names_from_class = before  # type: ignore[attr-defined]  # as where they were put


class _Copies:
    """Stands in for the module `copy` in moto's DynamoDB."""

    copy = staticmethod(copy.copy)

    @staticmethod
    def deepcopy(value: Any) -> Any:
        from moto.dynamodb.models.table import Table

        return backup(value) if isinstance(value, Table) else copy.deepcopy(value)


def backup(table: Any) -> Any:
    """A table that later writes to `table` leave as it is now."""
    kept = copy.copy(table)
    kept.items = defaultdict(dict)
    for key, found in table.items.items():
        kept.items[key] = {place: _item(item) for place, item in found.items()} if isinstance(found, dict) else _item(found)
    return kept


def _item(item: Any) -> Any:
    kept = copy.copy(item)
    kept.attrs = type(item.attrs)()
    dict.update(kept.attrs, item.attrs)  # past its own check of the size, which adds the whole item up for each value
    for name, value in item.attrs.items():
        if value.type in _CHANGED_IN_PLACE:
            kept.attrs[name] = copy.deepcopy(value)
    return kept
