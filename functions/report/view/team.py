"""Managers, branches and products, as texts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from functions.report.marts.team import DIMENSIONS
from functions.report.view import tables
from functions.report.view.formats import EMPTY, Formats, clean
from functions.report.view.names import Names

COLUMNS = ("deals", "sales", "conversion", "revenue", "aov", "communications", "receivables")
MOST_ROWS = 25  # of each, on the page; the workbook has the rest
MOST_NAME = 120
View = dict[str, Any]


def team_view(figures: Mapping[str, Any], formats: Formats, names: Names) -> View:
    """A table for each of managers, branches and products that deals tell; `none` says that there are no deals."""
    told, words = figures["team"], names.words
    say = words["team"]
    columns = tables.columns_of(say["columns"], COLUMNS)
    total = tables.row(say["average"], _cells({**told["average"], "communications_difference": None}, formats, say))
    parts = []
    for name in DIMENSIONS:
        rows = [tables.row(clean(row["name"], MOST_NAME) or words["unset"], _cells(row, formats, say)) for row in told[name]]
        cut = {"shown": formats.count(MOST_ROWS), "total": formats.count(len(rows))}
        if rows:
            left = say["left"].format(**cut) if len(rows) > MOST_ROWS else ""
            parts.append({"name": name, "table": tables.table(say[name], columns, rows[:MOST_ROWS], total), "left": left})
    return {"none": "" if parts else say["none"], "parts": parts}


def receivables_text(rows: list[Mapping[str, Any]], formats: Formats) -> str:
    """Sums by currency; the site's own by its symbol."""
    return ", ".join(f"{formats.amount(row['amount'])} {row['currency']}".strip() for row in rows)


def _cells(row: Mapping[str, Any], formats: Formats, say: Mapping[str, Any]) -> View:
    difference = row["communications_difference"]
    against = ""
    if difference is not None and round(difference, 1) != 0:
        text = formats.decimal(difference, 1)
        against = say["against"].format(difference=f"+{text}" if difference > 0 else text)
    talks = EMPTY if row["communications"] is None else formats.decimal(row["communications"], 1)
    return {
        "deals": tables.cell(formats.count(row["deals"])),
        "sales": tables.cell(formats.count(row["sales"])),
        "conversion": tables.cell(EMPTY if row["conversion"] is None else formats.share(row["conversion"])),
        "revenue": tables.cell(formats.amount(row["revenue"])),
        "aov": tables.cell(EMPTY if row["aov"] is None else formats.amount(row["aov"])),
        "communications": tables.cell(talks, small=against),
        "receivables": tables.cell(receivables_text(row["receivables"], formats) or EMPTY),
    }
