"""Call tracking: how many visitors saw a number of their own, what each pool held and needs, which calls found no visitor, which
numbers are silent (docs/method.md, numbers and calls). Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from functions.report.marts.questions import Answers, numbers_of
from functions.report.marts.ratios import divide
from shared.pool_size import loss, numbers_for, offered_load
from shared.times import lake_text
from shared.warehouse import Row

MOST_LOSS = 0.01  # of visitors who may find no free number; above, a pool is short
WITHOUT = ("static", "default", "late", "unknown")  # where calls without a visitor came in
SILENT_FROM = math.log(100)  # expected calls: none of so many has a probability of 1 % (Poisson, e to the power of −expected)
HOUR = timedelta(hours=1)
Tracking = dict[str, Any]


def call_tracking_of(settings: Mapping[str, Any], answers: Answers) -> Tracking | None:
    """The block `call_tracking` of figures.json; None where no numbers are set up and nobody asked for one.

    Visitors are distinct ones, without robots and those whose day makes no visit (`excluded`). Shares are unrounded fractions,
    spans seconds, loads erlang; None where nothing is known. Calls are incoming ones that are no spam.
    """
    told = numbers_of(settings)
    pools = [row for row in answers["lease_pools"] if row["pool"] is not None]
    if not pools and not any(told.get(name) for name in ("default", "static", "pools")):
        return None
    total: Row = next((row for row in answers["lease_pools"] if row["pool"] is None), {})
    visitors, with_number = int(total.get("visitors") or 0), int(total.get("with_number") or 0)
    rate = _calls_per_lease(answers["call_numbers"])
    return {
        "visitors": visitors,
        "with_number": with_number,
        "share": divide(with_number, visitors),
        "excluded": int(total.get("excluded") or 0),
        "without_number": _without_number(answers["lease_reasons"]),
        "pools": sorted((_pool(row) for row in pools), key=lambda pool: (-pool["visitors"], pool["pool"])),
        "calls": sum(int(row["told_calls"]) for row in answers["call_numbers"]),
        "calls_without_visitor": _without_visitor(told, answers["call_numbers"]),
        "static_numbers": _static_numbers(told, answers["call_numbers"]),
        "calls_per_lease": rate,
        "silent_numbers": _silent(answers["call_numbers"], rate or 0.0),
    }


def _pool(row: Row) -> Tracking:
    """`load` is that of the busiest hour as if it lasted, `needed` numbers that lose at most 1 % under it (Erlang B), `loss` the
    share that the present numbers would lose."""
    visitors, refused, arrivals = int(row["visitors"]), int(row["refused"]), int(row["busiest_arrivals"] or 0)
    numbers = None if row["numbers"] is None else int(row["numbers"])
    hold = int(row["hold_seconds"]) / int(row["holds"]) if row["holds"] else None
    load = None if hold is None else offered_load(arrivals, hold)
    begin = row["busiest_hour"]
    return {
        "pool": row["pool"],
        "numbers": numbers,
        "visitors": visitors,
        "with_number": int(row["with_number"]),
        "share": divide(int(row["with_number"]), visitors),
        "leases": int(row["leases"] or 0),
        "pool_full": int(row["pool_full"] or 0),
        "is_short": refused > MOST_LOSS * visitors,
        "peak_held": None if row["peak_held"] is None else int(row["peak_held"]),
        "peak_utilisation": None if row["peak_utilisation"] is None else float(row["peak_utilisation"]),
        "busiest_hour": None if begin is None else {"from": lake_text(begin), "to": lake_text(begin + HOUR), "arrivals": arrivals},
        "mean_hold_seconds": hold,
        "load": load,
        "needed": None if load is None else _needed(load),
        "loss": None if load is None or numbers is None else loss(load, numbers),
    }


def _needed(load: float) -> int | None:
    try:
        return numbers_for(load, MOST_LOSS)
    except OverflowError:
        return None


def _without_number(rows: Iterable[Row]) -> list[Tracking]:
    told = [{"kind": row["kind"] or "", "reason": row["reason"] or "", "visitors": int(row["visitors"])} for row in rows]
    return sorted(told, key=lambda row: (-row["visitors"], row["reason"], row["kind"]))


def _without_visitor(told: Mapping[str, Any], rows: Iterable[Row]) -> dict[str, int]:
    """By the number that was called, as the settings name it now: a static one, a default one, one that was leased (nobody had it
    then, or too long before), or one that neither settings nor leases know."""
    static = {one["number"] for one in told.get("static") or ()}
    own = {told.get("default"), *(told.get("replaces") or ()), *(pool.get("default") for pool in told.get("pools") or ())}
    found = dict.fromkeys(WITHOUT, 0)
    for row in rows:
        found["static"] += int(row["by_number"])
        number = row["number"]
        why = "static" if number in static else "default" if number in own else "late" if row["was_leased"] else "unknown"
        found[why] += int(row["by_nothing"])
    return found


def _static_numbers(told: Mapping[str, Any], rows: Iterable[Row]) -> list[Tracking]:
    """The static numbers in the order of the settings, each with its calls."""
    calls = {row["number"]: int(row["told_calls"]) for row in rows}
    return [
        {
            "number": one["number"],
            **{name: one.get(name) or "" for name in ("source", "medium", "campaign")},
            "calls": calls.get(one["number"], 0),
        }
        for one in told.get("static") or ()
    ]


def _calls_per_lease(rows: Iterable[Row]) -> float | None:
    """Calls that a lease resolved, for each confirmed lease: of the numbers that were leased in the period."""
    leased = [row for row in rows if row["leases"]]
    return divide(sum(int(row["lease_calls"]) for row in leased), sum(int(row["confirmed_leases"]) for row in leased))


def _silent(rows: Iterable[Row], rate: float) -> list[Tracking]:
    """Numbers without any call whose confirmed leases would have brought one with a probability of 99 %: 1 − e to the power of
    −(confirmed leases × the site's calls for each)."""
    told = [
        {"number": row["number"], "leases": int(row["confirmed_leases"]), "expected_calls": int(row["confirmed_leases"]) * rate}
        for row in rows
        if not row["calls"] and int(row["confirmed_leases"]) * rate >= SILENT_FROM
    ]
    return sorted(told, key=lambda row: (-row["leases"], row["number"]))
