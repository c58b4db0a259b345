"""Buyers and cohorts as texts, for the page; names of their figures, for the workbook too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from babel.dates import format_date

from functions.report.view.formats import EMPTY, Formats
from functions.report.view.names import Names

CLASS_MEASURES = (
    "buyers", "repeat_buyers", "lapsed", "sales", "repeat_sales", "revenue", "gross_profit", "mean_revenue", "mean_gross_profit",
)  # fmt: skip
COHORT_MEASURES = ("persons", "buyers", "sales", "revenue", "gross_profit", "cost", "margin_romi", "payback_days")
TO_DATE = ("persons", "buyers", "repeat_sales", "repeat_revenue")
OF_PERIOD = ("first_sales", "first_revenue", "repeat_sales", "repeat_revenue")
MONEY = frozenset({"revenue", "gross_profit", "cost", "mean_revenue", "mean_gross_profit", "first_revenue", "repeat_revenue"})
View = dict[str, Any]
Words = Mapping[str, Any]


def customer_view(customers: Mapping[str, Any], formats: Formats, words: Words) -> View:
    """Pairs of name and figure, to date and of the period, and the ABCD classes with their sum; `is_empty` if nobody is known."""
    names, of_period = customer_names(customers, words), words["customers"]["of_period"]
    return {
        "is_empty": not customers["persons"],
        "to_date": [(names[name], _figure(name, customers[name], formats, is_alone=True)) for name in TO_DATE],
        "of_period": [(of_period[name], _figure(name, customers["period"][name], formats, is_alone=True)) for name in OF_PERIOD],
        "measures": [(name, names[name]) for name in CLASS_MEASURES],
        "rows": [
            {"name": class_name(row["abcd"], words), "cells": _cells(CLASS_MEASURES, row, formats)} for row in customers["classes"]
        ],
        "totals": _cells(CLASS_MEASURES, customers, formats),
    }


def cohort_view(cohorts: Sequence[Mapping[str, Any]], formats: Formats, names: Names) -> View:
    """A row a month, newest first, with its channels under it."""
    told = names.words["cohorts"]["names"]
    rows = [
        {
            "name": month_name(month["month"], formats),
            "cells": _cells(COHORT_MEASURES, month, formats),
            "channels": [
                {
                    "name": names.channel(row["channel"]),
                    "colour": names.channel_colour(row["channel"]),
                    "cells": _cells(COHORT_MEASURES, row, formats),
                }
                for row in month["channels"]
            ],
        }
        for month in cohorts
    ]
    return {"measures": [(name, told[name]) for name in COHORT_MEASURES], "rows": rows}


def customer_names(customers: Mapping[str, Any], words: Words) -> dict[str, str]:
    """Names of the figures; that of lapsed buyers tells after how many days."""
    return {name: text.format(days=customers["lapsed_days"]) for name, text in words["customers"]["names"].items()}


def class_name(abcd: str, words: Words) -> str:
    """A, B, C, D, or the word for none."""
    return abcd or str(words["customers"]["no_class"])


def month_name(month: str, formats: Formats) -> str:
    """`2026-10` as `Октябрь 2026`."""
    text = format_date(date.fromisoformat(f"{month}-01"), "LLLL y", locale=formats.locale)
    return text[:1].upper() + text[1:]


def _cells(measures: Sequence[str], row: Mapping[str, Any], formats: Formats) -> dict[str, dict[str, str]]:
    return {name: {"text": _figure(name, row[name], formats), "tone": _tone(name, row[name])} for name in measures}


def _figure(name: str, value: Any, formats: Formats, is_alone: bool = False) -> str:
    """Money carries its symbol where no head of a column says it."""
    if value is None:
        return EMPTY
    if name in MONEY:
        return formats.money(value) if is_alone else formats.amount(value)
    return formats.percent(value) if name == "margin_romi" else formats.count(value)


def _tone(name: str, value: Any) -> str:
    if value is None:
        return "none"
    if name != "margin_romi" or round(value, 3) == 0:
        return ""
    return "good" if value > 0 else "bad"
