"""The five figures that a report begins with, as texts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from functions.report.view.changes import change_tone, changed
from functions.report.view.formats import Formats

MONEY = ("cost", "revenue")
View = dict[str, Any]


def tile_rows(figures: Mapping[str, Any], formats: Formats, words: Mapping[str, Any]) -> list[View]:
    """One a figure: {measure, label, value, previous, change, tone, plan, plan_share}; "" where there is nothing to say."""
    return [_tile(tile, formats, words) for tile in figures["tiles"]]


def shown(measure: str, value: Any, formats: Formats) -> str:
    """A tile's figure with its unit."""
    return formats.money(value) if measure in MONEY else formats.figure(measure, value)


def _tile(tile: Mapping[str, Any], formats: Formats, words: Mapping[str, Any]) -> View:
    measure, change, before = tile["measure"], tile["change"], tile["previous"]
    is_told = before is not None and change is not None and round(change, 3) != 0
    return {
        "measure": measure,
        "label": words["tiles"]["partial"].format(name=words["metrics"][measure])
        if tile["is_partial"]
        else words["metrics"][measure],
        "value": shown(measure, tile["value"], formats),
        "previous": shown(measure, before, formats) if is_told else "",
        "change": changed(measure, tile["value"], change, before, formats, words),
        "tone": "" if tile["is_partial"] else change_tone(measure, change),
        "plan": "" if tile["plan"] is None else shown(measure, tile["plan"], formats),
        "plan_share": _plan_share(tile, formats, words),
    }


def _plan_share(tile: Mapping[str, Any], formats: Formats, words: Mapping[str, Any]) -> str:
    if tile["plan_share"] is not None:
        return str(words["tiles"]["plan_share"].format(share=formats.share(tile["plan_share"])))
    if tile["measure"] == "margin_romi" and tile["plan_difference"] is not None:
        return str(words["tiles"]["plan_points"].format(points=formats.points(tile["plan_difference"])))
    return ""
