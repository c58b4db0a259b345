"""How people got in touch: contact channels as texts, for mail, text part and page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from functions.report.figures import added
from functions.report.view.formats import Formats, clean

CONTACT_MEASURES = ("requests", "qualified", "sales", "revenue", "gross_profit")
MOST_NAME = 60
View = dict[str, Any]


def contact_rows(figures: Mapping[str, Any], formats: Formats, words: Mapping[str, Any]) -> View:
    """Rows and the sum of contact channels; no rows where nobody got in touch."""
    known = figures["contact_channels"]
    rows = [{"name": contact_name(row["contact_channel"], words), "cells": _cells(row, formats)} for row in known]
    return {"measures": ("made", *CONTACT_MEASURES), "rows": rows, "totals": _cells(contact_total(known), formats)}


def contact_total(rows: Any) -> dict[str, Any]:
    """Sum of contact channels as one row."""
    rows = list(rows)
    total = added({**row, "cost": 0, "visits": 0} for row in rows)
    return {"made": sum(row["made"] for row in rows), **{name: total[name] for name in CONTACT_MEASURES}}


def contact_name(contact_channel: str, words: Mapping[str, Any]) -> str:
    """The reader's word for form, call and so on."""
    return words["contact_channels"].get(contact_channel) or clean(contact_channel, MOST_NAME) or words["unset"]


def duration(seconds: float, formats: Formats, words: Mapping[str, Any]) -> str:
    """2 h 5 min, 5 min 20 s, 14 s; whole seconds, and from an hour on whole minutes."""
    units = words["calls"]["units"]
    whole = int(seconds + 0.5)
    if whole >= 3600:
        whole = int(seconds / 60 + 0.5) * 60
    parts = (("h", whole // 3600), ("min", whole % 3600 // 60), ("s", whole % 60))
    told = [f"{formats.count(number)}\u00a0{units[unit]}" for unit, number in parts if number]
    return " ".join(told) or f"0\u00a0{units['s']}"


def _cells(row: Mapping[str, Any], formats: Formats) -> dict[str, str]:
    return {"made": formats.count(row["made"]), **{name: formats.figure(name, row[name]) for name in CONTACT_MEASURES}}
