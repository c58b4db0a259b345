"""How far the mail's figures can be trusted: five checks that every mail tells, then what else asks for action.

A line is (tone, text).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from functions.report.view.findings import days_text
from functions.report.view.formats import Formats, clean
from functions.report.view.names import Names
from functions.report.view.notes import MOST_NAMED, Line
from functions.report.view.stale import stale_line

MOST_WARNINGS = 6  # besides the five checks
MOST_TEXT = 600
MOST_NAME = 40
Figures = Mapping[str, Any]


def quality_checks(figures: Figures, view: Mapping[str, Any], formats: Formats) -> list[Line]:
    """Requests without a source by reason, days without costs, the unsorted backlog, requests too young to have sold, figures that
    changed after the fact; then at most six of the report's own warnings, and how many more there are."""
    names: Names = view["names"]
    lines = [
        _without_source(figures, formats, names),
        *_cost_gaps(figures, formats, names),
        _unsorted(figures, formats, names),
        _immature(figures, formats, names),
        ("", view["restated"]["line"]) if view["restated"]["line"] else ("good", names.words["mail"]["quality"]["restated_none"]),
    ]
    warnings = [line for line in view["quality_short"] if line[0] == "warn"]
    lines += warnings[:MOST_WARNINGS]
    if len(warnings) > MOST_WARNINGS:
        left = formats.count(len(warnings) - MOST_WARNINGS)
        lines.append(("", names.words["mail"]["quality"]["left"].format(count=left)))
    return [(tone, short(text, MOST_TEXT)) for tone, text in lines]


def scope_checks(figures: Figures, formats: Formats, names: Names) -> list[Line]:
    """What can be told to a reader of a scope: whether its last day is whole, requests too young to have sold where that is known,
    and revenue without a cost price. Everything else is known of the whole site alone."""
    quality, say = figures["data_quality"], names.words["mail"]["quality"]
    is_whole = quality["is_last_day_complete"]
    lines: list[Line] = [("good", say["last_day_whole"]) if is_whole else ("warn", stale_line(figures, names.words))]
    if quality["immature"]["median_days"] is not None:
        lines.append(_immature(figures, formats, names))
    if unpriced := quality["without_cost_price"]["revenue"]:
        lines.append(("warn", names.words["quality"]["cost_price"].format(revenue=formats.money(unpriced))))
    return lines


def short(text: str, most: int) -> str:
    """A sentence of our own, cut where names made it too long. Spaces within numbers stay what they are."""
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"


def _without_source(figures: Figures, formats: Formats, names: Names) -> Line:
    say, reasons = names.words["mail"]["quality"], figures["data_quality"]["requests"]["without_source"]
    count = sum(reasons.values())
    if not count:
        return "good", say["no_source_none"]
    named = sorted((item for item in reasons.items() if item[1]), key=lambda item: (-item[1], item[0]))
    listed = ", ".join(f"{_reason(reason, names)} {formats.count(requests)}" for reason, requests in named)
    return "warn", say["no_source"].format(count=formats.count(count), list=listed)


def _reason(reason: str, names: Names) -> str:
    known = names.words["reasons"].get(reason)
    return str(known[0]).lower() if known else clean(reason, MOST_NAME)


def _cost_gaps(figures: Figures, formats: Formats, names: Names) -> Iterator[Line]:
    gaps, say = figures["data_quality"].get("cost_gaps"), names.words["mail"]["quality"]
    if gaps is None:
        return
    if not gaps:
        yield "good", say["cost_gaps_none"]
        return
    listed = []
    for gap in gaps[:MOST_NAMED]:
        first, last = (date.fromisoformat(gap[end]) for end in ("first", "last"))
        days = formats.short_day(first) if first == last else f"{formats.short_day(first)} – {formats.short_day(last)}"
        channel = clean(names.channel(gap["channel"]), MOST_NAME)
        listed.append(say["cost_gap"].format(channel=channel, count=formats.count(gap["days"]), days=days))
    if len(gaps) > MOST_NAMED:
        listed.append(names.words["quality"]["more"].format(count=formats.count(len(gaps) - MOST_NAMED)))
    yield "warn", say["cost_gaps"].format(list="; ".join(listed))


def _unsorted(figures: Figures, formats: Formats, names: Names) -> Line:
    say, backlog = names.words["mail"]["quality"], figures["source_control"]["unsorted"]
    if not backlog["deals"]:
        return "good", say["unsorted_none"]
    oldest = days_text(backlog["oldest_days"], formats, names)
    return "warn", say["unsorted"].format(count=formats.count(backlog["deals"]), days=oldest)


def _immature(figures: Figures, formats: Formats, names: Names) -> Line:
    say, told = names.words["mail"]["quality"], figures["data_quality"]["immature"]
    if not told["requests"] or told["share"] is None:
        return ("good", say["immature_none"]) if told["median_days"] is not None else ("", say["immature_unknown"])
    values = {"count": formats.count(told["requests"]), "share": formats.share(told["share"])}
    return "", say["immature"].format(**values, days=formats.decimal(told["median_days"], 1, fixed=False))
