"""What the report says in words, as codes with their figures: the words are the reader's language's. Pure.

Nothing is said that the figures do not carry: a channel with few sales is called neither best nor worst, and where all advertising
has few, that is what is said. The most harmful comes first, so that an output that cuts the list loses the least.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from functions.report.marts.measures import ADDITIVE
from functions.report.marts.plan import WHOLE_SITE
from functions.report.marts.ratios import divide
from functions.report.marts.tree import NO_SOURCE, Sums

LOOK_NO_SOURCE = 0.1  # share of counted requests
LOOK_IMMATURE = 0.2  # share of counted requests
LARGE = 0.1  # share of all spend
JUDGED = ("good", "normal", "bad")
SAME = 0.0005  # a change that shows as 0.0 %
TONES = {"good": "good", "bad": "bad", "few_data": "warn"}  # of the sentence on advertising, by its verdict
ORDER = ("bad", "warn", "", "good")
Figures = Mapping[str, Any]
Part = dict[str, Any]


def verdict_of_report(figures: Figures, thresholds: Mapping[str, Any], ads: Sums, advertising: str | None) -> dict[str, Any]:
    """The block `verdict` of figures.json, from the other blocks. `ads` and `advertising`: sums of all advertising and the verdict
    on it. `is_profit_known`: whether all revenue has a cost price, so that profit and margin ROMI are of the whole."""
    totals, minimum = figures["totals"], int(thresholds["minimum_sales"])
    is_known = totals["gross_profit"] is not None and not figures["data_quality"]["without_cost_price"]["revenue"]
    told = {"is_profit_known": is_known}
    if not any(totals[name] for name in ADDITIVE):
        return {"tone": "none", "parts": [_part("empty", "warn")], **told}
    lead = [*_ads(figures, ads, advertising, minimum), *_whole(totals, is_known), *_change(figures)]
    rest = [*_plan(figures), *_prices(figures["plan"]), *_channels(figures, minimum), *_heavy(figures, minimum), *_look(figures)]
    rest.sort(key=lambda part: ORDER.index(part["tone"]))  # stable: equals stay as they are
    return {"tone": advertising or "none", "parts": [*lead, *_unripe(figures, [*lead, *rest]), *rest], **told}


def immature_share(figures: Figures) -> float | None:
    """Share of requests whose sales may still come, where it is large enough to lower what is compared; None elsewhere. By payment
    day money stands on its own day, and none is still to come."""
    share: float | None = figures["data_quality"]["immature"]["share"]
    return share if share is not None and share >= LOOK_IMMATURE and figures["date_basis"] != "payment" else None


def _ads(figures: Figures, ads: Sums, verdict: str | None, minimum: int) -> list[Part]:
    """Advertising alone: what the verdict judges."""
    m = figures["ads"]["ads"]
    if not m["cost"]:
        return []
    if m["gross_profit"] is None or ads.unpriced_parts:
        parts = [_part("ads_return", "", "payback", cost=m["cost"], income=m["revenue"], romi=m["romi"])]
    else:
        values = {name: m[name] for name in ("cost", "gross_profit", "margin_romi")}
        parts = [_part("ads_profit", TONES.get(verdict or "", ""), "payback", **values)]
    if m["sales"] < minimum:
        parts.append(_part("few_data", "warn", sales=m["sales"], minimum=minimum))
    return parts


def _whole(totals: Figures, is_profit_known: bool) -> list[Part]:
    """Everything together against all spend: what came without advertising is in it, so that it is no praise of advertising."""
    cost, profit = totals["cost"], totals["gross_profit"]
    if not cost:
        return [_part("no_cost", "warn")]
    if not is_profit_known:
        return [_part("return" if profit is None else "return_partial", "", revenue=divide(totals["revenue"], cost))]
    return [_part("profit", "" if profit >= cost else "bad", revenue=totals["roas"], profit=divide(profit, cost))]


def _change(figures: Figures) -> list[Part]:
    now, was = figures["totals"]["revenue"], figures["previous"]["totals"]
    before, change = was["revenue"], figures["change"]["revenue"]
    if not any(was[name] for name in ADDITIVE):
        return [_part("revenue_first", "", now=now)] if now else []
    if not before:
        return [_part("revenue_new", "good", now=now)] if now > 0 else []
    told = {"amount": now - before, "change": change, "now": now, "before": before}
    if change is None or abs(change) < SAME:
        return [_part("revenue_same", "", now=now)]
    return [_part("revenue_up", "good", **told) if change > 0 else _worse("revenue_down", "", figures, told)]


def _plan(figures: Figures) -> list[Part]:
    """Revenue of the whole site against its plan."""
    plan = figures["plan"]
    whole_site = [row["measures"] for row in plan["rows"] if row["channel"] == WHOLE_SITE] if plan else []
    told = whole_site[0].get("revenue") if whole_site else None
    if not told or told["share"] is None:
        return []
    values = {"measure": "revenue"} | {name: told[name] for name in ("plan", "fact", "share", "difference")}
    return [
        _part("plan_met", "good", "plan", **values) if told["difference"] >= 0 else _worse("plan_missed", "plan", figures, values)
    ]


def _prices(plan: Figures | None) -> list[Part]:
    """Admissible prices of a sale: the channel that is furthest over its own, and the whole site's; where there is neither, the
    channel that is nearest to its own."""
    prices = [row for row in plan["cpo"] if row["over"] is not None] if plan else []
    site = [row for row in prices if row["channel"] == WHOLE_SITE]
    channels = sorted((row for row in prices if row["channel"] != WHOLE_SITE), key=lambda row: (-row["over"], row["channel"]))
    over = [row for row in channels[:1] if row["over"] > 0]
    return [_price(row) for row in [*over, *site] or channels[:1]]


def _price(row: Figures) -> Part:
    code, tone = ("cpo_over", "bad") if row["over"] > 0 else ("cpo_within", "good")
    return _part(code, tone, "plan", **row)


def _channels(figures: Figures, minimum: int) -> list[Part]:
    """By money: gross profit less cost, of channels with enough sales to be judged."""
    judged = [(row["gross_profit"] - row["cost"], row["channel"]) for row in figures["channels"] if row["verdict"] in JUDGED]
    anchors = {row["channel"]: row["anchor"] for row in figures["channels"]}
    found = []
    for code, tone, (amount, channel) in (("worst", "bad", min(judged)), ("best", "good", max(judged))) if judged else ():
        if (amount < 0) == (tone == "bad") and amount:
            found.append(_part(code, tone, anchors[channel], channel=channel, amount=amount, minimum=minimum))
    return found


def _heavy(figures: Figures, minimum: int) -> list[Part]:
    """The greatest loss of a channel that few sales do not let judge, though much was spent on it."""
    least = float(figures["totals"]["cost"]) * LARGE
    rows = [row for row in figures["channels"] if row["verdict"] == "few_data" and float(row["cost"]) >= least]
    losses = [(row["gross_profit"] - row["cost"], row["channel"], row) for row in rows if row["gross_profit"] < row["cost"]]
    if not losses:
        return []
    amount, channel, row = min(losses, key=lambda loss: loss[:2])
    told = {"channel": channel, "cost": row["cost"], "sales": row["sales"], "amount": amount, "minimum": minimum}
    return [_part("heavy_few", "warn", row["anchor"], **told)]


def _unripe(figures: Figures, said: Sequence[Part]) -> list[Part]:
    """What bears on all that is compared, unless a sentence says it itself."""
    found = []
    if not figures["data_quality"]["is_last_day_complete"]:
        found.append(_part("look_incomplete", "warn", "quality"))
    young = figures["data_quality"]["immature"]
    is_said = any("immature" in part["values"] for part in said)
    if young["share"] is not None and young["share"] >= LOOK_IMMATURE and not is_said:
        found.append(_part("look_immature", "warn", "quality", share=young["share"], days=young["median_days"]))
    return found


def _look(figures: Figures) -> list[Part]:
    """What needs somebody's eye, the most urgent first."""
    found = []
    idle = figures["data_quality"]["costs_without_requests"]
    if idle["cost"]:
        found.append(_part("look_costs", "warn", "quality", cost=idle["cost"], count=len(idle["places"])))
    none = next((row["requests"] for row in figures["channels"] if row["channel"] == NO_SOURCE), 0)
    share = divide(none, figures["totals"]["requests"])
    if share is not None and share >= LOOK_NO_SOURCE:
        found.append(_part("look_no_source", "warn", "source-control", share=share, requests=none))
    findings = len(figures["source_control"]["findings"])
    if findings:
        found.append(_part("look_findings", "warn", "source-control", count=findings))
    return found


def _worse(code: str, anchor: str, figures: Figures, values: Figures) -> Part:
    """Less than before or than planned; where many requests are young, that may be why."""
    share = immature_share(figures)
    return _part(code, "bad", anchor, **values) if share is None else _part(code, "warn", anchor, **values, immature=share)


def _part(code: str, tone: str, anchor: str = "", /, **values: Any) -> Part:
    return {"code": code, "tone": tone, "values": values, "anchor": anchor}
