"""Payback of advertising by ad system: clicks → requests → sales, what each costs, and how both changed. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from functions.report.marts.kinds import Kinds
from functions.report.marts.measures import change_of, measures, verdict_of, wilson
from functions.report.marts.questions import Answers
from functions.report.marts.ratios import divide
from functions.report.marts.tree import Node, Sums, channel_of

STEPS = ("clicks", "requests", "sales")
Figures = dict[str, Any]


class Clicks(NamedTuple):
    """None: no cost file tells it, which is not the same as none."""

    clicks: int | None = None
    impressions: int | None = None

    def plus(self, other: Clicks) -> Clicks:
        """Both together; what only one tells is that."""
        return Clicks(_plus(self.clicks, other.clicks), _plus(self.impressions, other.impressions))


class System(NamedTuple):
    """An ad system in one period."""

    sums: Sums
    clicks: Clicks


def clicks_of(answers: Answers, together: Collection[str] = ()) -> dict[str, Clicks]:
    """Clicks and impressions by channel of the report."""
    found: dict[str, Clicks] = {}
    for row in answers["ad_clicks"]:
        told = Clicks(*(None if row[name] is None else int(row[name]) for name in ("clicks", "impressions")))
        channel = channel_of(row["channel"], together)
        found[channel] = found.get(channel, Clicks()).plus(told)
    return found


def systems_of(root: Node, kinds: Kinds, clicks: Mapping[str, Clicks]) -> dict[str, System]:
    """Advertising by channel, in the order of the report; of other traffic, its advertising part."""
    found = {}
    for name, channel in root.children.items():
        is_ad = kinds.is_ad(channel)
        if is_ad:
            found[name] = System(channel.sums, clicks.get(name, Clicks()))
        elif is_ad is None and (ads := kinds.split(Node("", children={name: channel}))[0]) != Sums():
            found[name] = System(ads, clicks.get(name, Clicks()))  # only advertising has clicks that are paid for
    return found


def payback_of(now: Mapping[str, System], before: Mapping[str, System], thresholds: Mapping[str, Any]) -> Figures:
    """The block `payback` of figures.json: `total` (None without advertising) and a row an ad system, the order that of the report.

    `price` = cost ÷ count; `roi` is on the scale of Bitrix24 (ROMI + 1); changes are shares of what was. Prices are empty where
    nothing was counted. Ad systems of the period before alone stand last.
    """
    names = [*now, *(name for name in sorted(before) if name not in now)]
    nothing = System(Sums(), Clicks())
    rows = [{"channel": name, **_row(now.get(name, nothing), before.get(name, nothing), thresholds)} for name in names]
    rows = [row for row in rows if any(row[name] for name in ("cost", "previous_cost", "visits", "revenue"))]
    return {"total": _row(total_of(now), total_of(before), thresholds) if rows else None, "rows": rows}


def total_of(systems: Mapping[str, System]) -> System:
    """All advertising together."""
    sums, clicks = Sums(), Clicks()
    for system in systems.values():
        sums.add(system.sums)
        clicks = clicks.plus(system.clicks)
    return System(sums, clicks)


def _row(now: System, before: System, thresholds: Mapping[str, Any]) -> Figures:
    m, was = measures(now.sums), measures(before.sums)
    verdict = verdict_of(m, now.sums, thresholds)
    clicks, impressions = now.clicks
    return {
        "cost": m["cost"],
        "previous_cost": was["cost"],
        "cost_change": change_of("cost", m["cost"], was["cost"]),
        "steps": {name: _step(name, (m, now.clicks.clicks), (was, before.clicks.clicks)) for name in STEPS},
        "impressions": impressions,
        "ctr": divide(clicks, impressions),
        **{name: m[name] for name in ("visits", "revenue", "gross_profit", "romi", "margin_romi")},
        "roi": None if m["romi"] is None else m["romi"] + 1,
        "request_rate": divide(m["requests"], clicks),
        "sale_rate": divide(m["sales"], m["requests"]),
        "verdict": verdict,
        "sale_rate_interval": wilson(now.sums.sales, now.sums.requests) if verdict == "few_data" else None,
    }


def _step(name: str, now: tuple[Figures, int | None], before: tuple[Figures, int | None]) -> Figures:
    count, was = (clicks if name == "clicks" else m[name] for m, clicks in (now, before))
    price, price_was = divide(now[0]["cost"], count), divide(before[0]["cost"], was)
    return {
        "count": count,
        "price": price,
        "previous_count": was,
        "previous_price": price_was,
        "count_change": change_of(name, count, was),
        "price_change": None if price is None or not price_was else (price - price_was) / price_was,
    }


def _plus(a: int | None, b: int | None) -> int | None:
    return b if a is None else a if b is None else a + b
