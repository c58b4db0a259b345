"""Payback of advertising by ad system: clicks → requests → sales, what each costs, and how both changed. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from functions.report.marts.kinds import Kinds
from functions.report.marts.measures import change_of, measures, verdict_of, wilson
from functions.report.marts.questions import Answers
from functions.report.marts.ratios import divide
from functions.report.marts.tree import Node, Sums, channel_of, whole

STEPS = ("clicks", "requests", "sales")
Figures = dict[str, Any]


class Clicks(NamedTuple):
    """None: no cost file tells it, which is not the same as none."""

    clicks: int | None = None
    impressions: int | None = None

    def plus(self, other: Clicks) -> Clicks:
        """Both together; what only one tells is that."""
        return Clicks(_plus(self.clicks, other.clicks), _plus(self.impressions, other.impressions))


class Told(NamedTuple):
    """What clicks and impressions can be compared with: only systems that tell them. `clicked` and `impressions` are of those that
    told clicks, `clicks` of those that told impressions."""

    clicked: Sums
    impressions: int | None = None
    clicks: int | None = None


class System(NamedTuple):
    """An ad system in one period, or several together."""

    sums: Sums
    clicks: Clicks
    told: Told


def system(sums: Sums, clicks: Clicks) -> System:
    """One ad system. That of which no click is known told none (app/src/cube.ts says the same)."""
    if not clicks.clicks:
        return System(sums, clicks, Told(Sums()))
    return System(sums, clicks, Told(sums, clicks.impressions, clicks.clicks if clicks.impressions else None))


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
            found[name] = system(channel.sums, clicks.get(name, Clicks()))
        elif is_ad is None and (ads := kinds.split(Node("", children={name: channel}))[0]) != Sums():
            found[name] = system(ads, clicks.get(name, Clicks()))  # only advertising has clicks that are paid for
    return found


def payback_of(now: Mapping[str, System], before: Mapping[str, System], thresholds: Mapping[str, Any]) -> Figures:
    """The block `payback` of figures.json: `total` (None without advertising) and a row an ad system, the order that of the report.

    `price` = cost ÷ count; the price of clicks, `ctr` and `request_rate` (requests ÷ clicks) are of the systems that told clicks.
    `roi` is on the scale of Bitrix24 (ROMI + 1); changes are shares of what was. Prices are empty where nothing was counted. Ad
    systems of the period before alone stand last.
    """
    names = [*now, *(name for name in sorted(before) if name not in now)]
    nothing = system(Sums(), Clicks())
    rows = [{"channel": name, **_row(now.get(name, nothing), before.get(name, nothing), thresholds)} for name in names]
    rows = [row for row in rows if any(row[name] for name in ("cost", "previous_cost", "visits", "revenue"))]
    return {"total": _row(total_of(now), total_of(before), thresholds) if rows else None, "rows": rows}


def total_of(systems: Mapping[str, System]) -> System:
    """All advertising together; what the systems that told clicks cost and brought stays apart."""
    sums, clicks, clicked, both = Sums(), Clicks(), Sums(), Clicks()
    for one in systems.values():
        sums.add(one.sums)
        clicks = clicks.plus(one.clicks)
        clicked.add(one.told.clicked)
        both = both.plus(Clicks(one.told.clicks, one.told.impressions))
    return System(sums, clicks, Told(clicked, both.impressions, both.clicks))


def _row(now: System, before: System, thresholds: Mapping[str, Any]) -> Figures:
    m, was = measures(now.sums), measures(before.sums)
    verdict = verdict_of(m, now.sums, thresholds)
    return {
        "cost": m["cost"],
        "previous_cost": was["cost"],
        "cost_change": change_of("cost", m["cost"], was["cost"]),
        "steps": {name: _step(name, (m, now), (was, before)) for name in STEPS},
        "impressions": now.clicks.impressions,
        "ctr": divide(now.told.clicks, now.told.impressions),
        **{name: m[name] for name in ("visits", "revenue", "gross_profit", "romi", "margin_romi")},
        "roi": None if m["romi"] is None else m["romi"] + 1,
        "request_rate": divide(whole(now.told.clicked.requests), now.clicks.clicks),
        "sale_rate": divide(m["sales"], m["requests"]),
        "verdict": verdict,
        "sale_rate_interval": wilson(now.sums.sales, now.sums.requests) if verdict == "few_data" else None,
    }


def _step(name: str, now: tuple[Figures, System], before: tuple[Figures, System]) -> Figures:
    (count, price), (was, price_was) = (_priced(name, *one) for one in (now, before))
    return {
        "count": count,
        "price": price,
        "previous_count": was,
        "previous_price": price_was,
        "count_change": change_of(name, count, was),
        "price_change": None if price is None or not price_was else (price - price_was) / price_was,
    }


def _priced(name: str, m: Figures, told: System) -> tuple[Any, float | None]:
    """How many there were, and what one cost."""
    if name == "clicks":
        return told.clicks.clicks, divide(told.told.clicked.cost, told.clicks.clicks)
    return m[name], divide(m["cost"], m[name])


def _plus(a: int | None, b: int | None) -> int | None:
    return b if a is None else a if b is None else a + b
