"""Calls as texts: what became of them, by what their visitor was found, and the latest that nobody answered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from functions.report.marts.tree import NO_SOURCE
from functions.report.view.contacts import MOST_NAME, duration
from functions.report.view.formats import EMPTY, Formats, clean
from functions.report.view.names import Names
from shared.times import from_lake_text

CALL_COUNTS = ("incoming", "answered", "missed", "target", "unique_target", "outgoing")
FURTHER_COUNTS = ("repeats", "spam", "two_candidates")
MOST_MISSED = 10
MOST_RECORDED = 20
MOST_ANSWERERS = 20
View = dict[str, Any]
Words = Mapping[str, Any]


def call_lines(calls: Mapping[str, Any], formats: Formats, names: Names) -> View:
    """Pairs of name and figure: what calls there were, what else the page has room for (`more`), who answered, and how the incoming
    ones were resolved. `missed` are the latest calls that nobody answered, `recorded` the latest that can be listened to."""
    words = names.words
    say = words["calls"]
    counts = [(say["names"][name], formats.count(calls[name])) for name in CALL_COUNTS]
    wait = calls["mean_wait_seconds"]
    counts.append((say["names"]["talk_seconds"], duration(calls["talk_seconds"], formats, words)))
    counts.append((say["names"]["mean_wait_seconds"], EMPTY if wait is None else duration(wait, formats, words)))
    # Visitors' codes are off where nobody sets them.
    resolved = [
        (resolution_name(name, words), formats.count(count)) for name, count in calls["resolved"].items() if count or name != "code"
    ]
    return {
        "is_empty": not (calls["incoming"] or calls["outgoing"]),
        "counts": counts,
        "more": [(name, formats.count(count)) for name, count in _telling(calls, words)],
        "resolved": resolved,
        "answerers": [
            (name, say["answered_and_talked"].format(count=formats.count(count), time=duration(seconds, formats, words)))
            for name, count, seconds in answerers_of(calls)
        ],
        "missed": [_missed(call, formats, names) for call in unanswered(calls)[:MOST_MISSED]],
        "recorded": [_recorded(call, formats, names) for call in recorded(calls)[:MOST_RECORDED]],
    }


def further_counts(calls: Mapping[str, Any], words: Words) -> list[tuple[str, int]]:
    """Why calls were not answered, and what else is known of incoming ones."""
    say = words["calls"]
    outcomes = [(say["outcomes"][name], count) for name, count in calls["outcomes"].items()]
    return [*outcomes, *((say["names"][name], calls[name]) for name in FURTHER_COUNTS)]


def _telling(calls: Mapping[str, Any], words: Words) -> list[tuple[str, int]]:
    """Of these those that are something; that nobody answered is told already where it is the only reason."""
    told = further_counts(calls, words)
    if not any(count for name, count in calls["outcomes"].items() if name != "missed"):
        told = told[len(calls["outcomes"]) :]
    return [(name, count) for name, count in told if count]


def unanswered(calls: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Listed incoming calls that nobody answered, without spam, the newest first."""
    return [call for call in calls["list"] if call["direction"] == "in" and not call["is_answered"] and not call["is_spam"]]


def recorded(calls: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Listed calls whose recording the page's route can play (functions/report/recordings), the newest first."""
    return [call for call in calls["list"] if call["has_recording"] and call["request_id"]]


def answerers_of(calls: Mapping[str, Any]) -> list[tuple[str, int, int]]:
    """Who answered how many incoming calls and talked how many seconds, most first; nobody where calls are not listed, or too many
    people answered for a list."""
    told: dict[str, tuple[int, int]] = {}
    for call in calls["list"] if calls["list_total"] <= len(calls["list"]) else ():
        if call["direction"] == "in" and call["is_answered"] and call["answered_by"]:
            count, seconds = told.get(call["answered_by"], (0, 0))
            told[call["answered_by"]] = count + 1, seconds + (call["talk_seconds"] or 0)
    ordered = sorted(told.items(), key=lambda pair: (-pair[1][0], pair[0]))
    return [(clean(name, MOST_NAME), *sums) for name, sums in ordered] if len(told) <= MOST_ANSWERERS else []


def resolution_name(resolved_by: str, words: Words) -> str:
    """What a call was resolved by."""
    return words["calls"]["resolved"].get(resolved_by) or clean(resolved_by, MOST_NAME)


def outcome_name(call: Mapping[str, Any], words: Words) -> str:
    """How a call ended."""
    return words["calls"]["outcomes"].get(call["outcome"]) or clean(call["outcome"], MOST_NAME)


def source_text(call: Mapping[str, Any], names: Names) -> str:
    """Channel, and source and campaign where they are known; "" for what makes no request."""
    if not call["channel"] or call["channel"] == NO_SOURCE:
        return names.channel(NO_SOURCE) if call["channel"] else ""
    parts = [names.channel(call["channel"])]
    if call["source"]:
        parts.append(clean(names.source(call["channel"], call), MOST_NAME))
    return " › ".join([*parts, *([clean(call["campaign"], MOST_NAME)] if call["campaign"] else [])])


def _recorded(call: Mapping[str, Any], formats: Formats, names: Names) -> View:
    return {
        "id": call["request_id"],
        "at": formats.short_instant(from_lake_text(call["started_at"])),
        "number": clean(call["number"], MOST_NAME),
        "talk": duration(call["talk_seconds"] or 0, formats, names.words),
        "source": source_text(call, names),
        "answered_by": clean(call["answered_by"] or "", MOST_NAME) or EMPTY,
    }


def _missed(call: Mapping[str, Any], formats: Formats, names: Names) -> View:
    words = names.words
    return {
        "at": formats.short_instant(from_lake_text(call["started_at"])),
        "number": clean(call["number"], MOST_NAME),
        "outcome": outcome_name(call, words),
        "wait": EMPTY if call["wait_seconds"] is None else duration(call["wait_seconds"], formats, words),
        "source": source_text(call, names),
        "then": words["calls"]["reached" if call["is_reached"] else "not_reached"],
        "tone": "" if call["is_reached"] else "bad",
    }
