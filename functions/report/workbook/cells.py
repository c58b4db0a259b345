"""One sheet being written: rows downward, each value in its own kind of cell. Text stays text: nothing of others is a formula."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from functions.report.figures import POINTS
from functions.report.view.formats import MONEY, clean

FORMULA_STARTS = ("=", "+", "-", "@")
MOST_CELL = 32_000  # characters; Excel takes 32,767
NUMBER_FORMATS = {
    "count": "#,##0",
    "part": "#,##0.0#",  # a count that is a sum of parts
    "ratio": "+0.0%;-0.0%;0.0%",
    "times": "0.00",
    "share": "0.0%",
    "day": "dd.mm.yyyy",
    "month": "mm.yyyy",
    "instant": "dd.mm.yyyy hh:mm",
    "text": "",
    "wrap": "",
    "plain": "#,##0.00",
}
HEAD = {"bold": True, "bg_color": "#E4E8EE", "bottom": 1, "text_wrap": True, "valign": "top"}


def kind_of(measure: str) -> str:
    """How a measure of the report is written."""
    if measure in MONEY:
        return "money"
    if measure == "roas":
        return "times"
    return "ratio" if measure in POINTS else "count"


class Styles:
    """Formats of one workbook, made when first asked for."""

    def __init__(self, book: Any, symbol: str) -> None:
        self._book = book
        self._made: dict[tuple[str, bool, bool, bool], Any] = {}
        self.head = book.add_format(HEAD)
        self._numbers = {**NUMBER_FORMATS, "money": f'#,##0.00 "{symbol.replace(chr(34), "")}"'}

    def of(self, kind: str, bold: bool = False, wrap: bool = False, is_quoted: bool = False) -> Any:
        """Format of a cell; `is_quoted` marks text that would be read as a formula if somebody typed it in again."""
        key = (kind, bold, wrap, is_quoted)
        if key not in self._made:
            told: dict[str, Any] = {"valign": "top", "bold": bold, "text_wrap": wrap, "quote_prefix": is_quoted}
            if self._numbers[kind]:
                told["num_format"] = self._numbers[kind]
            self._made[key] = self._book.add_format(told)
        return self._made[key]


class Sheet:
    """A table: names of columns in the first row, frozen. `rows` counts what was written under them."""

    def __init__(self, book: Any, styles: Styles, name: str, columns: Sequence[tuple[str, str, float]]) -> None:
        """`columns` are (shown name, kind of cell, width in characters)."""
        self._sheet, self._styles, self.name = book.add_worksheet(name), styles, name
        self._kinds = [kind for _, kind, _ in columns]
        self.rows = 0
        for place, (title, _, width) in enumerate(columns):
            self._sheet.set_column(place, place, width)
            self._sheet.write_string(0, place, title, styles.head)
        self._sheet.freeze_panes(1, 1 if len(columns) > 3 else 0)
        self._sheet.outline_settings(symbols_below=False)

    def add(self, values: Sequence[Any], bold: bool = False, level: int = 0) -> None:
        """One row; None leaves its cell empty. `level` is the row's place in an outline."""
        self.add_as(self._kinds, values, bold, level)

    def add_as(self, kinds: Sequence[str], values: Sequence[Any], bold: bool = False, level: int = 0) -> None:
        """The same, with kinds of its own."""
        self.rows += 1
        for place, (kind, value) in enumerate(zip(kinds, values, strict=True)):
            if value is not None and value != "":
                self._write(self.rows, place, kind, value, bold)
        if level:
            self._sheet.set_row(self.rows, None, None, {"level": level})

    def filter(self, rows: int | None = None) -> None:
        """Let people sort and filter the first `rows` rows (all of them)."""
        last = self.rows if rows is None else rows
        if last:
            self._sheet.autofilter(0, 0, last, len(self._kinds) - 1)

    def _write(self, row: int, place: int, kind: str, value: Any, bold: bool) -> None:
        if isinstance(value, str):
            text = clean(value, MOST_CELL)
            is_quoted = text.startswith(FORMULA_STARTS)
            self._sheet.write_string(row, place, text, self._styles.of("text", bold, kind == "wrap", is_quoted))
        elif isinstance(value, (date, datetime)):
            self._sheet.write_datetime(row, place, value, self._styles.of(kind, bold))
        else:
            shown = "part" if kind == "count" and float(value) != int(value) else kind
            self._sheet.write_number(row, place, float(value), self._styles.of(shown, bold))
