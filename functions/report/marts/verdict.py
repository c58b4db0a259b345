"""What the report says in words, as codes with their figures: the words are the reader's language's. Pure.

Nothing is said that the figures do not carry: a channel with few sales is called neither best nor worst, and where all advertising
has few, that is what is said.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from functions.report.marts.plan import WHOLE_SITE
from functions.report.marts.ratios import divide
from functions.report.marts.tree import NO_SOURCE

LOOK_NO_SOURCE = 0.1  # share of counted requests
LOOK_IMMATURE = 0.2  # share of counted requests
JUDGED = ("good", "normal", "bad")
SAME = 0.0005  # a change that shows as 0.0 %
Figures = Mapping[str, Any]
Part = dict[str, Any]


def verdict_of_report(figures: Figures, thresholds: Mapping[str, Any], advertising: str | None) -> dict[str, Any]:
    """The block `verdict` of figures.json, from the other blocks. `advertising`: the verdict on all of it together."""
    totals = figures["totals"]
    if not any(totals[name] for name in ("cost", "visits", "requests", "sales", "revenue", "gross_profit")):
        return {"tone": "none", "parts": [_part("empty", "warn")]}
    parts = [*_return(totals), *_change(figures), *_plan(figures["plan"]), *_few(figures, thresholds)]
    return {"tone": advertising or "none", "parts": [*parts, *_channels(figures), *_look(figures)]}


def _return(totals: Figures) -> list[Part]:
    cost, profit = totals["cost"], totals["gross_profit"]
    if not cost:
        return [_part("no_cost", "warn")]
    if profit is None:
        return [_part("return", "", revenue=divide(totals["revenue"], cost))]
    return [_part("profit", "good" if profit > cost else "bad", revenue=totals["roas"], profit=divide(profit, cost))]


def _change(figures: Figures) -> list[Part]:
    now, before = figures["totals"]["revenue"], figures["previous"]["totals"]["revenue"]
    change = figures["change"]["revenue"]
    if not before:
        return [_part("revenue_new", "good", now=now)] if now > 0 else []
    told = {"amount": now - before, "change": change, "now": now, "before": before}
    if change is None or abs(change) < SAME:
        return [_part("revenue_same", "", now=now)]
    return [_part("revenue_up", "good", **told) if change > 0 else _part("revenue_down", "bad", **told)]


def _plan(plan: Figures | None) -> list[Part]:
    """Revenue of the whole site, then admissible prices of a sale: the site's, else the channel that is furthest over its own."""
    if plan is None:
        return []
    found = []
    whole_site = [row["measures"] for row in plan["rows"] if row["channel"] == WHOLE_SITE]
    told = whole_site[0].get("revenue") if whole_site else None
    if told and told["share"] is not None:
        code, tone = ("plan_met", "good") if told["difference"] >= 0 else ("plan_missed", "bad")
        values = {name: told[name] for name in ("plan", "fact", "share", "difference")}
        found.append(_part(code, tone, "plan", measure="revenue", **values))
    prices = [row for row in plan["cpo"] if row["over"] is not None]
    prices.sort(key=lambda row: (row["channel"] != WHOLE_SITE, -row["over"], row["channel"]))
    if prices:
        code, tone = ("cpo_over", "bad") if prices[0]["over"] > 0 else ("cpo_within", "good")
        found.append(_part(code, tone, "plan", **prices[0]))
    return found


def _few(figures: Figures, thresholds: Mapping[str, Any]) -> list[Part]:
    ads, minimum = figures["ads"]["ads"], int(thresholds["minimum_sales"])
    if ads["cost"] and ads["sales"] < minimum:
        return [_part("few_data", "warn", sales=ads["sales"], minimum=minimum)]
    return []


def _channels(figures: Figures) -> list[Part]:
    """By money: gross profit less cost, of channels with enough sales to be judged."""
    judged = [(row["gross_profit"] - row["cost"], row["channel"]) for row in figures["channels"] if row["verdict"] in JUDGED]
    anchors = {row["channel"]: row["anchor"] for row in figures["channels"]}
    found = []
    if judged and (best := max(judged, key=lambda pair: (pair[0], pair[1])))[0] > 0:
        found.append(_part("best", "good", anchors[best[1]], channel=best[1], amount=best[0]))
    if judged and (worst := min(judged, key=lambda pair: (pair[0], pair[1])))[0] < 0:
        found.append(_part("worst", "bad", anchors[worst[1]], channel=worst[1], amount=worst[0]))
    return found


def _look(figures: Figures) -> list[Part]:
    """What needs somebody's eye, the most urgent first."""
    quality, found = figures["data_quality"], []
    if not quality["is_last_day_complete"]:
        found.append(_part("look_incomplete", "warn", "quality"))
    idle = quality["costs_without_requests"]
    if idle["cost"]:
        found.append(_part("look_costs", "warn", "quality", cost=idle["cost"], count=len(idle["places"])))
    none = next((row["requests"] for row in figures["channels"] if row["channel"] == NO_SOURCE), 0)
    share = divide(none, figures["totals"]["requests"])
    if share is not None and share >= LOOK_NO_SOURCE:
        found.append(_part("look_no_source", "warn", "source-control", share=share, requests=none))
    young = quality["immature"]
    if young["share"] is not None and young["share"] >= LOOK_IMMATURE:
        found.append(_part("look_immature", "warn", "quality", share=young["share"], days=young["median_days"]))
    findings = len(figures["source_control"]["findings"])
    if findings:
        found.append(_part("look_findings", "warn", "source-control", count=findings))
    return found


def _part(code: str, tone: str, anchor: str = "", /, **values: Any) -> Part:
    return {"code": code, "tone": tone, "values": values, "anchor": anchor}
