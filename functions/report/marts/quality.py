"""Data quality of a report: what stays out of the figures, what could not be tied together, and what to mend. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from functions.report.marts.cost_gaps import cost_gaps_of
from functions.report.marts.questions import Answers, Period
from functions.report.marts.ratios import divide
from functions.report.marts.tree import ZERO, Node, Sums, whole
from shared.times import local_day, local_midnight
from shared.warehouse import Row

Quality = dict[str, Any]
DELIVERY = timedelta(minutes=15)  # Firehose keeps records for five minutes before they are in the lake
QUIET_NIGHT = timedelta(hours=6)  # a small site may see nobody for so long; longer silence is worth a look


def quality_of(
    settings: Mapping[str, Any], period: Period, answers: Answers, root: Node, data_to: datetime, refreshed_at: datetime | None
) -> Quality:
    """The block `data_quality` of figures.json. Counts are whole records, never weighted."""
    methods = {row["method"]: int(row["deals"]) for row in answers["deals_matched"]}
    return {
        "is_last_day_complete": is_complete(settings, period, data_to, refreshed_at),
        "hits": _hits(answers["hits"]),
        "requests": _requests(answers),
        "deals": {
            "made": sum(methods.values()),
            "implied": methods.get("implied", 0),
            "unmatched": methods.get("unmatched", 0),
            "by_method": dict(sorted(methods.items())),
        },
        "unknown_stages": sorted(
            ({name: row[name] for name in ("pipeline", "stage", "deals")} for row in answers["unknown_stages"]),
            key=lambda row: (-row["deals"], row["pipeline"], row["stage"]),
        ),
        "without_rate": [
            *_without_rate("money", answers["money_without_rate"]),
            *_without_rate("costs", answers["spend_without_rate"]),
        ],
        "without_cost_price": {"revenue": root.sums.unpriced_revenue},
        "costs_without_requests": _costs_without_requests(root),
        "cost_gaps": cost_gaps_of(period, answers["cost_days"], known_to(settings, data_to)),
        "costs_not_split": sum((node.sums.cost for node in _nodes(root) if node.is_not_split), ZERO),
        "unknown_values": _unknown_values(answers["unknown_values"]),
        "immature": _immature(settings, answers, data_to),
        "hub_keys": _apart(answers["hub_keys"], "hub")["keys"],
        "hubs": _apart(answers["hub_keys"], "hub")["named"],
        "unsettled_keys": _apart(answers["hub_keys"], "unsettled")["keys"],
        "unsettled": _apart(answers["hub_keys"], "unsettled")["named"],
    }


def is_complete(settings: Mapping[str, Any], period: Period, data_to: datetime, refreshed_at: datetime | None) -> bool:
    """Whether the marts know the last day whole: something came after it, or a refresh did and the silence is a night's."""
    end = local_midnight(period.last + timedelta(days=1), settings["time_zone"])
    if data_to >= end:
        return True
    return refreshed_at is not None and refreshed_at >= end + DELIVERY and data_to >= end - QUIET_NIGHT


def median_days(delays: Iterable[Row]) -> float | None:
    """Exact median of days from request to sale, from counts per number of days; None before the first sale."""
    counts = sorted((int(row["days"]), int(row["sales"])) for row in delays)
    total = sum(count for _, count in counts)
    if not total:
        return None

    def at(place: int) -> int:
        for days, count in counts:
            place -= count
            if place < 0:
                return days
        raise AssertionError("the place lies within the total")

    return (at((total - 1) // 2) + at(total // 2)) / 2


def _hits(rows: Iterable[Row]) -> Quality:
    by_reason = {row["reason"]: int(row["hits"]) for row in rows}
    return {"counted": by_reason.pop("", 0), "excluded": dict(sorted(by_reason.items()))}


def _unknown_values(rows: Iterable[Row]) -> Quality:
    """Values of utm_source and utm_medium that no rule knows, in the order of the answer (new ones first, then most visits), and
    how many there are with those that are not listed."""
    rows = list(rows)
    values = [
        {"parameter": row["parameter"], "value": row["value"], "visits": int(row["visits"]), "is_new": bool(row["is_new"])}
        for row in rows
    ]
    return {"total": max((int(row["values_total"]) for row in rows), default=0), "values": values}


def _requests(answers: Answers) -> Quality:
    made = answers["requests_made"]
    sums = {name: sum(int(row[name]) for row in made) for name in ("made", "counted", "repeats", "duplicates", "disqualified")}
    left = sums["made"] - sums["counted"] - sums["repeats"] - sums["duplicates"]
    reasons = {row["reason"]: int(row["requests"]) for row in answers["no_source"]}
    return {**sums, "unconfirmed": left, "without_source": dict(sorted(reasons.items()))}


def _without_rate(what: str, rows: Iterable[Row]) -> list[Quality]:
    return [
        {"what": what, "currency": row["currency"], "lines": int(row["lines"]), "amount": Decimal(row["amount"] or 0)}
        for row in sorted(rows, key=lambda row: row["currency"])
    ]


def _costs_without_requests(root: Node) -> Quality:
    """Spend of the deepest rows that brought nothing at all; "not split" spend is no row of its own."""
    places: list[Quality] = [
        {"channel": c.name, "source": s.name, "campaign": leaf.name if leaf is not s else "", "cost": leaf.sums.cost}
        for c in root.children.values()
        for s in c.children.values()
        for leaf in (s.children.values() or (s,))
        if leaf.sums.cost > 0 and _brought_nothing(leaf.sums) and not leaf.is_not_split and not s.is_not_split
    ]
    places.sort(key=lambda place: (-place["cost"], place["channel"], place["source"], place["campaign"]))
    return {"cost": sum((place["cost"] for place in places), ZERO), "places": places}


def _brought_nothing(sums: Sums) -> bool:
    """No request counts and no money came: a repeat that was bought from is no request, and still no lost spend."""
    return sums.requests <= 0 and sums.sales <= 0 and not sums.revenue


def known_to(settings: Mapping[str, Any], data_to: datetime) -> date:
    """The site's day on which the marts' latest record arrived: the day by which requests are so many days old."""
    return local_day(data_to, settings["time_zone"])


def _immature(settings: Mapping[str, Any], answers: Answers, data_to: datetime) -> Quality:
    """Counted requests of the period that are younger than the median way from request to sale, and what they have brought already:
    many of their sales may still come. Shares are of the period's counted requests and of all money of its requests."""
    median, today = median_days(answers["sale_delays"]), known_to(settings, data_to)
    made = answers["requests_made"]
    young = [row for row in made if median is not None and (today - row["day"]).days < median]
    # A scope's requests count with the part that its channels have of them.
    requests, of_requests = (whole(sum(float(row["counted"]) for row in rows)) for rows in (young, made))
    revenue, of_revenue = (sum((Decimal(row["revenue"] or 0) for row in rows), ZERO) for rows in (young, made))
    return {
        "median_days": median,
        "requests": requests,
        "share": None if median is None else divide(requests, of_requests),
        "revenue": revenue,
        "revenue_share": None if median is None else divide(revenue, of_revenue),
    }


def _apart(rows: Iterable[Row], why: str) -> Quality:
    """Keys that join nobody for that reason: how many, and those seen first."""
    those = [row for row in rows if row["why"] == why]
    return {
        "keys": max((int(row["keys"]) for row in those), default=0),
        "named": [{"key_kind": row["key_kind"], "key": row["key"]} for row in those],
    }


def _nodes(node: Node) -> Iterable[Node]:
    yield node
    for child in node.children.values():
        yield from _nodes(child)
