"""Plan and fact, and the admissible against the actual price of a sale, as texts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from functions.report.view import tables
from functions.report.view.customers import month_name
from functions.report.view.formats import EMPTY, Formats, clean
from functions.report.view.names import MOST_IN_SENTENCE, Names

MONEY = ("cost", "revenue", "gross_profit", "cpl", "cpo")
LESS_IS_BETTER = ("cpl", "cpo")
MOST_LISTED = 5
TONES = {"cpo_none": "", "cpo_over": "bad", "cpo_within": "good", "cpo_equal": ""}
COLUMNS = ("plan", "fact", "share", "difference")
View = dict[str, Any]


def plan_view(figures: Mapping[str, Any], formats: Formats, names: Names) -> View | None:
    """None where there is no plan. `table`: the whole site first, then channels; `cpo`: a line a price of a sale, `prices` the same
    with their tones; `incomplete`: what was not planned for every month, and `unknown` the channels that nobody knows."""
    told, words = figures["plan"], names.words
    if told is None:
        return None
    say = words["plan"]
    columns = tables.columns_of(say["columns"], COLUMNS)
    months = (say["month"].format(**{**month, "month": _in_a_sentence(month["month"], formats)}) for month in told["months"])
    site = say["whole_scope" if figures.get("scope") else "whole_site"]
    prices = _prices(told["cpo"], formats, names)
    return {
        "note": say["note"].format(months=", ".join(months)),
        "incomplete": " ".join(incomplete_lines(told, site, formats, names)),
        "unknown": unknown_line(told, names),
        "table": tables.table(say["name"], columns, [line for row in told["rows"] for line in _lines(row, site, formats, names)]),
        "cpo": [price["text"] for price in prices],
        "prices": prices,
    }


def incomplete_lines(told: Mapping[str, Any], site: str, formats: Formats, names: Names) -> list[str]:
    """Months without a plan, and figures that only some of the months plan."""
    say, metrics = names.words["plan"], names.words["metrics"]
    missing = ", ".join(_in_a_sentence(month, formats) for month in told["incomplete"])
    gaps = []
    for gap in told["gaps"]:
        months = ", ".join(_in_a_sentence(month, formats) for month in gap["months"])
        name = names.short(gap["channel"]) if gap["channel"] else site
        gaps.append(say["gap"].format(name=name, measure=metrics[gap["measure"]], months=months))
    lines = [say["incomplete"].format(months=missing)] if missing else []
    return [*lines, say["gaps"].format(list=_listed(gaps, names))] if gaps else lines


def unknown_line(told: Mapping[str, Any], names: Names) -> str:
    """Planned channels that are neither in the standard list nor in the marts: most likely misspelt."""
    shown = [clean(channel, MOST_IN_SENTENCE) for channel in told["unknown"]]
    return str(names.words["plan"]["unknown"].format(list=_listed(shown, names))) if shown else ""


def _listed(texts: list[str], names: Names) -> str:
    left = len(texts) - MOST_LISTED
    more = [names.words["quality"]["more"].format(count=left)] if left > 0 else []
    return "; ".join(texts[:MOST_LISTED]) + "".join(f" {text}" for text in more)


def _in_a_sentence(month: str, formats: Formats) -> str:
    name = month_name(month, formats)
    return name.lower() if formats.locale.language == "ru" else name


def _prices(prices: list[Mapping[str, Any]], formats: Formats, names: Names) -> list[View]:
    """{tone, text}: `Допустимая цена продажи 1 100 ₽, по факту 1 800 ₽: на 700 ₽ больше.`, a channel's with its name before it."""
    say = names.words["plan"]
    lines = []
    for row in prices:
        over = row["over"]
        key = "cpo_none" if over is None else "cpo_over" if over > 0 else "cpo_within" if over < 0 else "cpo_equal"
        shown = {
            name: formats.money(abs(row[name])) if row[name] is not None else EMPTY for name in ("admissible", "actual", "over")
        }
        channel = names.short(row["channel"]) if row["channel"] else ""
        text = say[f"{key}_channel" if channel else key].format(channel=channel, **shown)
        lines.append({"tone": TONES[key], "text": text})
    return lines


def _lines(row: Mapping[str, Any], site: str, formats: Formats, names: Names) -> list[View]:
    """A line a figure; the first one has the channel's name over it."""
    say, metrics = names.words["plan"], names.words["metrics"]
    name = names.channel(row["channel"]) if row["channel"] else site
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
