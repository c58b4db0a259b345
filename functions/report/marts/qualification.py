"""Which requests of each channel became qualified, which were disqualified, and why. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from functions.report.marts.crm_names import CrmNames
from functions.report.marts.questions import Answers
from functions.report.marts.ratios import divide
from functions.report.marts.tree import NO_SOURCE, channel_of
from shared.warehouse import Row

COUNTS = ("made", "counted", "qualified", "disqualified")
Figures = dict[str, Any]


def qualification_of(settings: Mapping[str, Any], answers: Answers, together: Collection[str] = ()) -> Figures:
    """The block `qualification` of figures.json: whole requests of the period, most counted ones first, "no source" last.

    Qualified and disqualified ones are counted requests; `waiting` are the others of them. Reasons are those of the disqualified
    ones, most first; a reason that no group has is its own group, "" tells none.
    """
    names = CrmNames(settings)
    rows = [_told(row, names, together) for row in answers["qualification"]]
    channels = {row["channel"] for row in rows}
    found = [{"channel": name, **_sum([row for row in rows if row["channel"] == name])} for name in channels]
    found.sort(key=lambda row: (row["channel"] == NO_SOURCE, -row["counted"], -row["made"], row["channel"]))
    return {"total": _sum(rows), "channels": found, "groups": _groups(rows)}


def _told(row: Row, names: CrmNames, together: Collection[str]) -> Figures:
    reason = names.of(row["provider"], "loss_reasons", row["loss_reason"])
    return {
        "channel": NO_SOURCE if row["is_without_source"] else channel_of(row["channel"], together),
        "group": row["loss_group"] or reason,
        "reason": reason,
        **{name: int(row[name]) for name in COUNTS},
    }


def _sum(rows: Sequence[Figures]) -> Figures:
    sums = {name: sum(row[name] for row in rows) for name in COUNTS}
    return {
        **sums,
        "waiting": sums["counted"] - sums["qualified"] - sums["disqualified"],
        "qualified_share": divide(sums["qualified"], sums["counted"]),
        "disqualified_share": divide(sums["disqualified"], sums["counted"]),
        "reasons": _reasons(rows),
    }


def _reasons(rows: Iterable[Figures]) -> list[Figures]:
    found: dict[tuple[str, str], int] = {}
    for row in rows:
        if row["disqualified"]:
            key = row["group"], row["reason"]
            found[key] = found.get(key, 0) + row["disqualified"]
    told = [{"group": group, "reason": reason, "requests": requests} for (group, reason), requests in found.items()]
    return sorted(told, key=lambda row: (-row["requests"], row["group"], row["reason"]))


def _groups(rows: Iterable[Figures]) -> list[Figures]:
    groups: dict[str, list[Figures]] = {}
    for row in _reasons(rows):
        groups.setdefault(row["group"], []).append({"reason": row["reason"], "requests": row["requests"]})
    told = [
        {"group": group, "requests": sum(row["requests"] for row in reasons), "reasons": reasons}
        for group, reasons in groups.items()
    ]
    return sorted(told, key=lambda row: (-row["requests"], row["group"]))
