"""The one funnel of marketing and sales: impressions → clicks → visits → requests → qualified → sales → repeat sales, with the loss
of each step; and the sections of the site. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from functions.report.marts.measures import change_of, measures
from functions.report.marts.payback import Clicks, System, total_of
from functions.report.marts.questions import Answers
from functions.report.marts.ratios import divide
from functions.report.marts.tree import NO_SOURCE, Node, whole

STEPS = ("impressions", "clicks", "visits", "requests", "qualified", "sales", "repeat_sales")
Figures = dict[str, Any]


def funnel_of(
    root: Node,
    before: Node,
    systems: tuple[Mapping[str, System], Mapping[str, System]],
    answers: tuple[Answers, Answers],
) -> Figures:
    """The block `funnel` of figures.json. Pairs are (the period, the period before).

    `rate` = `reached` ÷ `of`, `of` the count of the step before. Impressions and clicks are those of advertising, visits all: of
    the clicks, the visits of advertising arrived. Of the period's buyers (sale day), repeat sales are those who had bought before.
    """
    counts, were = (_counts(tree, ads, told) for tree, ads, told in zip((root, before), systems, answers, strict=True))
    return {
        "steps": [_step(name, counts, were) for name in STEPS],
        "channels": [_channel(node, systems[0].get(node.name)) for node in root.children.values()],
    }


def sections_of(answers: Answers) -> Figures:
    """Sections of the site, most visits first; `total` counts those that are not listed, too."""
    rows: list[Figures] = [
        {"section": row["section"] or "", **{name: int(row[name]) for name in ("visits", "requests", "sales")}}
        for row in answers["site_sections"]
    ]
    total = max((int(row["sections_total"]) for row in answers["site_sections"]), default=0)
    return {"total": total, "rows": [{**row, "rate": divide(row["requests"], row["visits"])} for row in rows]}


def _counts(root: Node, systems: Mapping[str, System], answers: Answers) -> Figures:
    ads, m = total_of(systems), measures(root.sums)
    sold = {bool(row["is_repeat"]): int(row["sales"]) for row in answers["customers_repeats"] if row["in_period"]}
    return {
        "impressions": ads.clicks.impressions,
        "clicks": ads.clicks.clicks,
        "ad_visits": ads.sums.visits,
        **{name: m[name] for name in ("visits", "requests", "qualified", "sales")},
        "repeat_sales": sold.get(True, 0),
        "all_sales": sum(sold.values()),
    }


def _step(name: str, counts: Figures, were: Figures) -> Figures:
    of, reached = _compared(name, counts)
    lost = whole(float(of) - float(reached)) if of is not None and reached is not None and name != "repeat_sales" else None
    return {
        "step": name,
        "count": counts[name],
        "of": of,
        "reached": reached,
        "rate": divide(reached, of),
        "lost": lost,
        "previous": were[name],
        "change": change_of(name, counts[name], were[name]),
    }


def _compared(name: str, counts: Figures) -> tuple[Any, Any]:
    """With what a step is compared, and what of it came from there."""
    if name == "impressions":
        return None, None
    if name == "visits":
        return counts["clicks"], None if counts["clicks"] is None else counts["ad_visits"]
    if name == "repeat_sales":
        return counts["all_sales"], counts["repeat_sales"]
    before = STEPS[STEPS.index(name) - 1]
    return counts[before], None if counts[before] is None else counts[name]


def _channel(node: Node, system: System | None) -> Figures:
    m = measures(node.sums)
    clicks = system.clicks if system else Clicks()
    return {
        "channel": node.name,
        "impressions": clicks.impressions,
        "clicks": clicks.clicks,
        **{name: m[name] for name in ("visits", "requests", "qualified", "sales")},
        "rates": {
            "requests": None if node.name == NO_SOURCE else divide(m["requests"], m["visits"]),
            "qualified": divide(m["qualified"], m["requests"]),
            "sales": divide(m["sales"], m["requests"]),
        },
    }
