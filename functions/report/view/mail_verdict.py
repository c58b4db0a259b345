"""The verdict as the mail tells it: at most seven sentences, the verdict on advertising at a sentence about advertising."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from functions.report.view.formats import Formats
from functions.report.view.names import Names
from functions.report.view.verdict import verdict_lines

MOST_LINES = 7
ABOUT_ADS = ("ads", "few_data")  # how the codes of sentences about all advertising begin
View = dict[str, Any]


def mail_verdict(figures: Mapping[str, Any], formats: Formats, names: Names) -> View:
    """{lines: [{tone, text, anchor, pill}], left}. `pill` is the verdict on all advertising, at the first sentence about it alone;
    "" elsewhere. `left` tells how many sentences the page has besides: the least harmful ones, by the order of the verdict."""
    told = figures["verdict"]
    lines = [{**line, "pill": ""} for line in verdict_lines(figures, formats, names)]
    about_ads = (place for place, part in enumerate(told["parts"]) if part["code"].startswith(ABOUT_ADS))
    place = next(about_ads, None)
    if place is not None and told["tone"] in names.words["verdicts"]:
        lines[place]["pill"] = told["tone"]
    left = len(lines) - MOST_LINES
    more = names.words["mail"]["verdict_left"].format(count=formats.count(left)) if left > 0 else ""
    return {"lines": lines[:MOST_LINES], "left": more}
