"""What source control found, as codes with figures; the words are the view's (texts, `findings`). Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from functions.report.marts.control.arrivals import REASONS
from functions.report.marts.control.shares import LEAST
from functions.report.marts.tree import NO_SOURCE

STRONG = ("request_id", "call_id", "visitor")  # ways to find a deal's request that should never become rarer
WEAK = ("implied", "unmatched")  # and those that should never become more frequent
MOST_NAMED = 5
Finding = Mapping[str, Any]


def findings_of(control: Mapping[str, Any], unknown_stages: Iterable[Mapping[str, Any]]) -> list[Finding]:
    """Everything that somebody should mend, what lost most first: sources that fell silent or jumped, requests without a source,
    deals made by hand, ways of matching that grew weaker, the backlog, slow and unknown stages, new sources."""
    return [
        *_silent(control),
        *_lost(control["channels"]),
        *_handmade(control),
        *_methods(control["match_methods"]),
        *_backlog(control["unsorted"]),
        *({"code": "unknown_stage", **stage} for stage in unknown_stages),
        *_slow(control["stages"]),
        *_new(control["new_sources"]),
    ]


def _silent(control: Finding) -> Iterator[Finding]:
    """Nothing came at all; or channels that brought a good part of the requests before, and bring none or much fewer now."""
    if not control["requests"] and control["requests_before"] >= LEAST:
        yield {"code": "silent", "requests_before": control["requests_before"]}
    for row in control["channels"]:
        if row["channel"] == NO_SOURCE or not row["is_jump"]:
            continue
        if row["requests"] < row["requests_before"] and row["share"] < row["share_before"]:
            code = "channel_fell" if row["requests"] else "channel_silent"
            names = ("channel", "requests", "requests_before", "share", "share_before", "last_day")
            yield {"code": code, **{name: row[name] for name in names}}


def _lost(channels: Iterable[Finding]) -> Iterator[Finding]:
    (lost,) = (row for row in channels if row["channel"] == NO_SOURCE)
    told = {row["source"]: row for row in lost["sources"]}
    for reason in sorted(REASONS, key=lambda reason: -told[reason]["requests"]):
        row = told[reason]
        if row["requests"]:
            yield {
                "code": reason,
                **{name: row[name] for name in ("requests", "share", "share_before", "is_jump")},
            }


def _handmade(control: Finding) -> Iterator[Finding]:
    made = control["handmade"]
    if not made["without_source"]:
        return
    managers = [row for row in control["managers"] if row["handmade_without_source"] and row["name"]]
    managers.sort(key=lambda row: (-row["handmade_without_source"], row["name"]))
    named = [{"manager": row["name"], "deals": row["handmade_without_source"]} for row in managers[:MOST_NAMED]]
    yield {"code": "handmade", "deals": made["deals"], "without_source": made["without_source"], "managers": named}


def _methods(methods: Iterable[Finding]) -> Iterator[Finding]:
    for row in methods:
        fell = row["is_jump"] and row["share"] < row["share_before"]
        rose = row["is_jump"] and row["share"] > row["share_before"]
        if (fell and row["method"] in STRONG) or (rose and row["method"] in WEAK):
            names = ("method", "deals", "share", "share_before")
            yield {"code": "match_fell" if fell else "match_rose", **{name: row[name] for name in names}}


def _backlog(backlog: Finding) -> Iterator[Finding]:
    if backlog["deals"]:
        oldest = backlog["places"][0]
        yield {"code": "unsorted", **{name: backlog[name] for name in ("deals", "oldest_days")}, **_place(oldest)}


def _slow(stages: Iterable[Finding]) -> Iterator[Finding]:
    for row in stages:
        if row["is_slow"]:
            yield {"code": "slow_stage", **_place(row), **{name: row[name] for name in ("deals", "days", "usual_days", "late")}}


def _new(new: Finding) -> Iterator[Finding]:
    if new["total"]:
        yield {"code": "new_sources", "total": new["total"], "sources": new["sources"][:MOST_NAMED]}


def _place(row: Finding) -> Finding:
    return {"pipeline": row["pipeline"], "stage": row["stage"]}
