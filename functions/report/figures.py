"""The figures of one report as a plain mapping equal to figures.json: money as `Decimal`, counts as numbers, ratios as
unrounded fractions (ROMI 0.44 = +44 %), None where a division is by nothing. Pure: rows in, figures out.

The date basis (docs/method.md, metrics and reports) is the site's setting. Counts are sums of weights under the default model.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

import orjson

from functions.report.marts.call_tracking import call_tracking_of
from functions.report.marts.calls import calls_of
from functions.report.marts.contacts import contact_channels_of
from functions.report.marts.customers import cohorts_of, customers_of
from functions.report.marts.dates import date_basis_of, days_of
from functions.report.marts.deals import deals_of, deals_total_of
from functions.report.marts.kinds import Kinds, is_together, kinds_of
from functions.report.marts.models import markov_months_of, model_range_of, models_of
from functions.report.marts.quality import known_to, median_days, quality_of
from functions.report.marts.questions import Answers, Period
from functions.report.marts.ratios import divide
from functions.report.marts.restated import restated_of
from functions.report.marts.source_control import source_control_of
from functions.report.marts.tree import NO_SOURCE, ZERO, Node, Sums, tree_of, whole
from shared.sources import OTHER_TRAFFIC
from shared.times import lake_text

ADDITIVE = ("cost", "visits", "requests", "qualified", "sales", "revenue", "gross_profit")
RATIOS = ("cpl", "cpo", "roas", "romi", "margin_romi")
MEASURES = ADDITIVE + RATIOS
POINTS = ("romi", "margin_romi")  # their change is a difference; the others change by a share of what they were
WILSON_Z = 1.6448536269514722  # 90 %, both sides
Figures = dict[str, Any]


def build(
    settings: Mapping[str, Any],
    period: Period,
    answers: Answers,
    previous: Answers,
    data_to: datetime,
    truth: Mapping[str, Any] | None = None,
    refreshed_at: datetime | None = None,
) -> Figures:
    """All figures of a report. `settings` as published; `previous` answers the tree's questions for `period.previous`.

    `data_to` is when the latest record known to the marts arrived, `refreshed_at` when they were last brought up to date;
    `truth` is added as it is (only a simulation knows it).
    """
    kinds = kinds_of(answers)
    together = kinds.unnamed if is_together(settings) else frozenset()
    root = tree_of(answers, together)
    ads, others = kinds.split(root)
    totals, before = measures(root.sums), measures(tree_of(previous).sums)
    basis, models = date_basis_of(settings), models_of(answers, root, together)
    median = median_days(answers["sale_delays"])
    quality = quality_of(settings, period, answers, root, data_to, refreshed_at)
    figures: Figures = {
        "site": {name: settings[name] for name in ("site_id", "name", "currency", "time_zone")},
        "period": _days(period),
        "data_to": lake_text(data_to),
        "model": settings["attribution"]["default_model"],
        "date_basis": basis,
        "days": days_of(basis),
        "totals": totals,
        "previous": {"period": _days(period.previous), "totals": before},
        "change": {name: _change(name, totals[name], before[name]) for name in MEASURES},
        "source_control": source_control_of(settings, period, answers, previous, quality["unknown_stages"], together),
        "channels": [_channel(node, kinds, settings["report"]["thresholds"]) for node in root.children.values()],
        "ads": {"ads": measures(ads), "not_ads": measures(others)},
        "models": models,
        "model_range": model_range_of(models, root),
        "markov_months": markov_months_of(answers, known_to(settings, data_to), median),
        "contact_channels": contact_channels_of(answers),
        "calls": calls_of(answers),
        "call_tracking": call_tracking_of(settings, answers),
        "customers": customers_of(settings, answers),
        "cohorts": cohorts_of(answers, together),
        "deals": deals_of(settings, answers),
        "deals_total": deals_total_of(answers),
        "restated": restated_of(settings, period, answers, together),
        "data_quality": quality,
    }
    return figures if truth is None else {**figures, "truth": dict(truth)}


def to_json(figures: Figures) -> bytes:
    """figures.json: money is written digit by digit from its `Decimal`, never through a binary fraction."""
    return orjson.dumps(figures, default=_decimal_json, option=orjson.OPT_INDENT_2)


def measures(sums: Sums) -> Figures:
    """Sums → M: every measure of docs/method.md, metrics. Gross profit is empty where nothing that brought money has one."""
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


def _with_ratios(m: Figures) -> Figures:
    cost, revenue, gross_profit = m["cost"], m["revenue"], m["gross_profit"]
    return m | {
        "cpl": divide(cost, m["requests"]),
        "cpo": divide(cost, m["sales"]),
        "roas": divide(revenue, cost),
        "romi": divide(revenue - cost, cost),
        "margin_romi": None if gross_profit is None else divide(gross_profit - cost, cost),
    }


def _place(node: Node) -> Figures:
    """M of a row. Spend that is not split belongs to several rows, so its own ratios would say nothing true."""
    m = measures(node.sums)
    return {**m, **dict.fromkeys(RATIOS), "is_not_split": True} if node.is_not_split else m


def _name(node: Node) -> str:
    return node.name.replace("\x00", "")


def _channel(node: Node, kinds: Kinds, thresholds: Mapping[str, Any]) -> Figures:
    m = _place(node)
    # Other traffic is a mixture: a verdict on it would be one on nobody.
    verdict = None if node.name in (NO_SOURCE, OTHER_TRAFFIC) else _verdict(m, node.sums, thresholds)
    interval = wilson(node.sums.sales, node.sums.requests) if verdict == "few_data" else None
    sources = [
        {"source": _name(s), **_place(s), "campaigns": [{"campaign": _name(c), **_place(c)} for c in s.children.values()]}
        for s in node.children.values()
    ]
    told = {"channel": _name(node), "is_ad": kinds.is_ad(node)}
    return {**told, **m, "verdict": verdict, "sale_rate_interval": interval, "sources": sources}


def _verdict(m: Figures, sums: Sums, thresholds: Mapping[str, Any]) -> str | None:
    """good, normal, bad by margin ROMI; few_data under the smallest number of sales; None where nothing can be judged:
    no spend, or a part of the money without a cost price, which would make a channel look worse than it is."""
    if m["margin_romi"] is None or sums.unpriced_parts:
        return None
    if sums.sales < int(thresholds["minimum_sales"]):
        return "few_data"
    if m["margin_romi"] >= float(thresholds["good"]):
        return "good"
    return "normal" if m["margin_romi"] >= float(thresholds["normal"]) else "bad"


def _change(name: str, now: Any, before: Any) -> float | None:
    if now is None or before is None:
        return None
    if name in POINTS:
        return float(now) - float(before)
    return divide(Decimal(now) - Decimal(before), Decimal(abs(before)))


def _days(period: Period) -> dict[str, str]:
    return {"from": period.first.isoformat(), "to": period.last.isoformat()}


def _decimal_json(value: Any) -> orjson.Fragment:
    if isinstance(value, Decimal):
        return orjson.Fragment(f"{value.quantize(Decimal('0.01')):f}".encode())
    raise TypeError(f"figures.json cannot hold {type(value).__name__}")
