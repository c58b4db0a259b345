"""Sheets of the customer's own sections: every row that his query gave, each value in its own kind of cell."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal

from functions.report.own.section import Cell, Own
from functions.report.workbook.cells import Sheet
from functions.report.workbook.making import Making

MOST_NAME = 31  # characters of a sheet's name, in Excel
FIRST_YEAR = 1901  # Excel knows no earlier days
MOST_WHOLE = 2**53  # its numbers are binary fractions
_UNFIT = re.compile(r"[\[\]:*?/\\]")


def own_sheets(making: Making, owns: Sequence[Own]) -> list[Sheet]:
    """One sheet a section, under its title; a title that another sheet has, or that Excel keeps, gets a number."""
    taken = {sheet.get_name().casefold() for sheet in making.book.worksheets()} | {"history"}
    sheets = []
    for own in owns:
        name = _name(own.title, taken)
        taken.add(name.casefold())
        sheet = Sheet(making.book, making.styles, name, [(column, "text", 20.0) for column in own.columns] or [("", "text", 40.0)])
        for row in own.rows:
            kinds, values = zip(*(_cell(value, making) for value in row), strict=True)
            sheet.add_as(kinds, values)
        sheet.filter()
        sheets.append(sheet)
    return sheets


def _name(title: str, taken: set[str]) -> str:
    plain = " ".join(_UNFIT.sub(" ", title).split()).strip("'").strip() or "own"
    name, number = plain[:MOST_NAME].rstrip().rstrip("'"), 2
    while name.casefold() in taken:
        mark = f" {number}"
        name, number = plain[: MOST_NAME - len(mark)].rstrip() + mark, number + 1
    return name


def _cell(value: Cell, making: Making) -> tuple[str, Cell]:
    words = making.words["own"]
    if isinstance(value, bool):
        return "text", str(words["yes" if value else "no"])
    if (isinstance(value, date) and value.year < FIRST_YEAR) or (isinstance(value, int) and abs(value) > MOST_WHOLE):
        return "text", str(value)
    if isinstance(value, datetime):
        return "instant", value.astimezone(making.formats.zone).replace(tzinfo=None, microsecond=0)
    if isinstance(value, date):
        return "day", value
    if isinstance(value, (Decimal, float)):
        return "plain", value
    return ("count" if isinstance(value, int) else "text"), value
