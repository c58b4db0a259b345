"""Rows of the marts → channel → source → campaign with sums that add up on every level. Pure.

Spend joins results at the deepest level given; what is coarser stays in a "not split" child and is never spread
(docs/method.md, costs).
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from decimal import ROUND_FLOOR, ROUND_HALF_UP, Decimal

from functions.report.marts.questions import Answers
from shared.money import KOPECK
from shared.sources import OTHER_TRAFFIC
from shared.warehouse import Row

NO_SOURCE = "no source"
NOT_SPLIT = "\x00not split"  # no name from outside can carry a NUL, so it cannot be confused with a campaign's name
UNSET = ("", "(not set)")
ZERO = Decimal(0)
Key = tuple[str, str, str]


@dataclass(slots=True)
class Sums:
    """Additive figures of a place in the tree. Counts are sums of weights; money is exact to the kopeck."""

    cost: Decimal = ZERO
    visits: int = 0
    requests: float = 0.0
    qualified: float = 0.0
    sales: float = 0.0
    revenue: Decimal = ZERO
    gross_profit: Decimal = ZERO
    priced_parts: int = 0
    unpriced_parts: int = 0
    unpriced_revenue: Decimal = ZERO

    def add(self, other: Sums) -> None:
        """Add another place's figures to this one."""
        for name in self.__slots__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


@dataclass(slots=True)
class Node:
    """One row of the report with its children in the order shown."""

    name: str
    sums: Sums = field(default_factory=Sums)
    children: dict[str, Node] = field(default_factory=dict)

    @property
    def is_not_split(self) -> bool:
        return self.name == NOT_SPLIT

    def child(self, name: str) -> Node:
        """The child of that name, made where it is new."""
        return self.children.setdefault(name, Node(name))


def tree_of(answers: Answers, together: Collection[str] = ()) -> Node:
    """The whole tree; the root's children are the channels, biggest revenue first, "no source" last and always there.

    The channels `together` are one channel, other traffic, with each of them as a source.
    """
    leaves: dict[Key, Sums] = {}
    for row in answers["visits"]:
        leaves.setdefault(_key(row, together), Sums()).visits += int(row["visits"])
    for row in answers["results"]:
        leaves.setdefault(_key(row, together), Sums()).add(sums_of(row))
    for row in answers["no_source"]:
        leaves.setdefault((NO_SOURCE, str(row["reason"]), ""), Sums()).add(sums_of(row))
    for key, cost in _in_kopecks(_placed_costs(answers["spend"], leaves, together)).items():
        leaves.setdefault(key, Sums()).cost += cost
    root = Node("")
    root.child(NO_SOURCE)
    split = {key[:2] for key in leaves if key[2] != ""}
    for path, sums in sorted(leaves.items()):
        node = root
        node.sums.add(sums)
        for name in path if path[:2] in split else path[:2]:  # a source that knows no campaigns has no child
            node = node.child(name)
            node.sums.add(sums)
    return _ordered(root)


def results_of(rows: Iterable[Row]) -> Sums:
    """Sum of result rows (requests, sales, money)."""
    total = Sums()
    for row in rows:
        total.add(sums_of(row))
    return total


def channel_of(channel: str | None, together: Collection[str]) -> str:
    """The channel that stands for this one in the report."""
    return OTHER_TRAFFIC if channel in together else channel or ""


def _key(row: Row, together: Collection[str]) -> Key:
    channel = channel_of(row["channel"], together)
    source = row["channel"] if row["channel"] in together else row["source"]
    return channel, str(source or ""), str(row["campaign"] or "")


def sums_of(row: Row) -> Sums:
    """Additive figures of one row of results."""
    return Sums(
        requests=float(row["requests"] or 0),
        qualified=float(row["qualified"] or 0),
        sales=float(row["sales"] or 0),
        revenue=_decimal(row["revenue"]),
        gross_profit=_decimal(row["gross_profit"]),
        priced_parts=int(row["priced_parts"] or 0),
        unpriced_parts=int(row["unpriced_parts"] or 0),
        unpriced_revenue=_decimal(row.get("unpriced_revenue")),
    )


def _decimal(value: Decimal | int | None) -> Decimal:
    return ZERO if value is None else Decimal(value)


def _placed_costs(rows: Iterable[Row], leaves: Mapping[Key, Sums], together: Collection[str]) -> dict[Key, Decimal]:
    """Spend by leaf; spend told coarser than its siblings goes to their "not split" sibling."""
    told: dict[Key, Decimal] = {}
    for row in rows:
        key = _key(row, together)
        told[key] = told.get(key, ZERO) + _decimal(row["cost"])
    keys = leaves.keys() | told.keys()
    sources = {(channel, source) for channel, source, _ in keys}
    channels_split = {channel for channel, source in sources if source not in UNSET}
    sources_split = {(channel, source) for channel, source, campaign in keys if campaign != ""}
    placed: dict[Key, Decimal] = {}
    for (channel, source, campaign), cost in told.items():
        key = (channel, source, campaign)
        if source in UNSET and campaign == "" and channel in channels_split:
            key = (channel, NOT_SPLIT, "")
        elif campaign == "" and (channel, source) in sources_split:
            key = (channel, source, NOT_SPLIT)
        placed[key] = placed.get(key, ZERO) + cost
    return placed


def _ordered(node: Node) -> Node:
    def place(child: Node) -> tuple[bool, bool, Decimal, Decimal, int, str]:
        sums = child.sums
        return child.name == NO_SOURCE, child.is_not_split, -sums.revenue, -sums.cost, -sums.visits, child.name

    children = sorted(node.children.values(), key=place)
    return replace(node, children={child.name: _ordered(child) for child in children})


def _in_kopecks(costs: Mapping[Key, Decimal]) -> dict[Key, Decimal]:
    """Spend is exact to a millionth in the marts; the total is rounded once and cut down level by level, so that rows add up."""
    total = sum(costs.values(), ZERO).quantize(KOPECK, ROUND_HALF_UP)
    return _cut(total, costs, 0)


def _cut(total: Decimal, costs: Mapping[Key, Decimal], level: int) -> dict[Key, Decimal]:
    if level == 3:
        return dict.fromkeys(costs, total)
    groups: dict[str, dict[Key, Decimal]] = {}
    for key in sorted(costs):
        groups.setdefault(key[level], {})[key] = costs[key]
    exact = [sum(group.values(), ZERO) for group in groups.values()]
    parts = [amount.quantize(KOPECK, ROUND_FLOOR) for amount in exact]
    left = int((total - sum(parts, ZERO)) / KOPECK)
    for place in sorted(range(len(parts)), key=lambda i: (parts[i] - exact[i], i))[:left]:
        parts[place] += KOPECK
    return {k: c for part, group in zip(parts, groups.values(), strict=True) for k, c in _cut(part, group, level + 1).items()}


def whole(count: float) -> int | float:
    """A sum of weights without the noise of binary fractions: 12, 3.5, 0.333333333."""
    rounded = round(count, 9)
    return int(rounded) if math.isfinite(rounded) and rounded == int(rounded) else rounded
