"""The attribution models side by side, and how far they are apart, as texts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from functions.report.figures import added
from functions.report.marts.models import RANGED
from functions.report.marts.tree import NO_SOURCE
from functions.report.view.formats import EMPTY, Formats
from functions.report.view.names import Names

# What a cell of the table of models shows: the measure, and a smaller one under it.
VIEWS = {"revenue": "sales", "requests": "qualified", "gross_profit": "margin_romi"}
View = dict[str, Any]
Figures = Mapping[str, Any]
Words = Mapping[str, Any]


def models_view(figures: Figures, formats: Formats, names: Names) -> View:
    """`columns` are the models, `rows` the channels that any of them gives something; `ranges` a row a channel with the lowest and
    the highest of each measure. A channel that a model gives nothing shows a dash."""
    words, known = names.words, figures["models"]
    order = [channel["channel"] for channel in figures["channels"]]
    credited = {row["channel"] for rows in known.values() for row in rows if _is_something(row)}
    order = [channel for channel in [*order, *sorted(credited - set(order))] if channel in credited]
    by_model = {model: {row["channel"]: row for row in rows} for model, rows in known.items()}
    cost = figures["totals"]["cost"]
    return {
        "views": [(view, words["model_views"][view]) for view in VIEWS],
        "columns": [
            {
                "model": model,
                "name": model_name(model, words),
                "help": words["model_help"].get(model, ""),
                "is_default": model == figures["model"],
            }
            for model in known
        ],
        "rows": [
            {**_named(channel, names), "cells": [_cell(by_model[m].get(channel), formats) for m in known]} for channel in order
        ],
        "totals": [_cell(_total(rows, cost), formats) for rows in known.values()],
        "ranged": RANGED,
        "ranges": [_range_row(told, by_model, figures["model"], formats, names) for told in _told(figures["model_range"])],
        "notes": model_notes(figures, words),
    }


def model_name(model: str, words: Words) -> str:
    """The reader's word for a model."""
    return str(words["models"].get(model, model))


def model_notes(figures: Figures, words: Words) -> list[str]:
    """Sentences that a reader of the models must know: young months, months without a sale, what the basis changes."""
    say, months = words["model_notes"], figures["markov_months"]
    young = [_month(row["month"]) for row in months if row["is_immature"]]
    unfitted = [_month(row["month"]) for row in months if not row["is_fitted"]]
    notes = [say["immature"].format(months=", ".join(young))] if young else []
    notes += [say["not_fitted"].format(months=", ".join(unfitted))] if unfitted else []
    return [*notes, say["touch"]] if figures["date_basis"] == "touch" else notes


def models_text(models: Sequence[str], of: int, words: Words) -> str:
    """Who says so: one model by name, several as the first and how many more, all of them as all."""
    if len(models) == of:
        return str(words["model_range"]["every"])
    first = model_name(models[0], words)
    return first if len(models) == 1 else str(words["model_range"]["more"].format(model=first, count=len(models) - 1))


def _month(month: str) -> str:
    return f"{date.fromisoformat(f'{month}-01'):%m.%Y}"


def _is_something(row: Figures) -> bool:
    return any(row[name] for name in ("requests", "qualified", "sales", "revenue", "gross_profit"))


def _named(channel: str, names: Names) -> View:
    return {"name": names.channel(channel), "colour": names.channel_colour(channel)}


def _cell(row: Figures | None, formats: Formats) -> list[View]:
    """A cell for every view: figure and the smaller one under it."""
    if row is None or not _is_something(row):
        return [{"view": view, "main": EMPTY, "small": ""} for view in VIEWS]
    return [
        {
            "view": view,
            "main": formats.figure(view, row[view]),
            "small": "" if row[small] is None else formats.figure(small, row[small]),
        }
        for view, small in VIEWS.items()
    ]


def _total(rows: Iterable[Figures], cost: Any) -> Figures:
    total = added({**row, "cost": 0, "visits": 0} for row in rows)
    profit = total["gross_profit"]
    return {**total, "margin_romi": None if profit is None or not cost else float((profit - cost) / cost)}


def _told(ranges: Iterable[Figures]) -> list[Figures]:
    """Channels that some model gives something, or that cost something."""
    return [row for row in ranges if any(row[name] and (row[name]["high"] or row[name]["low"]) for name in RANGED)]


def _range_row(told: Figures, by_model: Mapping[str, Any], default: str, formats: Formats, names: Names) -> View:
    words, row = names.words, by_model.get(default, {}).get(told["channel"])
    return {
        **_named(told["channel"], names),
        "is_no_source": told["channel"] == NO_SOURCE,
        "default": {
            "revenue": formats.figure("revenue", row["revenue"] if row else 0),
            "sales": formats.figure("sales", row["sales"] if row else 0),
        },
        "cells": [_range(name, told[name], len(by_model), formats, words) for name in RANGED],
    }


def _range(name: str, told: Figures | None, models: int, formats: Formats, words: Words) -> View:
    """A cell: from the least to the most, and who says so."""
    if told is None:
        return {"measure": name, "text": EMPTY, "who": []}
    low, high = formats.figure(name, told["low"]), formats.figure(name, told["high"])
    if len(told["low_models"]) == len(told["high_models"]) == models:
        return {"measure": name, "text": low, "who": [words["model_range"]["every"]]}
    ends = {end: models_text(told[f"{end}_models"], models, words) for end in ("low", "high")}
    who = [words["model_range"]["who"].format(end=words["model_range"][end], models=those) for end, those in ends.items()]
    return {"measure": name, "text": low if low == high else f"{low} … {high}", "who": who}
