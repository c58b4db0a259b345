"""Sheets of people: buyers by ABCD class, and cohorts by the month of the first touch."""

from __future__ import annotations

from datetime import date

from functions.report.view.customers import (
    CLASS_MEASURES,
    COHORT_MEASURES,
    MONEY,
    OF_PERIOD,
    TO_DATE,
    class_name,
    customer_names,
)
from functions.report.workbook.cells import Sheet
from functions.report.workbook.making import Making

NAME, NUMBER = 44, 16  # widths


def customers(making: Making) -> Sheet:
    """A row a class and their sum, then what is told of all people, to date and of the period."""
    told, words = making.figures["customers"], making.words
    names, of_period = customer_names(told, words), words["customers"]["of_period"]
    columns = [(names[name], _kind(name), NUMBER) for name in CLASS_MEASURES]
    sheet = making.sheet("customers", [(words["customers"]["abcd"], "text", NAME), *columns])
    for row in told["classes"]:
        sheet.add([class_name(row["abcd"], words), *(row[name] for name in CLASS_MEASURES)])
    sheet.filter()
    sheet.add([words["total"], *(told[name] for name in CLASS_MEASURES)], bold=True)
    for name in TO_DATE:
        sheet.add_as(["text", _kind(name)], [names[name], told[name]])
    for name in OF_PERIOD:
        sheet.add_as(["text", _kind(name)], [of_period[name], told["period"][name]])
    return sheet


def cohorts(making: Making) -> Sheet:
    """A row a month and channel, and a bold one of all channels a month: filters show one or the other."""
    words, names = making.words, making.words["cohorts"]["names"]
    columns = [(names[name], _kind(name), NUMBER) for name in COHORT_MEASURES]
    head = [(words["cohorts"]["month"], "month", 14.0), (words["workbook"]["channel"], "text", 30.0)]
    sheet = making.sheet("cohorts", [*head, *columns])
    for month in making.figures["cohorts"]:
        first = date.fromisoformat(f"{month['month']}-01")
        sheet.add([first, words["cohorts"]["all"], *(month[name] for name in COHORT_MEASURES)], bold=True)
        for row in month["channels"]:
            sheet.add([first, making.names.channel(row["channel"]), *(row[name] for name in COHORT_MEASURES)], level=1)
    sheet.filter()
    return sheet


def formulas(making: Making) -> list[tuple[str, str, str]]:
    """Name, formula and unit of every figure of both sheets, for the definitions."""
    words, own = making.words, making.words["workbook"]
    names = {**words["cohorts"]["names"], **customer_names(making.figures["customers"], words)}
    units = {"money": making.figures["site"]["currency"], "ratio": own["kinds"]["ratio"], "count": words["customers"]["pieces"]}
    days = making.figures["customers"]["lapsed_days"]
    return [(names[name], text.format(days=days), units[_kind(name)]) for name, text in words["customers"]["formulas"].items()]


def _kind(name: str) -> str:
    return "money" if name in MONEY else "ratio" if name == "margin_romi" else "count"
