"""Sheets of the plan, and of what moved revenue."""

from __future__ import annotations

from typing import Any

from functions.report.view.drivers import word_of
from functions.report.view.plan import incomplete_lines, unknown_line
from functions.report.workbook.cells import Sheet, kind_of
from functions.report.workbook.making import Making

NAME, NUMBER = 30, 16  # widths
SHARES = ("mix", "conversion")


def plan(making: Making) -> Sheet:
    """A row a channel and planned figure; the whole site first. Without a plan the sheet has its head alone."""
    words = making.words
    say = words["plan"]
    columns = [(say["columns"][name], "plain", NUMBER) for name in ("plan", "fact", "share", "difference")]
    sheet = making.titled(say["sheet"], [(say["name"], "text", NAME), (say["measure"], "text", NAME), *columns])
    for row in (making.figures["plan"] or {"rows": ()})["rows"]:
        name = making.names.channel(row["channel"]) if row["channel"] else _site(making)
        for measure, told in row["measures"].items():
            kind = kind_of(measure)
            title = words["metrics"][measure] + (f" ({say['derived']})" if told["is_derived"] else "")
            kinds = ["text", "text", kind, kind, "share", kind]
            sheet.add_as(kinds, [name, title, *(told[column] for column in ("plan", "fact", "share", "difference"))])
    sheet.filter()
    return sheet


def drivers(making: Making) -> Sheet:
    """A row a driver, then the rest and the sum, which is the change of revenue."""
    told, say = making.figures["drivers"], making.words["drivers"]
    columns = [(say["columns"][name], kind, NUMBER) for name, kind in (("amount", "money"), ("before", "plain"), ("now", "plain"))]
    sheet = making.titled(say["sheet"], [(say["channel"], "text", NAME), (say["columns"]["effect"], "text", 40), *columns])
    for row in told["rows"]:
        name = making.names.channel(row["channel"]) if row["channel"] else _site(making)
        kind = "share" if row["effect"] in SHARES else "count" if row["effect"] == "volume" else "money"
        cells = [name, say["effects"][_effect(row["effect"], making)], row["amount"], row["before"], row["now"]]
        sheet.add_as(["text", "text", "money", kind, kind], cells)
    sheet.filter()
    rest = say["rest"].format(count=making.formats.count(told["rest_count"]))
    sheet.add([rest, None, told["rest"], None, None])
    sheet.add([making.words["total"], None, told["change"], None, None], bold=True)
    return sheet


def explained_plan(making: Making) -> list[list[Any]]:
    """Lines for the definitions: what these sheets are, and what of the plan is not compared."""
    words = making.words
    plan_ = making.figures["plan"]
    lines = [[words[term]["sheet"], words[term]["definition"].partition(": ")[2], None] for term in ("plan", "drivers")]
    if plan_:
        told = [*incomplete_lines(plan_, _site(making), making.formats, making.names), unknown_line(plan_, making.names)]
        lines += [[words["plan"]["sheet"], text, None] for text in told if text]
    return lines


def _site(making: Making) -> str:
    return str(making.words["plan"]["whole_scope" if making.figures.get("scope") else "whole_site"])


def _effect(effect: str, making: Making) -> str:
    told = word_of(effect, making.figures)
    return told if told in making.words["drivers"]["effects"] else effect
