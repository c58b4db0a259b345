"""The five figures that a report begins with, against the period before and the plan. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from functions.report.marts.plan import difference, planned_total
from functions.report.marts.ratios import divide

TILES = ("cost", "qualified", "sales", "revenue", "margin_romi")
Figures = dict[str, Any]


def tiles_of(
    totals: Mapping[str, Any], before: Mapping[str, Any], change: Mapping[str, Any], plan: Figures | None, is_partial: bool = False
) -> list[Figures]:
    """One row a figure. `plan_share` = value ÷ plan, of what can be fulfilled by a share; `plan_difference` = value − plan.
    `is_partial`: a part of the revenue has no cost price, and margin ROMI is of the other part's profit."""
    return [
        _tile(name, totals[name], before[name], change[name], planned_total(plan, name), is_partial and name == "margin_romi")
        for name in TILES
    ]


def _tile(name: str, value: Any, previous: Any, change: float | None, planned: Any, is_partial: bool) -> Figures:
    return {
        "measure": name,
        "value": value,
        "previous": previous,
        "change": change,
        "plan": planned,
        "plan_share": None if name == "margin_romi" else divide(value, planned),
        "plan_difference": difference(value, planned),
        "is_partial": is_partial and value is not None,
    }
