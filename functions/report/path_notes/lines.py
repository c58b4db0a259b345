"""The touches of a deal's path → lines of its note, in the language of the site's reports: each touch with its day, the model's
choice and why, and by what the deal was tied to its request. They tell nothing of people. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from functions.report.marts.deals import why_of
from functions.report.view.deals import match_text, place_parts, source_text, why_text
from functions.report.view.names import Names
from functions.report.view.words import plural
from shared.times import local_day
from shared.warehouse import Row


def lines_of(touches: Sequence[Row], settings: Mapping[str, Any]) -> list[str]:
    """`touches`: rows of sql/new_deal_paths.sql of one deal, by position; at least one."""
    names, zone = Names(settings), settings["time_zone"]
    words = names.words["path_note"]
    heaviest = next(touch for touch in touches if touch["is_heaviest"])
    place = {name: heaviest[name] or "" for name in ("channel", "source", "campaign")}
    why = why_of(heaviest, settings["attribution"])
    deal = {**place, "why": why, "no_source_reason": None, "match_method": touches[0]["match_method"] or ""}
    length = plural(int(heaviest["path_length"]), names.words["touches_in_all"], names.words)
    lines = [words["length"].format(count=length)]
    for touch in touches:
        told = {name: touch[name] or "" for name in place}
        line = f"{touch['position']}. {local_day(touch['touched_at'], zone):%d.%m.%Y}: {' › '.join(place_parts(told, names))}"
        lines.append(f"{line} ({words['first']})" if int(touch["position"]) == 1 else line)
    lines.append(words["source"].format(source=source_text(deal, names), why=why_text(deal, names.words)))
    return [*lines, words["match"].format(match=match_text(deal, names.words))]
