"""What the workbook is of, and sheets of sums: summary, channels, models, contact channels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from functions.report.figures import MEASURES
from functions.report.view.contacts import CONTACT_MEASURES, contact_name, contact_total
from functions.report.view.formats import clean
from functions.report.view.model import subtotals_of
from functions.report.workbook.cells import Sheet, kind_of
from functions.report.workbook.making import Making

NAME, NUMBER = 30, 14  # widths


def scope(making: Making) -> Sheet | None:
    """Whose figures these are, where they are not those of the whole site."""
    figures, say = making.figures, making.words["snapshot"]["scope"]
    if not figures.get("scope"):
        return None
    period, own = figures["period"], making.words["workbook"]["settings"]
    sheet = making.titled(say["name"], [(say["what"], "text", NAME), (making.words["workbook"]["value"], "wrap", 90)])
    sheet.add([say["name"], clean(figures["scope"])])
    sheet.add([say["means"], say["note"]])
    sheet.add([own["site"], clean(figures["site"]["name"])])
    sheet.add([own["period"], f"{period['from']} … {period['to']}"])
    return sheet


def summary(making: Making) -> Sheet:
    """Every measure of the period, of the period before, and the change between them."""
    words, own = making.words, making.words["workbook"]
    figures = making.figures
    days = {"now": figures["period"], "before": figures["previous"]["period"]}
    titles = [f"{own[name]}: {one['from']} … {one['to']}" for name, one in days.items()]
    columns = [(title, "plain", 26.0) for title in titles] + [(own["change"], "plain", 18.0)]
    sheet = making.sheet("summary", [(own["measure"], "text", NAME), *columns])
    for measure in MEASURES:
        kind = kind_of(measure)
        values = [figures["totals"][measure], figures["previous"]["totals"][measure], figures["change"][measure]]
        sheet.add_as(["text", kind, kind, "ratio"], [_measure(measure, words), *values])
        if measure == "romi":
            roi = [None if romi is None else romi + 1 for romi in values[:2]]
            sheet.add_as(["text", kind, kind, "ratio"], [own["roi"], *roi, values[2]])
    return sheet


def channels(making: Making) -> Sheet:
    """Channel → source → campaign, every row; the outline folds what is deeper. Subtotals and the total stand last,
    outside the filter."""
    words, own = making.words, making.words["workbook"]
    places = [(own[name], "text", NAME) for name in ("channel", "source", "campaign")]
    measures = [(_measure(measure, words), kind_of(measure), NUMBER) for measure in MEASURES]
    sheet = making.sheet("channels", [*places, (own["level"], "text", 11), *measures, (words["verdict"], "text", 14)])

    def add(names: list[str], level: str, row: Mapping[str, Any], depth: int) -> None:
        shown = [*names, *[""] * (3 - len(names)), own["levels"].get(level, "")]
        verdict = words["verdicts"].get(row.get("verdict"), "")
        sheet.add([*shown, *(row[measure] for measure in MEASURES), verdict], bold=depth == 0, level=depth)

    for channel in making.figures["channels"]:
        name = making.names.channel(channel["channel"])
        add([name], "channel", channel, 0)
        for source in channel["sources"]:
            names = [name, making.names.source(channel["channel"], source)]
            add(names, "source", source, 1)
            for campaign in source["campaigns"]:
                add([*names, making.names.campaign(campaign)], "campaign", campaign, 2)
    sheet.filter()
    for subtotal in subtotals_of(making.figures, making.formats, words):
        add([subtotal["name"]], "", subtotal["figures"], 0)
    add([words["total"]], "", making.figures["totals"], 0)
    return sheet


def contact_channels(making: Making) -> Sheet:
    """Requests by the way people got in touch, and their sum."""
    words, own = making.words, making.words["workbook"]
    measures = [(_measure(measure, words), kind_of(measure), 18) for measure in CONTACT_MEASURES]
    columns = [(words["contact_name"], "text", NAME), (own["made"], "count", NUMBER), *measures]
    sheet = making.sheet("contact_channels", columns)
    rows = making.figures["contact_channels"]
    for row in rows:
        sheet.add([contact_name(row["contact_channel"], words), row["made"], *(row[name] for name in CONTACT_MEASURES)])
    sheet.filter()
    total = contact_total(rows)
    sheet.add([words["total"], total["made"], *(total[name] for name in CONTACT_MEASURES)], bold=True)
    return sheet


def _measure(measure: str, words: Mapping[str, Any]) -> str:
    return str(words["metrics"][measure])
