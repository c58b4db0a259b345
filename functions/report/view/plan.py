"""Plan and fact, and the admissible against the actual price of a sale, as texts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from functions.report.view import tables
from functions.report.view.customers import month_name
from functions.report.view.formats import EMPTY, Formats
from functions.report.view.names import Names

MONEY = ("cost", "revenue", "gross_profit", "cpl", "cpo")
LESS_IS_BETTER = ("cpl", "cpo")
COLUMNS = ("plan", "fact", "share", "difference")
View = dict[str, Any]


def plan_view(figures: Mapping[str, Any], formats: Formats, names: Names) -> View | None:
    """None where there is no plan. `groups`: a table a channel, the whole site first; `cpo`: a line a price of a sale."""
    told, words = figures["plan"], names.words
    if told is None:
        return None
    say = words["plan"]
    columns = tables.columns_of(say["columns"], COLUMNS)
    months = (say["month"].format(**{**month, "month": _in_a_sentence(month["month"], formats)}) for month in told["months"])
    missing = ", ".join(_in_a_sentence(month, formats) for month in told["incomplete"])
    return {
        "note": say["note"].format(months=", ".join(months)),
        "incomplete": say["incomplete"].format(months=missing) if missing else "",
        "table": tables.table(say["name"], columns, [line for row in told["rows"] for line in _lines(row, formats, names)]),
        "cpo": cpo_lines(told["cpo"], formats, names),
    }


def _in_a_sentence(month: str, formats: Formats) -> str:
    name = month_name(month, formats)
    return name.lower() if formats.locale.language == "ru" else name


def cpo_lines(prices: list[Mapping[str, Any]], formats: Formats, names: Names) -> list[str]:
    """`Допустимая цена продажи 1 100 ₽, по факту 1 800 ₽: на 700 ₽ больше.`, a channel's with its name before it."""
    say = names.words["plan"]
    lines = []
    for row in prices:
        over = row["over"]
        key = "cpo_none" if over is None else "cpo_over" if over > 0 else "cpo_within" if over < 0 else "cpo_equal"
        shown = {
            name: formats.money(abs(row[name])) if row[name] is not None else EMPTY for name in ("admissible", "actual", "over")
        }
        channel = names.channel(row["channel"]) if row["channel"] else ""
        lines.append(say[f"{key}_channel" if channel else key].format(channel=channel, **shown))
    return lines


def _lines(row: Mapping[str, Any], formats: Formats, names: Names) -> list[View]:
    """A line a figure; the first one has the channel's name over it."""
    say, metrics = names.words["plan"], names.words["metrics"]
    name = names.channel(row["channel"]) if row["channel"] else say["whole_site"]
    lines: list[View] = []
    for measure, told in row["measures"].items():
        note = say["derived"] if told["is_derived"] else ""
        lines.append(tables.row(metrics[measure], _cells(measure, told, formats), note=note, group="" if lines else name))
    return lines


def _cells(measure: str, told: Mapping[str, Any], formats: Formats) -> View:
    share = EMPTY if told["share"] is None else formats.share(told["share"])
    return {
        "plan": tables.cell(formats.figure(measure, told["plan"])),
        "fact": tables.cell(formats.figure(measure, told["fact"])),
        "share": tables.cell(share),
        "difference": tables.cell(_difference(measure, told["difference"], formats), _tone(measure, told["difference"])),
    }


def _difference(measure: str, value: Any, formats: Formats) -> str:
    if value is None:
        return EMPTY
    text = formats.points(value) if measure == "margin_romi" else formats.figure(measure, value)
    return f"+{text}" if value > 0 and not text.startswith("+") else text


def _tone(measure: str, value: Any) -> str:
    if not value or measure == "cost":
        return ""
    return "good" if (value > 0) != (measure in LESS_IS_BETTER) else "bad"
