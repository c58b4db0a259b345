"""Rows of a cost file → cost records and the marks of the scopes that the import replaces. Pure.

Scopes (docs/method.md, costs): account × day for daily rows, file × period for months and periods.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from typing import Any

from functions.costs.parse import CostRow
from shared.ids import derived_id
from shared.records import COST, encode
from shared.times import local_midnight


@dataclass(frozen=True, slots=True)
class Import:
    """One file as it arrived. A later (received_at, import_id) of a scope wins."""

    site_id: str
    import_id: str
    file_name: str
    received_at: datetime
    time_zone: str


def import_id_of(received_at: datetime, key: str, upload: str) -> str:
    """The same for every event of the same upload; `upload` is what tells two uploads under one key apart."""
    return derived_id(received_at, key, upload)


def scope_of(row: CostRow, file_name: str) -> str:
    """What an import of this row replaces."""
    if row.last_day is None:
        return f"account:{row.account}|day:{row.day}"
    return f"file:{file_name}|period:{row.day}..{row.last_day}"


def encoded(rows: Sequence[CostRow], source: Import) -> list[bytes]:
    """Cost records, scope marks first. Rows that delete leave no record: their scope's mark is what clears it."""
    midnight = cache(lambda day: local_midnight(day, source.time_zone))
    marks = {scope_of(row, source.file_name): row for row in rows}
    lines = []
    for scope, row in marks.items():
        head = _head(source, scope, scope, midnight(row.day), row.day, row.last_day)
        account = row.account if row.last_day is None else None
        lines.append(encode(COST, {**head, "is_scope_mark": True, "account": account}))
    for row in rows:
        if row.deletes:
            continue
        scope = scope_of(row, source.file_name)
        head = _head(source, scope, f"line:{row.line}", midnight(row.day), row.day, row.last_day)
        figures = {
            "clicks": row.clicks,
            "impressions": row.impressions,
            "cost": row.cost,
            "currency": row.currency,
            "is_vat_included": row.is_vat_included,
            "vat_percent": row.vat_percent,
        }
        lines.append(encode(COST, {**head, "is_scope_mark": False, "account": row.account, **row.marks, **figures}))
    return lines


def _head(source: Import, scope: str, part: str, occurred_at: datetime, day: date, last_day: date | None) -> dict[str, Any]:
    return {
        "record_id": derived_id(source.received_at, source.import_id, part),
        "site_id": source.site_id,
        "occurred_at": occurred_at,
        "received_at": source.received_at,
        "via": "file",
        "scope": scope,
        "import_id": source.import_id,
        "day": day,
        "last_day": last_day,
        "file_name": source.file_name,
    }
