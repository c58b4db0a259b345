"""Sheets of the budget calculator: the fit of each channel, and the weeks that it was made from."""

from __future__ import annotations

from datetime import date
from typing import Any

from functions.report.view.budget import says
from functions.report.workbook.cells import Sheet
from functions.report.workbook.making import Making

NAME, NUMBER = 30, 16  # widths
FIT = (
    ("weeks", "count"), ("cost", "money"), ("sales", "count"), ("spend_now", "money"), ("sales_now", "times"), ("a", "times"),
    ("b", "times"), ("dispersion", "times"), ("next_sale_price", "money"), ("least_cost", "money"), ("most_cost", "money"),
    ("aov", "money"),
)  # fmt: skip
ENDS = (("next_sale_low", "money"), ("next_sale_high", "money"))  # of the next sale's price, 90 %
TERMS = ("payback", "income", "funnel", "qualification", "team", "budget")


def budget(making: Making) -> Sheet:
    """A row a channel of advertising; where there is no fit, why not."""
    say = making.words["budget"]
    columns = [(say["columns"][name], kind, NUMBER) for name, kind in (*FIT, *ENDS)]
    sheet = making.titled(say["sheet"], [(say["name"], "text", NAME), *columns, (say["columns"]["says"], "wrap", 60)])
    for row in making.figures["budget"]["channels"]:
        told = says(row, making.formats, say)
        sheet.add(
            [
                making.names.channel(row["channel"]),
                *(row[name] for name, _ in FIT),
                *(row["next_sale_interval"] or (None, None)),
                told,
            ]
        )
    sheet.filter()
    return sheet


def weeks(making: Making) -> Sheet:
    """A row a channel and week."""
    say = making.words["budget"]
    numbers = [(say["columns"]["cost"], "money", NUMBER), (say["columns"]["sales"], "count", NUMBER)]
    sheet = making.titled(say["points_sheet"], [(say["name"], "text", NAME), (say["columns"]["week"], "day", 14), *numbers])
    for row in making.figures["budget"]["channels"]:
        name = making.names.channel(row["channel"])
        for point in row["points"]:
            sheet.add([name, date.fromisoformat(point["week"]), point["cost"], point["sales"]])
    sheet.filter()
    return sheet


def explained_money(making: Making) -> list[list[Any]]:
    """Lines for the definitions: how payback, income, funnel, qualification, team and budget are computed."""
    words, days = making.words, making.figures["budget"]["immature_days"]
    return [
        [words[term]["sheet"], words[term]["definition"].partition(": ")[2].format(days=days), None]
        for term in TERMS
        if term in making.sections
    ]
