"""Sheets of the funnel, the sections of the site, qualification with its reasons, and the team."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from functions.report.marts.team import DIMENSIONS
from functions.report.view.formats import clean
from functions.report.view.funnel import CHANNEL_COUNTS, RATES, section_name
from functions.report.view.qualification import reason_name
from functions.report.view.team import receivables_text
from functions.report.workbook.cells import Sheet
from functions.report.workbook.making import Making

NAME, NUMBER = 34, 15  # widths
KINDS = ("count", "share", "count", "count", "ratio")  # of a step
QUALIFIED = (
    ("made", "count"), ("counted", "count"), ("qualified", "count"), ("qualified_share", "share"), ("disqualified", "count"),
    ("disqualified_share", "share"), ("waiting", "count"),
)  # fmt: skip
TEAM = (
    ("deals", "count"), ("sales", "count"), ("conversion", "share"), ("revenue", "money"), ("aov", "money"),
    ("communications", "times"),
)  # fmt: skip
Row = Mapping[str, Any]


def funnel(making: Making) -> Sheet:
    """A row a step of the whole site, then a bold head and a row a channel."""
    told, words = making.figures["funnel"], making.words
    say = words["funnel"]
    columns = [(say["columns"][n], k, NUMBER) for n, k in zip(("count", "rate", "lost", "previous", "change"), KINDS, strict=True)]
    sheet = making.titled(say["sheet"], [(say["step"], "text", NAME), *columns, *((" ", "plain", NUMBER) for _ in range(4))])
    for step in told["steps"]:
        cells = [step[name] for name in ("count", "rate", "lost", "previous", "change")]
        sheet.add_as(["text", *KINDS, *["text"] * 4], [say["steps"][step["step"]], *cells, *[None] * 4])
    heads = [*(say["steps"][name] for name in CHANNEL_COUNTS), *(say["rates"][name] for name in RATES)]
    sheet.add_as(["text"] * 10, [words["name"], *heads], bold=True)
    for row in told["channels"]:
        cells = [*(row[name] for name in CHANNEL_COUNTS), *(row["rates"][name] for name in RATES)]
        sheet.add_as(["text", *["count"] * 6, *["share"] * 3], [making.names.channel(row["channel"]), *cells])
    return sheet


def site_sections(making: Making) -> Sheet | None:
    """A row a section of the site. None for a reader of a scope: pages are of no channel."""
    told, words = making.figures["site_sections"], making.words
    if making.figures.get("scope"):
        return None
    say = words["funnel"]
    counts = [(words["metrics"][name], "count", NUMBER) for name in ("visits", "requests", "sales")]
    columns = [(say["sections_name"], "text", NAME), *counts, (say["rates"]["requests"], "share", NUMBER)]
    sheet = making.titled(say["sections_sheet"], columns)
    for row in told["rows"]:
        sheet.add([section_name(row["section"], words), *(row[name] for name in ("visits", "requests", "sales", "rate"))])
    sheet.filter()
    return sheet


def qualification(making: Making) -> Sheet:
    """A row a channel, the total last."""
    told, words = making.figures["qualification"], making.words
    say = words["qualification"]
    columns = [(say["columns"][name], kind, NUMBER) for name, kind in QUALIFIED]
    sheet = making.titled(say["sheet"], [(words["name"], "text", NAME), *columns])
    for row in told["channels"]:
        sheet.add([making.names.channel(row["channel"]), *(row[name] for name, _ in QUALIFIED)])
    sheet.filter()
    sheet.add([words["total"], *(told["total"][name] for name, _ in QUALIFIED)], bold=True)
    return sheet


def reasons(making: Making) -> Sheet:
    """A row a channel and reason."""
    told, words = making.figures["qualification"], making.words
    say = words["qualification"]
    columns = [(words["name"], "text", NAME), (say["group"], "text", NAME), (say["reason"], "text", NAME)]
    sheet = making.titled(say["reasons_sheet"], [*columns, (say["requests"], "count", NUMBER)])
    for row in told["channels"]:
        for one in row["reasons"]:
            names = [reason_name(one[name], say) for name in ("group", "reason")]
            sheet.add([making.names.channel(row["channel"]), *names, one["requests"]])
    sheet.filter()
    return sheet


def team(making: Making) -> Sheet:
    """A row a manager, branch and product; all deals last."""
    told, words = making.figures["team"], making.words
    say = words["team"]
    numbers = [(say["columns"][name], kind, NUMBER) for name, kind in TEAM]
    ends = [(say["columns"]["without_source"], "count", NUMBER), (say["columns"]["receivables"], "text", 24)]
    sheet = making.titled(say["sheet"], [(say["what"], "text", 24), (words["workbook"]["name"], "text", NAME), *numbers, *ends])
    for part in DIMENSIONS:
        for row in told[part]:
            name = clean(row["name"]) or words["unset"]
            sheet.add([say[part], name, *_team(row), row["without_source"], receivables_text(row["receivables"], making.formats)])
    sheet.filter()
    whole = told["average"]
    paid = receivables_text(whole["receivables"], making.formats)
    sheet.add([say["average"], None, *_team(whole), None, paid], bold=True)
    return sheet


def _team(row: Row) -> list[Any]:
    return [row[name] for name, _ in TEAM]
