"""Sheets of money: payback of advertising, income and expenses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from functions.report.marts.payback import STEPS
from functions.report.view.payback import INCOME
from functions.report.workbook.cells import Sheet
from functions.report.workbook.making import Making

NAME, NUMBER = 30, 15  # widths
Row = Mapping[str, Any]


def payback(making: Making) -> Sheet:
    """A row an ad system, with the period before and the change of every count and price; all advertising last."""
    told, words = making.figures["payback"], making.words
    say = words["payback"]
    sheet = making.titled(say["sheet"], [(say["name"], "text", NAME), *_columns(say)])
    for row in told["rows"]:
        sheet.add([making.names.channel(row["channel"]), *_cells(row, words)])
    sheet.filter()
    if told["total"]:
        sheet.add([say["total"], *_cells(told["total"], words)], bold=True)
    return sheet


def income(making: Making) -> Sheet:
    """A row a channel, the total last."""
    told, words = making.figures["income"], making.words
    say = words["income"]
    counts = [(words["metrics"][name], "count", NUMBER) for name in ("visits", "requests", "qualified", "sales")]
    money = [(say["columns"][name], "share" if name == "drr" else "money", NUMBER) for name in INCOME]
    sheet = making.titled(say["sheet"], [(words["name"], "text", NAME), *counts, *money])
    for row in told["rows"]:
        sheet.add([making.names.channel(row["channel"]), *_income(row)])
    sheet.filter()
    sheet.add([words["total"], *_income(told["total"])], bold=True)
    return sheet


def _income(row: Row) -> list[Any]:
    return [row[name] for name in ("visits", "requests", "qualified", "sales", *INCOME)]


def _columns(say: Mapping[str, Any]) -> list[tuple[str, str, float]]:
    names = say["columns"]
    columns = [*_compared(names["cost"], "money", names), (names["impressions"], "count", NUMBER), (names["ctr"], "share", NUMBER)]
    for step in STEPS:
        columns += _compared(names[step], "count", names)
        columns += _compared(names[f"{step}_price"], "money", names)
    rest = (("revenue", "money"), ("roi", "share"), ("verdict", "text"))
    return [*columns, *((names[name], kind, NUMBER) for name, kind in rest)]


def _compared(name: str, kind: str, names: Mapping[str, str]) -> list[tuple[str, str, float]]:
    before, change = (names[which].format(name=name) for which in ("previous", "change"))
    return [(name, kind, NUMBER), (before, kind, NUMBER), (change, "ratio", NUMBER)]


def _cells(row: Row, words: Mapping[str, Any]) -> list[Any]:
    cells = [row["cost"], row["previous_cost"], row["cost_change"], row["impressions"], row["ctr"]]
    for step in STEPS:
        told = row["steps"][step]
        for what in ("count", "price"):
            cells += [told[what], told[f"previous_{what}"], told[f"{what}_change"]]
    return [*cells, row["revenue"], row["roi"], words["verdicts"].get(row["verdict"], "")]
