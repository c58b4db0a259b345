"""Qualification by channel and the reasons of loss, as texts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from functions.report.view import tables
from functions.report.view.formats import EMPTY, Formats, clean
from functions.report.view.names import Names

COUNTS = ("made", "counted", "qualified", "disqualified", "waiting")
SHARES = ("qualified_share", "disqualified_share")
COLUMNS = ("made", "counted", "qualified", "qualified_share", "disqualified", "disqualified_share", "waiting", "reasons")
MOST_REASONS = 3  # named beside a channel
MOST_NAME = 120
View = dict[str, Any]


def qualification_view(figures: Mapping[str, Any], formats: Formats, names: Names) -> View:
    """A table of channels and one of reasons; `none` says that nobody got in touch."""
    told, words = figures["qualification"], names.words
    say = words["qualification"]
    rows = [
        tables.row(names.channel(row["channel"]), _cells(row, formats, say), names.channel_colour(row["channel"]))
        for row in told["channels"]
    ]
    total = tables.row(words["total"], {**_cells(told["total"], formats, say), "reasons": tables.cell("")})
    table = tables.table(words["name"], tables.columns_of(say["columns"], COLUMNS), rows, total, ("reasons",))
    reasons = [
        tables.row(
            reason_name(row["reason"], say),
            {"requests": tables.cell(formats.count(row["requests"]))},
            note=reason_name(group["group"], say) if group["group"] != row["reason"] else "",
        )
        for group in told["groups"]
        for row in group["reasons"]
    ]
    return {
        "none": "" if told["channels"] else say["none"],
        "table": table,
        "reasons": tables.table(say["reason"], [("requests", say["requests"])], reasons),
    }


def reason_name(reason: str, say: Mapping[str, Any]) -> str:
    """A reason as the CRM words it; deals may tell none."""
    return clean(reason, MOST_NAME) or str(say["unset"])


def _cells(row: Mapping[str, Any], formats: Formats, say: Mapping[str, Any]) -> View:
    counts = {name: tables.cell(formats.count(row[name])) for name in COUNTS}
    shares = {name: tables.cell(EMPTY if row[name] is None else formats.share(row[name])) for name in SHARES}
    first = row["reasons"][:MOST_REASONS]
    reasons = ", ".join(f"{reason_name(one['reason'], say)}\u00a0{formats.count(one['requests'])}" for one in first)
    return {**counts, **shares, "reasons": tables.cell(reasons or EMPTY)}
