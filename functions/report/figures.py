"""The figures of one report as a plain mapping equal to figures.json: money as `Decimal`, counts as numbers, ratios as
unrounded fractions (ROMI 0.44 = +44 %), None where a division is by nothing. Pure: rows in, figures out.

The date basis (docs/method.md, metrics and reports) is the site's setting. Counts are sums of weights under the default model.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

import orjson

from functions.report.marts.anchors import anchor_of
from functions.report.marts.budget import budget_of
from functions.report.marts.call_tracking import call_tracking_of
from functions.report.marts.calls import calls_of
from functions.report.marts.contacts import contact_channels_of
from functions.report.marts.customers import cohorts_of, customers_of
from functions.report.marts.dates import date_basis_of, days_of
from functions.report.marts.deals import deals_of, deals_total_of
from functions.report.marts.drivers import drivers_of
from functions.report.marts.funnel import funnel_of, sections_of
from functions.report.marts.income import income_of
from functions.report.marts.kinds import Kinds, is_together, kinds_of
from functions.report.marts.measures import (
    ADDITIVE,
    MEASURES,
    POINTS,
    RATIOS,
    added,
    change_of,
    measures,
    verdict_of,
    wilson,
)
from functions.report.marts.models import markov_months_of, model_range_of, models_of
from functions.report.marts.payback import clicks_of, payback_of, systems_of
from functions.report.marts.plan import plan_of
from functions.report.marts.qualification import qualification_of
from functions.report.marts.quality import known_to, median_days, quality_of
from functions.report.marts.questions import Answers, Period, history_from
from functions.report.marts.restated import restated_of
from functions.report.marts.source_control import source_control_of
from functions.report.marts.team import team_of
from functions.report.marts.tiles import tiles_of
from functions.report.marts.tree import NO_SOURCE, Node, tree_of
from functions.report.marts.verdict import verdict_of_report
from shared.sources import OTHER_TRAFFIC
from shared.times import lake_text

__all__ = ["ADDITIVE", "MEASURES", "POINTS", "RATIOS", "Figures", "added", "build", "measures", "to_json", "wilson"]
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
    root_before = tree_of(previous, together)
    totals, before = measures(root.sums), measures(root_before.sums)
    change = {name: change_of(name, totals[name], before[name]) for name in MEASURES}
    systems = systems_of(root, kinds, clicks_of(answers, together))
    systems_before = systems_of(root_before, kinds, clicks_of(previous, together))
    thresholds, plan = settings["report"]["thresholds"], plan_of(settings, period, root, kinds.ads)
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
        "change": change,
        "tiles": tiles_of(totals, before, change, plan, bool(root.sums.unpriced_revenue)),
        "drivers": drivers_of(root, root_before),
        "plan": plan,
        "source_control": source_control_of(settings, period, answers, previous, quality["unknown_stages"], together),
        "channels": [_channel(node, kinds, thresholds) for node in root.children.values()],
        "ads": {"ads": measures(ads), "not_ads": measures(others)},
        "payback": payback_of(systems, systems_before, thresholds),
        "income": income_of(root, kinds, plan),
        "funnel": funnel_of(root, root_before, (systems, systems_before), (answers, previous), together),
        "site_sections": sections_of(answers),
        "qualification": qualification_of(settings, answers, together),
        "team": team_of(settings, answers),
        "budget": budget_of(answers, period, history_from(settings, period), known_to(settings, data_to), kinds, together),
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
    figures["verdict"] = verdict_of_report(figures, thresholds, ads, verdict_of(figures["ads"]["ads"], ads, thresholds))
    return figures if truth is None else {**figures, "truth": dict(truth)}


def to_json(figures: Figures) -> bytes:
    """figures.json: money is written digit by digit from its `Decimal`, never through a binary fraction."""
    return orjson.dumps(figures, default=_decimal_json, option=orjson.OPT_INDENT_2)


def _place(node: Node) -> Figures:
    """M of a row. Spend that is not split belongs to several rows, so its own ratios would say nothing true."""
    m = measures(node.sums)
    return {**m, **dict.fromkeys(RATIOS), "is_not_split": True} if node.is_not_split else m


def _name(node: Node) -> str:
    return node.name.replace("\x00", "")


def _channel(node: Node, kinds: Kinds, thresholds: Mapping[str, Any]) -> Figures:
    m = _place(node)
    # Other traffic is a mixture: a verdict on it would be one on nobody.
    verdict = None if node.name in (NO_SOURCE, OTHER_TRAFFIC) else verdict_of(m, node.sums, thresholds)
    interval = wilson(node.sums.sales, node.sums.requests) if verdict == "few_data" else None
    sources = [
        {"source": _name(s), **_place(s), "campaigns": [{"campaign": _name(c), **_place(c)} for c in s.children.values()]}
        for s in node.children.values()
    ]
    told = {"channel": _name(node), "is_ad": kinds.is_ad(node), "anchor": anchor_of(_name(node))}
    return {**told, **m, "verdict": verdict, "sale_rate_interval": interval, "sources": sources}


def _days(period: Period) -> dict[str, str]:
    return {"from": period.first.isoformat(), "to": period.last.isoformat()}


def _decimal_json(value: Any) -> orjson.Fragment:
    if isinstance(value, Decimal):
        return orjson.Fragment(f"{value.quantize(Decimal('0.01')):f}".encode())
    raise TypeError(f"figures.json cannot hold {type(value).__name__}")
