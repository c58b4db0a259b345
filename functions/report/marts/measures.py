"""Sums → M: every measure of docs/method.md (metrics), its change, its interval and the verdict on it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from functions.report.marts.ratios import divide
from functions.report.marts.tree import ZERO, Sums, whole

ADDITIVE = ("cost", "visits", "requests", "qualified", "sales", "revenue", "gross_profit")
RATIOS = ("cpl", "cpo", "roas", "romi", "margin_romi")
MEASURES = ADDITIVE + RATIOS
POINTS = ("romi", "margin_romi")  # their change is a difference; the others change by a share of what they were
WILSON_Z = 1.6448536269514722  # 90 %, both sides
Figures = dict[str, Any]


def measures(sums: Sums) -> Figures:
    """Every measure of a place. Gross profit is empty where nothing that brought money has one."""
    gross_profit = None if sums.unpriced_parts and not sums.priced_parts else sums.gross_profit
    return _with_ratios(
        {
            "cost": sums.cost,
            "visits": sums.visits,
            "requests": whole(sums.requests),
            "qualified": whole(sums.qualified),
            "sales": whole(sums.sales),
            "revenue": sums.revenue,
            "gross_profit": gross_profit,
        }
    )


def added(rows: Iterable[Mapping[str, Any]]) -> Figures:
    """Sum of rows as one row, its ratios taken anew. Gross profit is empty only where it is in every row with money."""
    rows = list(rows)
    total: Figures = {name: sum((row[name] or 0 for row in rows), ZERO) for name in ("cost", "revenue", "gross_profit")}
    total |= {name: whole(sum(row[name] for row in rows)) for name in ("visits", "requests", "qualified", "sales")}
    earning = [row for row in rows if row["revenue"]]
    if earning and all(row["gross_profit"] is None for row in earning):
        total["gross_profit"] = None
    return _with_ratios({name: total[name] for name in ADDITIVE})


def wilson(successes: float, trials: float) -> tuple[float, float] | None:
    """90 % interval of a rate (Wilson, 1927); None without trials. Successes beyond the trials count as all of them."""
    if trials <= 0:
        return None
    rate, square = min(max(successes / trials, 0.0), 1.0), WILSON_Z**2
    centre = (rate + square / (2 * trials)) / (1 + square / trials)
    half = WILSON_Z / (1 + square / trials) * (rate * (1 - rate) / trials + square / (4 * trials**2)) ** 0.5
    return max(centre - half, 0.0), min(centre + half, 1.0)


def verdict_of(m: Figures, sums: Sums, thresholds: Mapping[str, Any]) -> str | None:
    """good, normal, bad by margin ROMI; few_data under the smallest number of sales; None where nothing can be judged:
    no spend, or a part of the money without a cost price, which would make a channel look worse than it is."""
    if m["margin_romi"] is None or sums.unpriced_parts:
        return None
    if sums.sales < int(thresholds["minimum_sales"]):
        return "few_data"
    if m["margin_romi"] >= float(thresholds["good"]):
        return "good"
    return "normal" if m["margin_romi"] >= float(thresholds["normal"]) else "bad"


def change_of(name: str, now: Any, before: Any) -> float | None:
    """By which share of what it was a figure changed, ROMI by which difference; None where one of both is not known."""
    if now is None or before is None:
        return None
    if name in POINTS:
        return float(now) - float(before)
    return divide(Decimal(now) - Decimal(before), Decimal(abs(before)))


def _with_ratios(m: Figures) -> Figures:
    cost, revenue, gross_profit = m["cost"], m["revenue"], m["gross_profit"]
    return m | {
        "cpl": divide(cost, m["requests"]),
        "cpo": divide(cost, m["sales"]),
        "roas": divide(revenue, cost),
        "romi": divide(revenue - cost, cost),
        "margin_romi": None if gross_profit is None else divide(gross_profit - cost, cost),
    }
