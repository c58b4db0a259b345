"""The funnel of marketing and sales, and the sections of the site, as texts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from functions.report.view import tables
from functions.report.view.changes import change_tone, changed
from functions.report.view.formats import EMPTY, Formats, clean
from functions.report.view.names import Names

COLUMNS = ("count", "rate", "lost", "previous", "change")
CHANNEL_COUNTS = ("impressions", "clicks", "visits", "requests", "qualified", "sales")
RATES = ("requests", "qualified", "sales")
SECTION_COUNTS = ("visits", "requests", "sales")
MOST_SECTIONS = 25  # on the page; the workbook has the rest
MOST_NAME = 80
View = dict[str, Any]


def funnel_view(figures: Mapping[str, Any], formats: Formats, names: Names) -> View:
    """Steps of the funnel (with the width of their bars), its channels, sections of the site."""
    words, told = names.words, figures["funnel"]
    say = words["funnel"]
    columns = [*((f"{name}_count", say["steps"][name]) for name in CHANNEL_COUNTS), *((n, say["rates"][n]) for n in RATES)]
    channels = [
        tables.row(names.channel(row["channel"]), _channel(row, formats), names.channel_colour(row["channel"]))
        for row in told["channels"]
    ]
    steps = [tables.row(say["steps"][step["step"]], _step(step, formats, words)) for step in told["steps"]]
    return {
        "steps": tables.table(say["step"], tables.columns_of(say["columns"], COLUMNS), steps),
        "channels": tables.table(words["name"], columns, channels),
        "sections": _sections(figures["site_sections"], formats, words),
    }


def section_name(section: str, words: Mapping[str, Any]) -> str:
    """A section as people call it: `/catalog`, or the main page."""
    name = clean(section, MOST_NAME)
    return f"/{name}" if name else str(words["funnel"]["main_page"])


def _step(step: Mapping[str, Any], formats: Formats, words: Mapping[str, Any]) -> View:
    unknown = tables.cell(words["funnel"]["unknown"], "none")
    change = changed(step["step"], step["count"], step["change"], step["previous"], formats, words)
    return {
        "count": unknown if step["count"] is None else tables.cell(formats.count(step["count"])),
        "rate": tables.cell(EMPTY if step["rate"] is None else formats.share(step["rate"])),
        "lost": tables.cell(EMPTY if step["lost"] is None or step["lost"] < 0 else formats.count(step["lost"])),
        "previous": tables.cell(EMPTY if step["previous"] is None else formats.count(step["previous"])),
        "change": tables.cell(change or EMPTY, change_tone(step["step"], step["change"])),
    }


def _channel(row: Mapping[str, Any], formats: Formats) -> View:
    counts = {f"{name}_count": tables.cell(EMPTY if row[name] is None else formats.count(row[name])) for name in CHANNEL_COUNTS}
    rates = {name: tables.cell(EMPTY if row["rates"][name] is None else formats.share(row["rates"][name])) for name in RATES}
    return {**counts, **rates}


def _sections(told: Mapping[str, Any], formats: Formats, words: Mapping[str, Any]) -> View:
    say = words["funnel"]
    shown = told["rows"][:MOST_SECTIONS]
    rows = []
    for row in shown:
        cells = {name: tables.cell(formats.count(row[name])) for name in SECTION_COUNTS}
        cells["rate"] = tables.cell(EMPTY if row["rate"] is None else formats.share(row["rate"]))
        rows.append(tables.row(section_name(row["section"], words), cells))
    columns = [*((name, words["metrics"][name]) for name in SECTION_COUNTS), ("rate", say["rates"]["requests"])]
    left = told["total"] - len(shown)
    return {
        "table": tables.table(say["sections_name"], columns, rows),
        "left": say["sections_left"].format(count=formats.count(left)) if left > 0 else "",
    }
