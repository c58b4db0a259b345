"""The mail's table of source control: where contacts and deals came from, cut to a few rows. The page has all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from functions.report.marts.ratios import divide
from functions.report.marts.tree import NO_SOURCE
from functions.report.view.formats import Formats
from functions.report.view.source_control import control_cells

MEASURES = ("requests", "deals", "share", "share_before")
MOST_ROWS = 8  # of channels: with "no source" and the sum of the rest
View = dict[str, Any]
Figures = Mapping[str, Any]


def control_table(figures: Figures, view: View, formats: Formats) -> View:
    """`rows` are channels, the most contacts first, "no source" with its reasons (`parts`) last; `total` is the whole. No rows
    where nothing ever came."""
    told, control, words = figures["source_control"], view["control"], view["words"]
    if control["is_empty"]:
        return {"rows": [], "measures": [], "total": None}
    known = [row for row in told["channels"] if row["sources"]]
    pairs = list(zip(known, control["rows"], strict=True))
    own = [pair for pair in pairs if pair[0]["channel"] == NO_SOURCE]
    named = [pair for pair in pairs if pair[0]["channel"] != NO_SOURCE]
    most = MOST_ROWS - len(own)
    place = most if len(named) <= most else most - 1
    rows = [{**shown, "parts": []} for _, shown in named[:place]]
    if left := [row for row, _ in named[place:]]:
        name = words["rest"].format(count=formats.count(len(left)))
        rows.append({"name": name, "colour": "", "cells": control_cells(_summed(left, told), formats), "parts": []})
    rows += [{**shown, "parts": _reasons(row["sources"], shown["sources"])} for row, shown in own]
    measures = [one for one in control["measures"] if one[0] in MEASURES]
    return {"rows": rows, "measures": measures, "total": {**control["total"], "parts": []}}


def _reasons(known: Sequence[Figures], shown: Sequence[View]) -> list[View]:
    """Reasons that took anything now or before."""
    pairs = zip(known, shown, strict=True)
    return [{**text, "parts": []} for row, text in pairs if row["requests"] or row["deals"] or row["requests_before"]]


def _summed(rows: Sequence[Figures], told: Figures) -> View:
    sums = {name: sum(row[name] for row in rows) for name in ("requests", "deals", "requests_before")}
    return {
        **sums,
        "share": divide(sums["requests"], told["requests"]),
        "share_before": divide(sums["requests_before"], told["requests_before"]),
        "is_jump": False,
        "last_day": None,
    }
