"""The one funnel of marketing and sales: impressions → clicks → visits → requests → qualified → sales → repeat sales, with the loss
of each step; and the sections of the site. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import unquote

from functions.report.marts.measures import change_of, measures
from functions.report.marts.payback import Clicks, System, Told, total_of
from functions.report.marts.questions import Answers
from functions.report.marts.ratios import divide
from functions.report.marts.tree import NO_SOURCE, Node, channel_of, whole

STEPS = ("impressions", "clicks", "visits", "requests", "qualified", "sales", "repeat_sales")
Figures = dict[str, Any]


def funnel_of(
    root: Node,
    before: Node,
    systems: tuple[Mapping[str, System], Mapping[str, System]],
    answers: tuple[Answers, Answers],
    together: Collection[str] = (),
) -> Figures:
    """The block `funnel` of figures.json. Pairs are (the period, the period before).

    `rate` = `reached` ÷ `of`, `lost` = `of` − `reached` (never below 0). Impressions and clicks are those of advertising, visits
    all: impressions → clicks and clicks → visits are of the ad systems that told clicks (and impressions). From visits came the
    requests that were made during one, which a report of some channels does not know. Of the period's buyers (sale day), repeat
    sales are those who had bought before.
    """
    on_visits = _on_visits(answers[0], together)
    counts, were = (_counts(tree, ads, told) for tree, ads, told in zip((root, before), systems, answers, strict=True))
    counts["on_visits"] = None if on_visits is None else min(whole(sum(on_visits.values())), counts["requests"])
    return {
        "steps": [_step(name, counts, were) for name in STEPS],
        "channels": [_channel(node, systems[0].get(node.name), on_visits) for node in root.children.values()],
    }


def sections_of(answers: Answers) -> Figures:
    """Sections of the site, most visits first; `total` counts those that are not listed, too. A name is what people read: some
    browsers write it percent-encoded, which makes no section of its own."""
    found: dict[str, Figures] = {}
    for row in answers["site_sections"]:
        name = unquote(row["section"] or "")
        told = found.setdefault(name, {"section": name, "visits": 0, "requests": 0, "sales": 0})
        for count in ("visits", "requests", "sales"):
            told[count] += int(row[count])
    rows = sorted(found.values(), key=lambda row: (-row["visits"], row["section"]))
    total = max((int(row["sections_total"]) for row in answers["site_sections"]), default=0)
    return {
        "total": total - (len(answers["site_sections"]) - len(rows)),
        "rows": [{**row, "rate": divide(row["requests"], row["visits"])} for row in rows],
    }


def _on_visits(answers: Answers, together: Collection[str]) -> dict[str, float] | None:
    """Counted requests made during a visit, by channel; None where that was not asked (figures of some channels)."""
    if "visit_requests" not in answers.rows:
        return None
    found: dict[str, float] = {}
    for row in answers["visit_requests"]:
        channel = channel_of(row["channel"], together) if row["channel"] else NO_SOURCE
        found[channel] = found.get(channel, 0.0) + float(row["requests"])
    return found


def _counts(root: Node, systems: Mapping[str, System], answers: Answers) -> Figures:
    ads, m = total_of(systems), measures(root.sums)
    sold = {bool(row["is_repeat"]): int(row["sales"]) for row in answers["customers_repeats"] if row["in_period"]}
    return {
        "impressions": ads.clicks.impressions,
        "clicks": ads.clicks.clicks,
        "clicked": ads.told,
        **{name: m[name] for name in ("visits", "requests", "qualified", "sales")},
        "repeat_sales": sold.get(True, 0),
        "all_sales": sum(sold.values()),
    }


def _step(name: str, counts: Figures, were: Figures) -> Figures:
    of, reached = _compared(name, counts)
    is_known = of is not None and reached is not None and name != "repeat_sales"
    lost = max(whole(float(of) - float(reached)), 0) if is_known else None
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
    told: Told = counts["clicked"]
    if name == "clicks":
        return told.impressions, told.clicks
    if name == "visits":
        return counts["clicks"], None if counts["clicks"] is None else told.clicked.visits
    if name == "requests":
        return counts["visits"], counts["on_visits"]
    if name == "repeat_sales":
        return counts["all_sales"], counts["repeat_sales"]
    before = STEPS[STEPS.index(name) - 1]
    return counts[before], None if counts[before] is None else counts[name]


def _channel(node: Node, system: System | None, on_visits: Mapping[str, float] | None) -> Figures:
    """`rates.requests`: of the visits, by requests made during one."""
    m = measures(node.sums)
    made = None if on_visits is None or node.name == NO_SOURCE else min(whole(on_visits.get(node.name, 0.0)), m["requests"])
    clicks = system.clicks if system else Clicks()
    return {
        "channel": node.name,
        "impressions": clicks.impressions,
        "clicks": clicks.clicks,
        **{name: m[name] for name in ("visits", "requests", "qualified", "sales")},
        "rates": {
            "requests": divide(made, m["visits"]),
            "qualified": divide(m["qualified"], m["requests"]),
            "sales": divide(m["sales"], m["requests"]),
        },
    }
