"""Why the revenue changed against the period before: the biggest signed drivers, to the kopeck. Pure.

Revenue of a channel = requests of the whole site × the channel's share of them × sales per request × revenue per sale. The change
is split by the logarithmic mean (LMDI-I; Ang, 2005), which leaves no rest and does not depend on the order of the factors. The
effect of the first factor is that of the whole site. What has no logarithm is told as one: a channel that is new or gone, sales
that began or ceased (conversion), and the rest (refunds, claims, money without counted requests).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from functions.report.marts.anchors import anchor_of
from functions.report.marts.tree import Node, Sums, whole
from shared.money import KOPECK, to_kopecks

MOST_DRIVERS = 5
NOTHING = 1e-9  # sums of weights carry the noise of binary fractions
FACTORS = ("volume", "mix", "conversion", "price")
WHOLE_SITE = ""
Figures = dict[str, Any]


class Driver(NamedTuple):
    """`kopecks` signed; `before` and `now` are the factor's own values (docstring of `drivers_of`)."""

    channel: str
    effect: str
    kopecks: int
    before: float | Decimal
    now: float | Decimal


def drivers_of(root: Node, before: Node) -> Figures:
    """`rows`: the five biggest by absolute value; `rest`: the sum of the others. Together they are `change` exactly. Where nothing
    is known of the period before, there is nothing to compare with: no rows, `is_comparable` false.

    `before` and `now` of a row: requests of the site (volume), the channel's share of them (mix), sales per request (conversion),
    revenue per sale (price), revenue (new, gone, other).
    """
    found = all_drivers(root, before)
    is_comparable = before.sums.requests > NOTHING or before.sums.sales > NOTHING or before.sums.revenue != 0
    most = MOST_DRIVERS if is_comparable else 0
    shown, others = found[:most], found[most:]
    return {
        "measure": "revenue",
        "is_comparable": is_comparable,
        "change": root.sums.revenue - before.sums.revenue,
        "rows": [_row(driver) for driver in shown],
        "rest": sum(driver.kopecks for driver in others) * KOPECK,
        "rest_count": len(others),
    }


def all_drivers(root: Node, before: Node) -> list[Driver]:
    """Every driver that moved something, the biggest first."""
    total, total_before = root.sums.requests, before.sums.requests
    volume, found = 0, []
    for channel in sorted(root.children.keys() | before.children.keys()):
        now, was = (tree.children[channel].sums if channel in tree.children else Sums() for tree in (root, before))
        kopecks = to_kopecks(now.revenue) - to_kopecks(was.revenue)
        if kopecks == 0 and not _is_whole(now, was):
            continue
        if not _is_whole(now, was):
            found.append(Driver(channel, _kind(now, was), kopecks, was.revenue, now.revenue))
            continue
        factors, factors_before = _factors(now, total), _factors(was, total_before)
        parts = _split(kopecks, now, was, factors, factors_before)
        volume += parts["volume"]
        found += [Driver(channel, name, parts[name], factors_before[name], factors[name]) for name in FACTORS[1:]]
    found.append(Driver(WHOLE_SITE, "volume", volume, whole(total_before), whole(total)))
    return sorted((driver for driver in found if driver.kopecks), key=lambda d: (-abs(d.kopecks), d.channel, d.effect))


def _is_whole(now: Sums, was: Sums) -> bool:
    """Whether every factor has a logarithm."""
    return all(sums.requests > NOTHING and sums.sales > NOTHING and sums.revenue > 0 for sums in (now, was))


def _kind(now: Sums, was: Sums) -> str:
    if not (was.requests > NOTHING or was.sales > NOTHING or was.revenue):
        return "new"
    if not (now.requests > NOTHING or now.sales > NOTHING or now.revenue):
        return "gone"
    asked = now.requests > NOTHING and was.requests > NOTHING
    if asked and any(one.sales <= NOTHING and not one.revenue and other.revenue > 0 for one, other in ((now, was), (was, now))):
        return "conversion"
    return "other"


def _factors(sums: Sums, total: float) -> dict[str, float]:
    return {
        "volume": total,
        "mix": sums.requests / total,
        "conversion": sums.sales / sums.requests,
        "price": float(sums.revenue) / sums.sales,
    }


def _split(kopecks: int, now: Sums, was: Sums, factors: Mapping[str, float], factors_before: Mapping[str, float]) -> dict[str, int]:
    mean = _logarithmic_mean(float(now.revenue), float(was.revenue)) * 100
    parts = [mean * math.log(factors[name] / factors_before[name]) for name in FACTORS]
    return dict(zip(FACTORS, _in_whole(kopecks, parts), strict=True))


def _logarithmic_mean(a: float, b: float) -> float:
    """(a − b) / ln(a/b); near each other by its series, where the quotient loses its digits."""
    ratio = (a - b) / b
    return b * (1 + ratio / 2 - ratio**2 / 12) if abs(ratio) < 1e-5 else (a - b) / math.log(a / b)


def _in_whole(total: int, parts: list[float]) -> list[int]:
    """Whole kopecks that add up to `total`: largest remainder, ties to the earlier factor."""
    floors = [math.floor(part) for part in parts]
    each, left = divmod(total - sum(floors), len(parts))  # `each` is 0 but for sums beyond the digits of a binary fraction
    order = sorted(range(len(parts)), key=lambda place: (floors[place] - parts[place], place))
    return [floor + each + (place in order[:left]) for place, floor in enumerate(floors)]


def _row(driver: Driver) -> Figures:
    return {
        "channel": driver.channel,
        "effect": driver.effect,
        "amount": driver.kopecks * KOPECK,
        "before": driver.before,
        "now": driver.now,
        "anchor": anchor_of(driver.channel) if driver.channel != WHOLE_SITE else "funnel",
    }
