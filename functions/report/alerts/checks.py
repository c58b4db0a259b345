"""What rings: the rules of every kind of alert over facts of the marts (docs/operations.md, alerts). Pure.

Silence is judged by the hours of the week: nothing came in the last `silent_hours`, and in the same hours of the four weeks before
it came at least ten times (their median, so that one week's flood or outage says nothing). Nights and weekends are quiet in every
week.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from statistics import median
from typing import TYPE_CHECKING, Any, NamedTuple

from functions.report.figures import measures
from functions.report.marts.control.shares import jumped
from functions.report.marts.ratios import divide
from functions.report.marts.tree import NO_SOURCE, Node, Sums
from shared.sources import OTHER_TRAFFIC
from shared.warehouse import Row

if TYPE_CHECKING:
    from shared.report_settings import AlertKind

DAY = timedelta(days=1)
LEAST_EXPECTED = 10  # none of ten expected has a probability of 1 in 22,000 (Poisson)
LEAST_SPENDING_DAYS = 3  # of an account that has a habit
KNOWN_DAYS = 14  # since its last spend an account may have been silent, and for so long before it is looked at
USUAL_CPLS = 3  # spend of so many usual requests, and none came: under 5 % by chance (Poisson)
LEAST_VISITORS = 10  # of a pool; fewer say nothing
# Days until the same alert may ring again. What is judged over a week or more does not change within a day.
RESTS: Mapping[AlertKind, int] = {
    "hits_stopped": 1,
    "calls_stopped": 1,
    "crm_stopped": 1,
    "costs_stopped": 1,
    "no_source_jumped": 7,
    "spend_without_requests": 7,
    "low_romi": 7,
    "pool_short": 7,
}
# Settings published before there were alerts do not tell them (shared/report_settings.py).
USUAL: Mapping[str, Any] = {
    "silent_hours": 24,
    "costs_silent_days": 3,
    "no_source_jump": "0.1",
    "spend_without_requests": None,
    "margin_romi": None,
    "muted": (),
    "recipients": (),
}


class Alert(NamedTuple):
    """One thing to be told. `subject` says of what (a channel, source and campaign; an account; a pool), empty: of the site; `seen`
    are its figures: datetimes, dates, counts, money as Decimal, shares as fractions."""

    kind: AlertKind
    subject: tuple[str, ...]
    seen: Mapping[str, Any]


def alerts_settings(settings: Mapping[str, Any]) -> Mapping[str, Any]:
    """The site's settings of alerts, what they do not tell filled in."""
    told = settings["report"].get("alerts") or {}
    return {**USUAL, **told}


def stopped(kind: AlertKind, rows: Iterable[Row], begins: datetime, ends: datetime) -> Iterator[Alert]:
    """Hits, calls or CRM events: `rows` is the one of alerts_hits.sql and its like, the silence lasts from `begins` to `ends`."""
    (row,) = rows
    expected = median(int(row[f"came_{week}"] or 0) for week in (1, 2, 3, 4))
    if not row["came_0"] and expected >= LEAST_EXPECTED:
        yield Alert(kind, (), {"from": begins, "to": ends, "expected": expected, "last_at": row["last_at"]})


def costs_stopped(rows: Iterable[Row], today: date, silent_days: int) -> Iterator[Alert]:
    """Accounts that spent on some days of late and then, for whole days that are over, nothing. One that has been silent for longer
    than anybody waits is not an alert any more."""
    for row in rows:
        silent = (today - DAY - row["last_day"]).days
        if silent_days <= silent < max(KNOWN_DAYS, silent_days + 7) and int(row["days"]) >= LEAST_SPENDING_DAYS:
            yield Alert("costs_stopped", (str(row["account"]),), {"last_day": row["last_day"], "days": silent})


def no_source_jumped(rows: Iterable[Row], jump: float) -> Iterator[Alert]:
    """More requests without a source than before, by so many points and by more than chance explains (z-test of two shares, 99
    %)."""
    told = {row["reason"]: (int(row["requests"] or 0), int(row["requests_before"] or 0)) for row in rows}
    all_now, all_before = (sum(counts[i] for counts in told.values()) for i in (0, 1))
    lost = {reason: counts for reason, counts in told.items() if reason}
    now, before = (sum(counts[i] for counts in lost.values()) for i in (0, 1))
    share, share_before = divide(now, all_now), divide(before, all_before)
    if share is None or share_before is None or share < share_before or not jumped(now, all_now, before, all_before, jump):
        return
    grown = max(lost, key=lambda reason: lost[reason][0] / all_now - lost[reason][1] / all_before)
    seen = {"without": now, "requests": all_now, "share": share, "share_before": share_before, "reason": grown}
    yield Alert("no_source_jumped", (), seen)


def usual_limit(root: Node) -> Decimal | None:
    """What a channel may spend without a request: three times the site's cost of a counted request; None where nothing tells
    one."""
    cost, requests = root.sums.cost, root.sums.requests
    return cost * USUAL_CPLS / Decimal(repr(requests)) if requests > 0 and cost > 0 else None


def spend_without_requests(root: Node, limit: Decimal | None) -> Iterator[Alert]:
    """Channels that spent more than the limit and brought no request; of other channels their campaigns. `root` is the tree of
    seven days."""
    if limit is None:
        return
    for channel in root.children.values():
        if channel.name == NO_SOURCE:
            continue
        if _is_vain(channel.sums, limit):
            yield _vain((channel.name,), channel.sums, limit)
            continue
        for source in channel.children.values():
            for campaign in source.children.values():
                if not campaign.is_not_split and _is_vain(campaign.sums, limit):
                    yield _vain((channel.name, source.name, campaign.name), campaign.sums, limit)


def low_romi(root: Node, limit: float, minimum_sales: int) -> Iterator[Alert]:
    """Channels with sales enough to be judged whose margin ROMI is under the limit. Money without a cost price judges nobody."""
    for channel in root.children.values():
        m = measures(channel.sums)
        if channel.name in (NO_SOURCE, OTHER_TRAFFIC) or m["margin_romi"] is None or channel.sums.unpriced_parts:
            continue
        if channel.sums.sales >= minimum_sales and m["margin_romi"] < limit:
            seen = {name: m[name] for name in ("cost", "revenue", "gross_profit", "sales", "margin_romi")}
            yield Alert("low_romi", (channel.name,), {**seen, "least": limit})


def pool_short(pools: Iterable[Mapping[str, Any]]) -> Iterator[Alert]:
    """Pools of functions/report/marts/call_tracking.py that turned more than 1 % of their visitors away, or that the busiest hour
    asks for more numbers than they have (Erlang B, 1 % loss)."""
    for pool in pools:
        is_under = pool["numbers"] is not None and pool["needed"] is not None and pool["needed"] > pool["numbers"]
        if pool["visitors"] >= LEAST_VISITORS and (pool["is_short"] or is_under):
            names = ("numbers", "needed", "visitors", "with_number", "pool_full")
            yield Alert("pool_short", (pool["pool"],), {name: pool[name] for name in names})


def _is_vain(sums: Sums, limit: Decimal) -> bool:
    return sums.cost >= limit and sums.requests == 0


def _vain(subject: tuple[str, ...], sums: Sums, limit: Decimal) -> Alert:
    return Alert("spend_without_requests", subject, {"cost": sums.cost, "limit": limit})
