"""The calls of the telephony: what became of them, by what their visitor was found, and each by itself. Pure."""

from __future__ import annotations

from typing import Any

from functions.report.marts.questions import Answers
from functions.report.marts.tree import NO_SOURCE
from shared.times import lake_text
from shared.warehouse import Row

RESOLVED_BY = ("lease", "code", "late_lease", "caller", "number", "nothing")
UNANSWERED = ("abandoned", "busy", "failed")  # besides missed
FLAGS = ("is_target", "is_unique", "is_repeat", "is_spam", "is_reached", "has_recording", "has_visitor")
TEXTS = ("provider", "call_id", "direction", "number", "outcome", "answered_by", "resolved_by", "other_resolved_by", "request_id")


def calls_of(answers: Answers) -> dict[str, Any]:
    """Calls of the period by what became of them. All but `outgoing` tell of incoming ones; seconds; the mean wait (to the answer,
    or to the end of a call that was not answered) is unrounded, and empty where no call told its wait. `missed` are all that were
    not answered, `outcomes` tell them apart. `list` are the newest calls, both ways, of `list_total`."""
    coming = [row for row in answers["calls"] if row["direction"] == "in"]

    def total(name: str) -> int:
        return sum(int(row[name] or 0) for row in coming)

    resolved = dict.fromkeys(RESOLVED_BY, 0)
    for row in coming:
        resolved[row["resolved_by"]] = resolved.get(row["resolved_by"], 0) + int(row["calls"])
    missed = total("calls") - total("answered")
    apart = {name: total(name) for name in UNANSWERED}
    return {
        "incoming": total("calls"),
        "answered": total("answered"),
        "missed": missed,
        "outcomes": {"missed": missed - sum(apart.values()), **apart},
        "target": total("target"),
        "unique_target": total("unique_target"),
        "repeats": total("repeats"),
        "spam": total("spam"),
        "two_candidates": total("two_candidates"),
        "outgoing": sum(int(row["calls"]) for row in answers["calls"] if row["direction"] == "out"),
        "talk_seconds": total("talk_seconds"),
        "mean_wait_seconds": total("wait_seconds") / total("waits") if total("waits") else None,
        "resolved": resolved,
        "list": [_call(row) for row in answers["call_list"]],
        "list_total": max((int(row["calls_total"]) for row in answers["call_list"]), default=0),
    }


def _call(row: Row) -> dict[str, Any]:
    """`channel`, `source` and `campaign` are those that the default model credits most with the call's request; "no source" where
    it credits none; empty for what makes no request."""
    source = {name: row[name] or "" for name in ("channel", "source", "campaign")}
    if not source["channel"] and row["direction"] == "in" and not row["is_spam"]:
        source["channel"] = NO_SOURCE
    return {
        **{name: row[name] or "" for name in TEXTS},
        "started_at": lake_text(row["started_at"]),
        "wait_seconds": None if row["wait_seconds"] is None else int(row["wait_seconds"]),
        "talk_seconds": None if row["talk_seconds"] is None else int(row["talk_seconds"]),
        "is_answered": bool(row["is_answered"]),
        **{name: bool(row[name]) for name in FLAGS},
        **source,
    }
