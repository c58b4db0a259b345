"""Payback of advertising, and income and expenses, as texts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from functions.report.marts.payback import STEPS
from functions.report.view import tables
from functions.report.view.changes import change_text, change_tone, changed
from functions.report.view.formats import EMPTY, Formats
from functions.report.view.names import Names

PAYBACK = ("cost", *(name for step in STEPS for name in (step, f"{step}_price")), "revenue", "roi", "verdict")
INCOME = (
    "cost", "visit_price", "cpl", "cpql", "cpo", "admissible_cpo", "cpo_over", "revenue", "aov", "drr", "gross_profit", "profit",
)  # fmt: skip
View = dict[str, Any]
Row = Mapping[str, Any]


def payback_view(figures: Mapping[str, Any], formats: Formats, names: Names) -> View:
    """A table of ad systems; `none` says that there is no advertising."""
    told, say = figures["payback"], names.words["payback"]
    if told["total"] is None:
        return {"none": say["none"], "no_clicks": "", "table": None}
    rows = [
        tables.row(names.channel(row["channel"]), _payback(row, formats, names.words), names.channel_colour(row["channel"]))
        for row in told["rows"]
    ]
    total = tables.row(say["total"], _payback(told["total"], formats, names.words))
    columns = tables.columns_of(say["columns"], PAYBACK)
    no_clicks = "" if told["total"]["steps"]["clicks"]["count"] is not None else say["no_clicks"]
    return {"none": "", "no_clicks": no_clicks, "table": tables.table(say["name"], columns, rows, total, ("verdict",))}


def income_view(figures: Mapping[str, Any], formats: Formats, names: Names) -> View:
    """A table of channels."""
    told, words = figures["income"], names.words
    rows = [
        tables.row(names.channel(row["channel"]), _income(row, formats), names.channel_colour(row["channel"]))
        for row in told["rows"]
    ]
    total = tables.row(words["total"], _income(told["total"], formats))
    return {"table": tables.table(words["name"], tables.columns_of(words["income"]["columns"], INCOME), rows, total)}


def _payback(row: Row, formats: Formats, words: Mapping[str, Any]) -> View:
    cells = {"cost": _changed("cost", row["cost"], row["cost_change"], row["previous_cost"], formats, words)}
    for name in STEPS:
        step = row["steps"][name]
        count = EMPTY if step["count"] is None else formats.count(step["count"])
        change = changed(name, step["count"], step["count_change"], step["previous_count"], formats, words)
        cells[name] = tables.cell(count, small=change)
        cells[f"{name}_price"] = _changed("price", step["price"], step["price_change"], step["previous_price"], formats, words)
    verdict = row["verdict"]
    cells["revenue"] = tables.cell(formats.amount(row["revenue"]))
    cells["roi"] = tables.cell(EMPTY if row["roi"] is None else formats.share(row["roi"]))
    cells["verdict"] = tables.cell(words["verdicts"].get(verdict, ""), pill=verdict or "")
    return cells


def _changed(measure: str, value: Any, change: float | None, before: Any, formats: Formats, words: Mapping[str, Any]) -> View:
    if value is None:
        return tables.cell(EMPTY, "none")
    small = change_text(measure, change, before, formats, words) if change is not None else ""
    return tables.cell(formats.amount(value), small=small, small_tone=change_tone(measure, change))


def _income(row: Row, formats: Formats) -> View:
    cells = {name: tables.cell(EMPTY, "none") if row[name] is None else tables.cell(formats.amount(row[name])) for name in INCOME}
    if row["drr"] is not None:
        cells["drr"] = tables.cell(formats.share(row["drr"]))
    over, profit = row["cpo_over"], row["profit"]
    if over is not None:
        text = formats.amount(over)
        cells["cpo_over"] = tables.cell(f"+{text}" if over > 0 else text, "bad" if over > 0 else "good")
    if profit:
        cells["profit"] = tables.cell(formats.amount(profit), "good" if profit > 0 else "bad")
    return cells
