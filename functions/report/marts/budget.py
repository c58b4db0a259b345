"""How sales answer to spend, channel by channel: what the budget calculator counts with (docs/method.md, budget). Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from math import ceil
from typing import Any, NamedTuple

from functions.report.marts.fit import Fit, fit_of
from functions.report.marts.kinds import Kinds
from functions.report.marts.measures import WILSON_Z
from functions.report.marts.questions import Answers, Period
from functions.report.marts.ratios import divide
from functions.report.marts.tree import ZERO, Node, channel_of, whole
from shared.sources import OTHER_TRAFFIC
from shared.warehouse import Row

LEAST_WEEKS = 8
LEAST_SALES = 20
LEAST_SPREAD = 1.2  # the dearest week costs at least so many times the cheapest
NOW_WEEKS = 4
MATURE = 0.9  # weeks are used once so many of their sales have usually come
WEEK = timedelta(days=7)
Figures = dict[str, Any]


class Week(NamedTuple):
    """One week of a channel with cost above 0, on so many `days` of it."""

    week: date
    cost: Decimal
    sales: float
    revenue: Decimal
    days: int


class Span(NamedTuple):
    """Mondays of the first and the last week used."""

    first: date
    last: date


def budget_of(
    answers: Answers, period: Period, history_from: date, known_to: date, kinds: Kinds, together: Collection[str] = ()
) -> Figures:
    """The block `budget` of figures.json: a fit for every channel of advertising that cost something, the dearest first.

    Weeks are whole ones of the history up to the period's end, from the first with requests on; those whose requests are younger
    than 90 % of the site's ways from request to sale are left out (`immature_days`), and so is a week in which a channel began or
    ceased to spend: a part of a week costs and sells less, which is no answer of sales to spend. Sales by the day of the request.
    """
    days = _mature_days(answers["sale_delays"])
    span = _span(answers["budget_weeks"], period, history_from, known_to, days)
    weeks = _weeks(answers["budget_weeks"], together) if span else {}
    ads = {name: told for name, told in weeks.items() if name != OTHER_TRAFFIC and kinds.is_ad(Node(name))}
    channels = [row for name, told in ads.items() if span and (row := _channel(name, told, span))]
    return {
        "first_week": span.first.isoformat() if span else None,
        "last_week": span.last.isoformat() if span else None,
        "immature_days": days,
        "z": WILSON_Z,
        "channels": sorted(channels, key=lambda row: (-row["cost"], row["channel"])),
    }


def _mature_days(delays: Iterable[Row]) -> int:
    """Days within which nine of ten sales came after their request; 0 before the first sale."""
    counts = sorted((max(int(row["days"]), 0), int(row["sales"])) for row in delays)
    wanted, seen = ceil(sum(sales for _, sales in counts) * MATURE), 0
    for days, sales in counts:
        seen += sales
        if seen >= wanted:
            return days
    return 0


def _span(rows: Sequence[Row], period: Period, history_from: date, known_to: date, mature: int) -> Span | None:
    """The first week may have begun before anybody was watched, so it counts only where the history is older than it."""
    asked = [row["week"] for row in rows if float(row["requests"] or 0) > 0]
    if not asked:
        return None
    monday = history_from + timedelta(days=-history_from.weekday() % 7)
    first = max(monday, min(asked) + WEEK)
    if min(asked) < monday:
        first = monday
    end = min(period.last, known_to - timedelta(days=mature))  # the last day whose requests may be used
    last = end - timedelta(days=(end.weekday() - 6) % 7 + 6)
    return Span(first, last) if first <= last else None


def _weeks(rows: Iterable[Row], together: Collection[str]) -> dict[str, list[Week]]:
    """Weeks with cost by channel, in order."""
    found: dict[tuple[str, date], Week] = {}
    for row in rows:
        key = channel_of(row["channel"], together), row["week"]
        known = found.get(key, Week(row["week"], ZERO, 0.0, ZERO, 0))
        cost, revenue = (Decimal(row[name] or 0) for name in ("cost", "revenue"))
        days = max(known.days, int(row.get("cost_days") or 0))
        found[key] = Week(row["week"], known.cost + cost, known.sales + float(row["sales"] or 0), known.revenue + revenue, days)
    by_channel: dict[str, list[Week]] = {}
    for (channel, _), week in sorted(found.items()):
        if week.cost > 0:
            by_channel.setdefault(channel, []).append(week)
    return by_channel


def _usual_days(weeks: Sequence[Week]) -> int:
    """On how many days of a week a channel usually spends: the median, of two the greater."""
    return sorted(week.days for week in weeks)[len(weeks) // 2]


def _used(weeks: Sequence[Week], span: Span) -> list[Week]:
    """Weeks of the span, but for those at an end of a run of weeks that have fewer days of spend than is usual."""
    usual, spent = max(_usual_days(weeks), 1), {week.week for week in weeks}
    return [
        week
        for week in weeks
        if span.first <= week.week <= span.last and (week.days >= usual or {week.week - WEEK, week.week + WEEK} <= spent)
    ]


def _is_running(weeks: Sequence[Week], span: Span) -> bool:
    """Whether a channel still spent in the span's last week: on at least half of its usual days."""
    return any(week.week == span.last and week.days * 2 >= _usual_days(weeks) for week in weeks)


def _channel(channel: str, told: Sequence[Week], span: Span) -> Figures | None:
    """One channel; None without a week to use. One that did not spend to the span's end spends nothing now."""
    weeks = _used(told, span)
    if not weeks:
        return None
    costs, sales = [float(week.cost) for week in weeks], [week.sales for week in weeks]
    fit, why = _fit(costs, sales)
    now = weeks[-NOW_WEEKS:] if _is_running(told, span) else []
    spend_now = sum(float(week.cost) for week in now) / len(now) if now else 0.0
    revenue = sum((week.revenue for week in weeks), ZERO)
    return {
        "channel": channel,
        "weeks": len(weeks),
        "cost": sum((week.cost for week in weeks), ZERO),
        "sales": whole(sum(sales)),
        "is_fit": fit is not None,
        "why": why,
        **_fitted(fit, spend_now),
        "spend_now": spend_now,
        "sales_now": 0.0 if not now else fit.expected(spend_now) if fit else sum(week.sales for week in now) / len(now),
        "least_cost": min(costs),
        "most_cost": max(costs),
        "aov": divide(revenue, sum(sales)),
        "points": [{"week": week.week.isoformat(), "cost": week.cost, "sales": whole(week.sales)} for week in weeks],
    }


def _fit(costs: Sequence[float], sales: Sequence[float]) -> tuple[Fit | None, str]:
    """The fit, or why there is none."""
    if why := _why_not(costs, sales):
        return None, why
    fit = fit_of(costs, sales)
    if fit is None:
        return None, "not_converged"
    if fit.b <= 0:
        return None, "no_growth"
    return (fit, "") if fit.is_certain(WILSON_Z) else (None, "uncertain")


def _why_not(costs: Sequence[float], sales: Sequence[float]) -> str:
    if len(costs) < LEAST_WEEKS:
        return "few_weeks"
    if sum(sales) < LEAST_SALES:
        return "few_sales"
    return "no_variation" if max(costs) < LEAST_SPREAD * min(costs) else ""


def _fitted(fit: Fit | None, spend_now: float) -> Mapping[str, Any]:
    nothing = dict.fromkeys(("a", "b", "cov", "dispersion", "next_sale_price", "next_sale_interval"))
    if fit is None:
        return {"is_capped": False, **nothing}
    told = {
        "is_capped": fit.is_capped,
        "a": fit.a,
        "b": fit.b,
        "cov": [list(row) for row in fit.cov],
        "dispersion": fit.dispersion,
    }
    if not spend_now:
        return {**nothing, **told}
    interval = list(fit.next_sale_interval(spend_now, WILSON_Z))
    return {**told, "next_sale_price": fit.next_sale_price(spend_now), "next_sale_interval": interval}
