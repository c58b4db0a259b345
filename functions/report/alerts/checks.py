"""What rings: the rules of every kind of alert over facts of the marts (docs/reports.md, alerts). Pure.

Silence is judged by the hours of the week: nothing came in the last `silent_hours`, and in the same hours of the four weeks before
it came at least ten times (their median, so that one week's flood or outage says nothing). Nights and weekends are quiet in every
week. Where less is usual, a longer silence is judged in the same way, up to a week's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
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
KNOWN_DAYS = 14  # of its days an account may have been silent; one that is silent for longer ended long ago
HABIT_DAYS = 28  # up to its last spend: on which weekdays an account spends
WIDER_HOURS = (24, 48, 72, 168)  # silences that are judged where less than ten arrivals are usual in `silent_hours`
LEAST_WEEKS = 2  # with data; one alone tells no habit
USUAL_CPLS = 3  # spend of so many usual requests, and none came: under 5 % by chance (Poisson)
LEAST_VISITORS = 10  # of a pool; fewer say nothing
# Days until the same alert may ring again. What is judged over a week or more does not change within a day; an account that was
# stopped on purpose is told once.
RESTS: Mapping[AlertKind, int] = {
    "hits_stopped": 1,
    "calls_stopped": 1,
    "crm_stopped": 1,
    "costs_stopped": 180,
    "no_source_jumped": 7,
    "spend_without_requests": 7,
    "low_romi": 7,
    "pool_short": 7,
    "number_silent": 7,
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
    """One thing to be told. `subject` says of what (a channel, source and campaign; an account; a pool; a number), empty: of the
    site; `seen` are its figures: datetimes, dates, counts, money as Decimal, shares as fractions. `form` names its words where a
    kind has several; one whose `mark` changed does not rest."""

    kind: AlertKind
    subject: tuple[str, ...]
    seen: Mapping[str, Any]
    form: str = ""
    mark: str = ""


def alerts_settings(settings: Mapping[str, Any]) -> Mapping[str, Any]:
    """The site's settings of alerts, what they do not tell filled in."""
    told = settings["report"].get("alerts") or {}
    return {**USUAL, **told}


def spans_of(silent_hours: int) -> list[int]:
    """Silences to be judged, in hours, until ten arrivals are usual in one."""
    return [silent_hours, *(hours for hours in WIDER_HOURS if hours > silent_hours)]


def usual(row: Row) -> float:
    """How much came in the same hours of the weeks before (median of `came_1` to `came_4`), since the first data in them; 0 where
    that is less than two weeks."""
    came = [int(row[f"came_{week}"] or 0) for week in (1, 2, 3, 4)]
    while came and not came[-1]:
        came.pop()
    return float(median(came)) if len(came) >= LEAST_WEEKS else 0.0


def stopped(kind: AlertKind, rows: Iterable[Row], begins: datetime, ends: datetime) -> Iterator[Alert]:
    """Hits, calls or CRM events: `rows` is the one of alerts_hits.sql and its like, the silence lasts from `begins` to `ends`."""
    (row,) = rows
    expected = usual(row)
    if not row["came_0"] and expected >= LEAST_EXPECTED:
        seen = {"from": begins, "to": ends, "expected": expected, "last_at": row["last_at"]}
        excluded = int(row.get("excluded_0") or 0)
        yield Alert(kind, (), {**seen, "excluded": excluded} if excluded else seen, "_excluded" if excluded else "")


def hooks_stopped(came: Mapping[datetime, int], begins: datetime, ends: datetime, back: timedelta) -> Iterator[Alert]:
    """Webhooks of a CRM that came before and do not any more, whatever else tells of its deals. `came` are their numbers by whole
    hours, `back` is what lies between the spans compared."""
    sums = [sum(n for at, n in came.items() if begins - k * back <= at < ends - k * back) for k in range(5)]
    last = max((at for at, n in came.items() if n and at < ends), default=None)
    row: Row = {"last_at": last, **{f"came_{k}": n for k, n in enumerate(sums)}}
    for alert in stopped("crm_stopped", [row], begins, ends):
        yield alert._replace(form="_hooks")


def costs_stopped(rows: Iterable[Row], today: date, silent_days: int) -> Iterator[Alert]:
    """Accounts that spent of late and then, for so many of their own weekdays that are over, nothing. `rows` are accounts' days
    with spend. One that has been silent for longer than anybody waits is not an alert any more."""
    accounts: dict[str, set[date]] = {}
    for row in rows:
        accounts.setdefault(str(row["account"]), set()).add(row["day"])
    for account, days in sorted(accounts.items()):
        last = max(days)
        known = {day for day in days if day > last - HABIT_DAYS * DAY}
        if len(known) < LEAST_SPENDING_DAYS:
            continue
        habit = _weekdays(known)
        silent = sum((last + n * DAY).weekday() in habit for n in range(1, (today - last).days))
        if silent_days <= silent < max(KNOWN_DAYS, silent_days + 7):
            seen = {"last_day": last, "days": (today - last).days - 1}
            yield Alert("costs_stopped", (account,), seen, mark=last.isoformat())


def _weekdays(days: Collection[date]) -> set[int]:
    """Weekdays on at least half of which there was something, since the first of the days."""
    first, last = min(days), max(days)
    all_days = [first + n * DAY for n in range((last - first).days + 1)]
    spent = Counter(day.weekday() for day in days)
    return {weekday for weekday, n in Counter(day.weekday() for day in all_days).items() if 2 * spent[weekday] >= n}


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
    """Channels that spent more than the limit and brought no request, of other channels their campaigns; what cost most comes
    first. `root` is the tree of seven days."""
    if limit is not None:
        yield from sorted(_vain_of(root, limit), key=_by_cost)


def no_requests(cost: Decimal, spending_days: int, requests: int) -> Iterator[Alert]:
    """A whole site that spends and has no request at all in seven days, where no price of a request is known to judge by."""
    if cost > 0 and spending_days >= LEAST_SPENDING_DAYS and not requests:
        yield Alert("spend_without_requests", (), {"cost": cost}, "_all")


def low_romi(root: Node, limit: float, minimum_sales: int) -> Iterator[Alert]:
    """Channels with sales enough to be judged whose margin ROMI is under the limit, the dearest first. Revenue without a cost price
    counts as profit as a whole, so that it makes nobody worse than he is."""
    yield from sorted(_low_of(root, limit, minimum_sales), key=_by_cost)


def pool_short(pools: Iterable[Mapping[str, Any]]) -> Iterator[Alert]:
    """Pools of functions/report/marts/call_tracking.py that turned more than 1 % of their visitors away, or that the busiest hour
    asks for more numbers than they have (Erlang B, 1 % loss)."""
    for pool in pools:
        is_under = pool["numbers"] is not None and pool["needed"] is not None and pool["needed"] > pool["numbers"]
        if pool["visitors"] >= LEAST_VISITORS and (pool["is_short"] or is_under):
            names = ("numbers", "needed", "visitors", "with_number", "pool_full")
            yield Alert("pool_short", (pool["pool"],), {name: pool[name] for name in names})


def number_silent(numbers: Iterable[Mapping[str, Any]]) -> Iterator[Alert]:
    """Leased numbers of functions/report/marts/call_tracking.py that nobody rang although their confirmed leases would have brought
    a call with a probability of 99 %."""
    for told in numbers:
        yield Alert("number_silent", (str(told["number"]),), {name: told[name] for name in ("leases", "expected_calls")})


def _vain_of(root: Node, limit: Decimal) -> Iterator[Alert]:
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


def _low_of(root: Node, limit: float, minimum_sales: int) -> Iterator[Alert]:
    for channel in root.children.values():
        sums, m = channel.sums, measures(channel.sums)
        if channel.name in (NO_SOURCE, OTHER_TRAFFIC) or sums.sales < minimum_sales:
            continue
        profit = sums.gross_profit + sums.unpriced_revenue
        romi = divide(profit - sums.cost, sums.cost)
        if romi is not None and romi < limit:
            seen = {name: m[name] for name in ("cost", "revenue", "sales")}
            told = {**seen, "gross_profit": profit, "margin_romi": romi, "least": limit}
            yield Alert("low_romi", (channel.name,), told, "_at_most" if sums.unpriced_parts else "")


def _by_cost(alert: Alert) -> Decimal:
    return -Decimal(alert.seen["cost"])


def _is_vain(sums: Sums, limit: Decimal) -> bool:
    return sums.cost >= limit and sums.requests == 0


def _vain(subject: tuple[str, ...], sums: Sums, limit: Decimal) -> Alert:
    return Alert("spend_without_requests", subject, {"cost": sums.cost, "limit": limit})
