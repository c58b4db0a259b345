"""What every attribution model gives each channel, and how far the models are apart. Pure: rows in, figures out."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Collection, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from functions.report.marts.questions import Answers
from functions.report.marts.ratios import divide
from functions.report.marts.tree import NO_SOURCE, Node, Sums, channel_of, results_of, sums_of, whole
from shared.models import MARKOV, MODELS
from shared.money import KOPECK, largest_remainder, to_kopecks

RANGED = ("requests", "qualified", "sales", "revenue", "margin_romi")
Figures = dict[str, Any]
ByChannel = dict[str, Sums]


def models_of(answers: Answers, root: Node, together: Collection[str]) -> dict[str, list[Figures]]:
    """Model → its channels, biggest revenue first. Requests without a source are the last row of every model, so that all add up
    to the same totals (by touch days they do so over all days together). `margin_romi` is to the channel's spend."""
    sums: dict[str, ByChannel] = {model: {} for model in MODELS}
    for row in answers["models"]:
        channel = channel_of(row["channel"], together)
        sums.setdefault(row["model"], {}).setdefault(channel, Sums()).add(sums_of(row))
    for channel, parts in _markov(answers).items():
        sums[MARKOV].setdefault(channel_of(channel, together), Sums()).add(parts)
    costs = {channel.name: channel.sums.cost for channel in root.children.values()}
    none = _row(NO_SOURCE, results_of(answers["no_source"]), costs)
    rows = {model: [_row(channel, parts, costs) for channel, parts in parts_of.items()] for model, parts_of in sums.items()}
    return {model: [*sorted(those, key=_biggest_first), dict(none)] for model, those in rows.items()}


def model_range_of(models: Mapping[str, list[Figures]], root: Node) -> list[Figures]:
    """Per channel the lowest and the highest of each measure of RANGED that any model gives, and the models that say so.

    In the order of the report's channels, without "no source", which is the same in every model. None where no model can tell
    (margin ROMI without spend or without gross profit).
    """
    by_model = {model: {row["channel"]: row for row in rows} for model, rows in models.items()}
    named = {channel for rows in by_model.values() for channel in rows}
    costs = {channel.name: channel.sums.cost for channel in root.children.values()}
    order = [*(name for name in costs if name in named or costs[name]), *sorted(named - costs.keys())]
    ranges = []
    for channel in order:
        if channel == NO_SOURCE:
            continue
        told = {model: rows.get(channel) or _row(channel, Sums(), costs) for model, rows in by_model.items()}
        ranges.append({"channel": channel, **{name: _range(told, name) for name in RANGED}})
    return ranges


def markov_months_of(answers: Answers, known_to: date, median: float | None) -> list[Figures]:
    """The request months that the model markov was fitted on. Immature: its last day's requests are younger than the site's
    median way from request to sale, so that the fit may still change. Not fitted: no path of the month led to a sale, and the
    month is split as shapley splits it."""
    fitted = {row["month"] for row in answers["removal_effects"]}
    months = sorted({row["month"] for row in answers["markov"]})
    return [
        {"month": month, "is_fitted": month in fitted, "is_immature": _is_immature(month, known_to, median)} for month in months
    ]


def _is_immature(month: str, known_to: date, median: float | None) -> bool:
    if median is None:
        return False
    year, number = (int(part) for part in month.split("-"))
    return max((known_to - date(year, number, monthrange(year, number)[1])).days, 0) < median


def _markov(answers: Answers) -> ByChannel:
    """Each request month's totals times the shares of its fit. Counts are parts of counts; money is cut by largest remainder over
    the channels by name, each of revenue and gross profit by itself."""
    months: dict[str, ByChannel] = {}
    for row in answers["markov"]:
        months.setdefault(row["month"], {}).setdefault(row["channel"], Sums()).add(sums_of(row))
    fits: dict[str, dict[str, float]] = {}
    for row in answers["removal_effects"]:
        fits.setdefault(row["month"], {})[row["channel"]] = float(row["share"])
    found: ByChannel = {}
    for month, split in sorted(months.items()):
        # Where nothing led to a sale there is no fit, and the month stays as shapley splits it.
        for channel, parts in (_cut(split, fits[month]) if month in fits else split).items():
            found.setdefault(channel, Sums()).add(parts)
    return found


def _cut(split: ByChannel, fit: Mapping[str, float]) -> ByChannel:
    total = Sums()
    for parts in split.values():
        total.add(parts)
    channels = sorted(channel for channel, share in fit.items() if share > 0)
    shares = [fit[channel] for channel in channels]
    revenue, profit = (_money(amount, shares) for amount in (total.revenue, total.gross_profit))
    return {
        channel: Sums(
            requests=total.requests * share,
            qualified=total.qualified * share,
            sales=total.sales * share,
            revenue=revenue[place],
            gross_profit=profit[place],
            priced_parts=total.priced_parts,
            unpriced_parts=total.unpriced_parts,
        )
        for place, (channel, share) in enumerate(zip(channels, shares, strict=True))
    }


def _money(amount: Decimal, shares: list[float]) -> list[Decimal]:
    return [part * KOPECK for part in largest_remainder(to_kopecks(amount), shares)]


def _row(channel: str, sums: Sums, costs: Mapping[str, Decimal]) -> Figures:
    profit = None if sums.unpriced_parts and not sums.priced_parts else sums.gross_profit
    cost = costs.get(channel)
    return {
        "channel": channel,
        "requests": whole(sums.requests),
        "qualified": whole(sums.qualified),
        "sales": whole(sums.sales),
        "revenue": sums.revenue,
        "gross_profit": profit,
        "margin_romi": None if profit is None or not cost else divide(profit - cost, cost),
    }


def _biggest_first(row: Figures) -> tuple[Any, ...]:
    return -row["revenue"], -row["sales"], -row["requests"], row["channel"]


def _range(told: Mapping[str, Figures], name: str) -> Figures | None:
    values = {model: row[name] for model, row in told.items() if row[name] is not None}
    if not values:
        return None
    low, high = min(values.values()), max(values.values())
    return {"low": low, "low_models": _those(values, low), "high": high, "high_models": _those(values, high)}


def _those(values: Mapping[str, Any], value: Any) -> list[str]:
    """Models that give that value; parts of counts are the same to a millionth."""
    return [model for model, other in values.items() if abs(float(other - value)) <= 1e-6]
