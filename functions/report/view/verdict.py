"""The verdict's sentences: codes and figures of figures.json in the words of the reader."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from functions.report.view.formats import Formats
from functions.report.view.names import Names

MONEY = frozenset({"amount", "now", "before", "plan", "fact", "difference", "admissible", "actual", "over", "cost"})
UNITS = frozenset({"profit", "revenue"})  # per unit of cost
WITH_CHANNEL = ("cpo_over", "cpo_within")
BY_CURRENCY = ("profit", "return")
View = dict[str, Any]


def verdict_lines(figures: Mapping[str, Any], formats: Formats, names: Names) -> list[View]:
    """One a sentence: {tone: good, bad, warn or "", text, anchor}."""
    is_rouble = figures["site"]["currency"] == "RUB"
    return [_line(part, is_rouble, figures["site"]["currency"], formats, names) for part in figures["verdict"]["parts"]]


def unit_money(value: Any, formats: Formats) -> str:
    """Money per unit of cost, to the kopeck."""
    return formats.money(Decimal(str(value)).quantize(Decimal("0.01"), "ROUND_HALF_UP"))


def _line(part: Mapping[str, Any], is_rouble: bool, currency: str, formats: Formats, names: Names) -> View:
    code, values = part["code"], part["values"]
    key = code
    if code in WITH_CHANNEL and values["channel"]:
        key = f"{code}_channel"
    elif code in BY_CURRENCY and not is_rouble:
        key = f"{code}_other"
    shown = {name: _shown(name, value, formats, names) for name, value in values.items()} | {"currency": currency}
    return {"tone": part["tone"], "text": names.words["verdict_words"][key].format(**shown), "anchor": part["anchor"]}


def _shown(name: str, value: Any, formats: Formats, names: Names) -> str:
    if name == "channel":
        return names.channel(value) if value else ""
    if name in MONEY:
        return formats.money(abs(value))
    if name in UNITS:
        return unit_money(value, formats)
    told: Mapping[str, Callable[[Any], str]] = {
        "change": formats.percent,
        "share": formats.share,
        "days": lambda days: formats.decimal(days, 1, fixed=False),
        "measure": str,
    }
    return told.get(name, formats.count)(value)
