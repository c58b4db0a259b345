"""Sheets of calls and call tracking: what became of calls, each by itself, and how pools of numbers served visitors."""

from __future__ import annotations

from typing import Any

from functions.report.view.call_tracking import reason_name, static_name
from functions.report.view.calls import (
    CALL_COUNTS,
    answerers_of,
    further_counts,
    outcome_name,
    resolution_name,
    source_text,
)
from functions.report.workbook.cells import Sheet
from functions.report.workbook.making import Making

NUMBER = 14  # width
# Columns of a call: field, kind of cell, width.
CALL: tuple[tuple[str, str, float], ...] = (
    ("started_at", "instant", 17), ("direction", "text", 13), ("provider", "text", 12), ("number", "text", 16),
    ("outcome", "text", 24), ("wait_seconds", "count", 11), ("talk_seconds", "count", 11), ("answered_by", "text", 18),
    ("is_target", "text", 10), ("is_unique", "text", 12), ("is_repeat", "text", 11), ("is_spam", "text", 8),
    ("is_reached", "text", 14), ("has_recording", "text", 12), ("source", "text", 40), ("resolved_by", "text", 34),
    ("other_resolved_by", "text", 34), ("request_id", "text", 38), ("call_id", "text", 24),
)  # fmt: skip
# Columns of a pool: field, kind of cell.
POOL = (
    ("numbers", "count"), ("visitors", "count"), ("share", "share"), ("leases", "count"), ("pool_full", "count"),
    ("peak_held", "count"), ("peak_utilisation", "share"), ("busiest_from", "instant"), ("arrivals", "count"),
    ("mean_hold_seconds", "count"), ("load", "times"), ("needed", "count"), ("loss", "share"),
)  # fmt: skip


def calls(making: Making) -> Sheet:
    """What calls there were, and by what the incoming ones were resolved; the share is of the incoming ones."""
    words, own = making.words, making.words["workbook"]
    sheet = making.sheet("calls", [(own["what"], "text", 46), (own["value"], "count", NUMBER), (own["share"], "share", NUMBER)])
    told, names = making.figures["calls"], words["calls"]["names"]
    incoming = told["incoming"]

    def add(name: str, count: int) -> None:
        sheet.add([name, count, count / incoming if incoming else None])

    for name in CALL_COUNTS:
        if name in ("incoming", "outgoing"):
            sheet.add([names[name], told[name], None])
        else:
            add(names[name], told[name])
    for label, count in further_counts(told, words):
        add(label, count)
    for name in ("talk_seconds", "mean_wait_seconds"):
        sheet.add([f"{names[name]}, {own['seconds']}", told[name], None])
    for name, count in told["resolved"].items():
        add(f"{words['calls']['resolved_title']}: {resolution_name(name, words)}", count)
    for answerer, count, _ in answerers_of(told):
        add(f"{words['calls']['answerers_title']}: {answerer}", count)
    return sheet


def call_list(making: Making) -> Sheet:
    """One row a call, the newest first. Where the list is cut, a last row says how many there are."""
    own, told = making.words["workbook"], making.figures["calls"]
    sheet = making.sheet("call_list", [(own["call"].get(name) or own[name], kind, width) for name, kind, width in CALL])
    for call in told["list"]:
        sheet.add(_call_cells(making, call))
    sheet.filter()
    if told["list_total"] > len(told["list"]):
        shown = {"shown": making.formats.count(len(told["list"])), "total": making.formats.count(told["list_total"])}
        sheet.add_as(["text"], [own["first_calls"].format(**shown)])
    return sheet


def _call_cells(making: Making, call: Any) -> list[Any]:
    words, yes = making.words, making.words["workbook"]["yes"]
    flags = ("is_target", "is_unique", "is_repeat", "is_spam", "is_reached", "has_recording")
    told = {
        **call,
        **{name: yes if call[name] else None for name in flags},
        "started_at": making.local(call["started_at"]),
        "direction": words["calls"]["directions"].get(call["direction"], call["direction"]),
        "outcome": outcome_name(call, words),
        "source": source_text(call, making.names),
        "resolved_by": resolution_name(call["resolved_by"], words),
        "other_resolved_by": resolution_name(call["other_resolved_by"], words),
    }
    return [told[name] for name, _, _ in CALL]


def call_tracking(making: Making) -> Sheet | None:
    """A row a pool; then why visitors had no number, which calls had no visitor, calls to static numbers, and silent numbers. None
    where no numbers are set up."""
    told, say = making.figures["call_tracking"], making.words["call_tracking"]
    if told is None:
        return None
    heads = {**say["columns"], **_more_heads(making)}
    sheet = making.sheet("call_tracking", [(heads["pool"], "text", 60), *((heads[name], kind, 16.0) for name, kind in POOL)])
    for pool in told["pools"]:
        hour = pool["busiest_hour"] or {"from": None, "arrivals": None}
        cells = {**pool, "busiest_from": making.local(hour["from"]) if hour["from"] else None, "arrivals": hour["arrivals"]}
        sheet.add([pool["pool"], *(cells[name] for name, _ in POOL)])
    sheet.filter()
    sheet.add_as(["text", "count", "count", "share"], [making.words["total"], None, told["visitors"], told["share"]], bold=True)
    for name, count in _further(making, told):
        sheet.add_as(["text", "count"], [name, count])
    return sheet


def _more_heads(making: Making) -> dict[str, str]:
    words, say = making.words, making.words["call_tracking"]
    seconds = words["workbook"]["seconds"]
    return {
        "peak_utilisation": f"{say['columns']['peak_held']}, {words['workbook']['share'].lower()}",
        "busiest_from": say["columns"]["busiest_hour"],
        "arrivals": say["names"]["arrivals"],
        "mean_hold_seconds": f"{say['columns']['mean_hold_seconds']}, {seconds}",
        "load": say["names"]["load"],
        "loss": say["names"]["loss"],
    }


def _further(making: Making, told: Any) -> list[tuple[str, Any]]:
    words, say = making.words, making.words["call_tracking"]
    without = told["calls_without_visitor"]
    rows = [(f"{say['no_number_title']}: {reason_name(row, words)}", row["visitors"]) for row in told["without_number"]]
    rows += [(f"{say['names']['without_visitor']}: {say['no_visitor'][name]}", count) for name, count in without.items()]
    rows += [(f"{say['static_title']}: {static_name(row)}", row["calls"]) for row in told["static_numbers"]]
    rows.append((say["names"]["calls_per_lease"], told["calls_per_lease"]))
    for row in told["silent_numbers"]:
        leases = say["silent_number"].format(number=row["number"], leases=making.formats.count(row["leases"]))
        rows.append((f"{say['names']['silent']}: {leases}, {say['names']['expected']}", row["expected_calls"]))
    return rows


def explained_calls(making: Making) -> list[tuple[str, str, str]]:
    """Name, formula and unit of the figures of call tracking, for the definitions."""
    if making.figures["call_tracking"] is None:
        return []
    say, own = making.words["call_tracking"], making.words["workbook"]
    names = {**say["columns"], **say["names"]}
    units = {"share": own["kinds"]["ratio"], "mean_hold_seconds": own["seconds"], "load": say["names"]["erlang"]}
    return [(names[name], text, units.get(name, making.words["customers"]["pieces"])) for name, text in say["formulas"].items()]
