"""Call tracking as texts, for page and workbook; of what asks for action one line for the mail."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from functions.report.view.contacts import MOST_NAME, duration
from functions.report.view.formats import EMPTY, Formats, clean
from functions.report.view.words import plural
from shared.times import from_lake_text

POOL_MEASURES = (
    "numbers", "visitors", "share", "leases", "pool_full", "peak_held", "busiest_hour", "mean_hold_seconds", "needed",
)  # fmt: skip
MOST_NAMED = 5
View = dict[str, Any]
Words = Mapping[str, Any]


def call_tracking_view(figures: Mapping[str, Any], formats: Formats, words: Words) -> View | None:
    """What the templates need; None where no numbers are set up. `line` is "" where nothing asks for action."""
    told = figures["call_tracking"]
    if told is None:
        return None
    say = words["call_tracking"]
    warnings = warnings_of(told, formats, words)
    return {
        "lead": _lead(told, formats, words),
        "measures": [(name, say["columns"][name]) for name in POOL_MEASURES],
        "pools": [_pool(pool, formats, words) for pool in told["pools"]],
        "lists": [part for part in _lists(told, formats, words) if part["rows"]],
        "warnings": warnings,
        "line": " ".join(warnings),
    }


def warnings_of(told: Mapping[str, Any], formats: Formats, words: Words) -> list[str]:
    """Sentences about pools that ran short, and about numbers that should have rung and did not."""
    say, lines = words["call_tracking"], []
    short = [pool for pool in told["pools"] if pool["is_short"]]
    if short:
        names = [_short(pool, formats, words) for pool in short]
        lines.append(say["short"].format(list=_listed(names, formats, words)))
    if told["silent_numbers"]:
        names = [
            say["silent_number"].format(number=clean(row["number"], MOST_NAME), leases=formats.count(row["leases"]))
            for row in told["silent_numbers"]
        ]
        lines.append(say["silent"].format(list=_listed(names, formats, words)))
    return lines


def reason_name(row: Mapping[str, Any], words: Words) -> str:
    """Why a visitor has no number of his own, and what he sees."""
    say = words["call_tracking"]
    reason = say["reasons"].get(row["reason"]) or clean(row["reason"], MOST_NAME) or words["unset"]
    return f"{reason} ({say['kinds'].get(row['kind'], clean(row['kind'], MOST_NAME))})"


def static_name(row: Mapping[str, Any]) -> str:
    """A static number with the source that it belongs to."""
    marks = " / ".join(clean(row[name], MOST_NAME) for name in ("source", "medium", "campaign") if row[name])
    return f"{row['number']} · {marks}"


def _lead(told: Mapping[str, Any], formats: Formats, words: Words) -> str:
    say = words["call_tracking"]
    if not told["visitors"]:
        return str(say["nobody"])
    shown = {name: formats.count(told[name]) for name in ("visitors", "with_number")}
    text = say["lead"].format(**shown, share=formats.share(told["share"]))
    if told["excluded"]:
        text = f"{text} {say['excluded'].format(count=formats.count(told['excluded']))}"
    return str(text)


def _pool(pool: Mapping[str, Any], formats: Formats, words: Words) -> View:
    def count(name: str) -> str:
        return EMPTY if pool[name] is None else formats.count(pool[name])

    peak, hour, hold = pool["peak_utilisation"], pool["busiest_hour"], pool["mean_hold_seconds"]
    notes = {
        "peak_held": "" if peak is None else formats.share(peak),
        "busiest_hour": formats.short_instant(from_lake_text(hour["from"])) if hour else "",
        "needed": words["call_tracking"]["loses"].format(share=formats.share(pool["loss"])) if pool["loss"] is not None else "",
    }
    texts = {name: count(name) for name in ("numbers", "visitors", "leases", "pool_full", "peak_held", "needed")}
    texts |= {
        "share": EMPTY if pool["share"] is None else formats.share(pool["share"]),
        "busiest_hour": formats.count(hour["arrivals"]) if hour else EMPTY,
        "mean_hold_seconds": EMPTY if hold is None else duration(hold, formats, words),
    }
    is_tight = pool["needed"] is not None and pool["numbers"] is not None and pool["needed"] > pool["numbers"]
    tones = {"pool_full": "bad" if pool["is_short"] else "", "needed": "bad" if is_tight else ""}
    cells = {name: {"text": texts[name], "note": notes.get(name, ""), "tone": tones.get(name, "")} for name in POOL_MEASURES}
    return {"name": clean(pool["pool"], MOST_NAME), "cells": cells}


def _lists(told: Mapping[str, Any], formats: Formats, words: Words) -> list[View]:
    say = words["call_tracking"]
    without = told["calls_without_visitor"]
    total = sum(without.values())
    shown = say["no_visitor_title"].format(count=plural(total, say["calls_of"], words), total=formats.count(told["calls"]))
    return [
        {
            "title": say["no_number_title"],
            "rows": [(reason_name(row, words), formats.count(row["visitors"])) for row in told["without_number"]],
        },
        {
            "title": shown,
            "rows": [(say["no_visitor"][name], formats.count(count)) for name, count in without.items() if count],
        },
        {
            "title": say["static_title"],
            "rows": [(static_name(row), formats.count(row["calls"])) for row in told["static_numbers"]],
        },
    ]


def _short(pool: Mapping[str, Any], formats: Formats, words: Words) -> str:
    say = words["call_tracking"]
    known = {"pool": clean(pool["pool"], MOST_NAME), "count": formats.count(pool["pool_full"])}
    if pool["needed"] is None or pool["numbers"] is None or pool["needed"] <= pool["numbers"]:
        return str(say["short_pool"].format(**known))
    return str(
        say["short_pool_needs"].format(**known, numbers=formats.count(pool["numbers"]), needed=formats.count(pool["needed"]))
    )


def _listed(names: list[str], formats: Formats, words: Words) -> str:
    left = len(names) - MOST_NAMED
    shown = ", ".join(names[:MOST_NAMED])
    return shown if left <= 0 else f"{shown} {words['quality']['more'].format(count=formats.count(left))}"
