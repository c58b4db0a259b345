"""What changed in days that were over before, as rows for the page, and as one line for the mail."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from functions.report.marts.restated import COUNTS
from functions.report.view.formats import EMPTY, Formats
from functions.report.view.words import plural
from shared.times import from_lake_text

MOST_NAMED = 6
View = dict[str, Any]
Words = Mapping[str, Any]


def restated_view(figures: Mapping[str, Any], formats: Formats, words: Words) -> View:
    """`rows` by figure and reason, `since` as readers know time, `line` with the first of them ("" where nothing changed)."""
    told = figures["restated"]
    say = words["restated"]
    time, day, _ = formats.instant(from_lake_text(told["since"]))
    since = say["since"].format(time=time, day=day)
    rows = [_row(row, formats, words) for row in told["figures"]]
    listed = "; ".join(row["text"] for row in rows[:MOST_NAMED])
    if len(rows) > MOST_NAMED:
        listed = f"{listed}; {words['quality']['more'].format(count=formats.count(len(rows) - MOST_NAMED))}"
    return {"rows": rows, "since": since, "line": say["line"].format(since=since, list=listed) if rows else ""}


def reason_name(reason: str, words: Words) -> str:
    """Why a figure changed, in a few words."""
    return str(words["restated"]["reasons"].get(reason, (reason, ""))[0])


def difference(row: Mapping[str, Any]) -> Any:
    """New less old; an empty side counts as nothing."""
    return (row["new"] or 0) - (row["old"] or 0)


def _row(row: Mapping[str, Any], formats: Formats, words: Words) -> View:
    say, is_moved = words["restated"], row["moved"] is not None
    days = plural(row["days"], say["days"], words)
    shown = {
        "name": words["metrics"][row["metric"]],
        "why": reason_name(row["reason"], words),
        "help": say["reasons"].get(row["reason"], ("", ""))[1],
        "old": EMPTY if is_moved else _shown(row["metric"], row["old"], formats),
        "new": EMPTY if is_moved else _shown(row["metric"], row["new"], formats),
        "change": say["moved"].format(value=_shown(row["metric"], row["moved"], formats)) if is_moved else _signed(row, formats),
        "days": formats.count(row["days"]),
    }
    text = say["moved_text" if is_moved else "text"].format(**{**shown, "days": days}, value=shown["change"])
    return {**shown, "text": text}


def _shown(metric: str, value: Any, formats: Formats) -> str:
    return formats.count(value) if metric in COUNTS else formats.money(value)


def _signed(row: Mapping[str, Any], formats: Formats) -> str:
    change = difference(row)
    return ("+" if change > 0 else "") + _shown(row["metric"], change, formats)
