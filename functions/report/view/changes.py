"""How a figure changed against the period before: its text, and whether that is good."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from functions.report.marts.measures import POINTS
from functions.report.view.formats import NBSP, Formats

MORE_IS_BETTER = frozenset({"revenue", "gross_profit", "requests", "qualified", "sales", "roas", "romi", "margin_romi"})
LESS_IS_BETTER = frozenset({"cpl", "cpo", "price"})


def change_text(measure: str, change: float | None, before: Any, formats: Formats, words: Mapping[str, Any]) -> str:
    """`+12,4 %`, `−3 п. п.`; "" where nothing can be said."""
    if change is None:
        return str(words["new"]) if not before else ""
    if round(change, 3) == 0:
        return str(words["no_change"])
    if measure in POINTS:
        return f"{formats.points(change)}{NBSP}{words['points'].replace(' ', NBSP)}"
    return formats.percent(change)


def changed(measure: str, now: Any, change: float | None, before: Any, formats: Formats, words: Mapping[str, Any]) -> str:
    """The same, and "" where nothing is known now, or nothing was and is."""
    return change_text(measure, change, before, formats, words) if now is not None and (now or before) else ""


def change_tone(measure: str, change: float | None) -> str:
    """good, bad, or "" where a change is neither."""
    if change is None or round(change, 3) == 0 or measure not in MORE_IS_BETTER | LESS_IS_BETTER:
        return ""
    return "good" if (change > 0) == (measure in MORE_IS_BETTER) else "bad"
