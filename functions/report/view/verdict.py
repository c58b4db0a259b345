"""The verdict's sentences: codes and figures of figures.json in the words of the reader."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from functions.report.view.formats import Formats
from functions.report.view.names import Names
from functions.report.view.stale import stale_line

UNSIGNED = frozenset({"amount", "difference", "over"})  # the sentence says which way
MONEY = UNSIGNED | {"now", "before", "plan", "fact", "admissible", "actual", "cost", "gross_profit", "income"}
UNITS = frozenset({"profit", "revenue"})  # per unit of cost
WITH_CHANNEL = ("cpo_over", "cpo_within")
BY_CURRENCY = ("profit", "return", "return_partial")
View = dict[str, Any]


def verdict_lines(figures: Mapping[str, Any], formats: Formats, names: Names) -> list[View]:
    """One a sentence: {tone: good, bad, warn or "", text, anchor}."""
    say, currency = names.words["verdict_words"], figures["site"]["currency"]
    # A report of some channels has neither direct visits nor requests without a source.
    common = {"currency": currency, "counting": say["counting_scope" if figures.get("scope") else "counting"]}
    lines = [_line(part, common, formats, names) for part in figures["verdict"]["parts"]]
    stale = stale_line(figures, names.words)  # says how many days, which the verdict does not know
    return [
        {**line, "text": stale} if stale and part["code"] == "look_incomplete" else line
        for line, part in zip(lines, figures["verdict"]["parts"], strict=True)
    ]


def unit_money(value: Any, formats: Formats) -> str:
    """Money per unit of cost, to the kopeck."""
    return formats.money(Decimal(str(value)).quantize(Decimal("0.01"), "ROUND_HALF_UP"))


def _line(part: Mapping[str, Any], common: Mapping[str, str], formats: Formats, names: Names) -> View:
    code, values = part["code"], part["values"]
    key = code
    if code in WITH_CHANNEL and values["channel"]:
        key = f"{code}_channel"
    elif code in BY_CURRENCY and common["currency"] != "RUB":
        key = f"{code}_other"
    elif "immature" in values:
        key = f"{code}_immature"
    shown = {name: _shown(name, value, formats, names) for name, value in values.items()}
    return {"tone": part["tone"], "text": names.words["verdict_words"][key].format(**shown, **common), "anchor": part["anchor"]}


def _shown(name: str, value: Any, formats: Formats, names: Names) -> str:
    if name == "channel":
        return names.short(value) if value else ""
    if name in MONEY:
        return formats.money(abs(value) if name in UNSIGNED else value)
    if name in UNITS:
        return unit_money(value, formats)
    told: Mapping[str, Callable[[Any], str]] = {
        "change": formats.percent,
        "romi": formats.percent,
        "margin_romi": formats.percent,
        "share": formats.share,
        "immature": formats.share,
        "days": lambda days: formats.decimal(days, 1, fixed=False),
        "measure": str,
    }
    return told.get(name, formats.count)(value)
