"""What a report shows, as texts, once for mail, text part and page: every figure is formatted here and nowhere else."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from functions.report.figures import ADDITIVE, MEASURES, POINTS
from functions.report.marts.tree import NO_SOURCE
from functions.report.view.budget import budget_view
from functions.report.view.call_tracking import call_tracking_view
from functions.report.view.calls import call_lines
from functions.report.view.contacts import contact_rows
from functions.report.view.customers import cohort_view, customer_view
from functions.report.view.drivers import driver_rows
from functions.report.view.formats import EMPTY, Formats, clean
from functions.report.view.funnel import funnel_view
from functions.report.view.left_out import left_out_rows, unknown_rows
from functions.report.view.models import models_view
from functions.report.view.names import Names
from functions.report.view.notes import Line, quality_lines, short_lines
from functions.report.view.payback import income_view, payback_view
from functions.report.view.plan import plan_view
from functions.report.view.qualification import qualification_view
from functions.report.view.restated import restated_view
from functions.report.view.source_control import source_control_view
from functions.report.view.stale import stale_line
from functions.report.view.team import team_view
from functions.report.view.tiles import tile_rows
from functions.report.view.verdict import verdict_lines
from functions.report.view.words import plural
from shared.report_settings import SECTIONS
from shared.times import from_lake_text

MOST_PAGE_DEALS = 200  # in the page's own table; the workbook and the page's app have the rest
# Parts with a definition of their own → the section that they stand in.
TERMS = {
    "plan": "plan", "drivers": "summary", "payback": "payback", "income": "income", "funnel": "funnel",
    "qualification": "qualification", "team": "team", "budget": "budget",
}  # fmt: skip
View = dict[str, Any]
Figures = Mapping[str, Any]


def view_of(figures: Figures, settings: Mapping[str, Any], page_url: str = "") -> View:
    """Everything that the templates need; they add only layout. Names are cleaned, not escaped: escaping is the template's."""
    names = Names(settings)
    words, language = names.words, settings["report"]["language"]
    site, period = figures["site"], figures["period"]
    formats = Formats(language, site["currency"], site["time_zone"])
    time, day, place = formats.instant(from_lake_text(figures["data_to"]))
    days = _days(period, formats)
    name = clean(site["name"], 120)
    quality = figures["data_quality"]
    remarks = quality_lines(quality, formats, names)
    short = short_lines(quality, formats, words)
    restated = restated_view(figures, formats, words)
    if restated["line"]:
        short.append(("info", restated["line"]))
    tracking = call_tracking_view(figures, formats, words)
    if tracking and tracking["line"]:
        short.append(("warn", tracking["line"]))
    return {
        "language": language,
        "words": words,
        "site": name,
        "scope": clean(figures.get("scope") or "", 120),
        "subject": words["subject"].format(site=name, period=days),
        "period": days,
        "against": words["against"].format(period=_days(figures["previous"]["period"], formats)),
        "data_to": words["data_to"].format(time=time, day=day, place=place),
        "stale": stale_line(figures, words),
        "is_empty": not any(figures["totals"][measure] for measure in ADDITIVE),
        "sections": sections_of(settings),
        "verdict_lines": verdict_lines(figures, formats, names),
        "tiles": tile_rows(figures, formats, words),
        "drivers": driver_rows(figures, formats, names),
        "plan": plan_view(figures, formats, names),
        "payback": payback_view(figures, formats, names),
        "income": income_view(figures, formats, names),
        "funnel": funnel_view(figures, formats, names),
        "qualification": qualification_view(figures, formats, names),
        "team": team_view(figures, formats, names),
        "budget": budget_view(figures, formats, names),
        "symbol": formats.symbol,
        "names": names,
        "control": source_control_view(figures, formats, names),
        "channels": [_channel(channel, formats, names) for channel in figures["channels"]],
        "subtotals": subtotals_of(figures, formats, words),
        "totals": cells(figures["totals"], formats),
        "model_name": words["models"].get(figures["model"], figures["model"]),
        "models": models_view(figures, formats, names),
        "basis": words["date_basis"][figures["date_basis"]],
        "own_basis": words["own_basis"] if figures["date_basis"] != "request" else "",
        "contacts": contact_rows(figures, formats, words),
        "calls": call_lines(figures["calls"], formats, names),
        "call_tracking": tracking,
        "customers": customer_view(figures["customers"], formats, words),
        "cohorts": cohort_view(figures["cohorts"], formats, names),
        "deal_counts": _deal_counts(figures, formats, words),
        "quality": remarks,
        "quality_short": sorted([*remarks, *short], key=_asks_nothing) or [("ok", words["quality"]["good"])],
        "left_out": left_out_rows(quality, formats, words),
        "unknown": unknown_rows(quality, formats),
        "restated": restated,
        "definitions": _definitions(figures, settings, formats, words),
        "page_url": page_url,
    }


def sections_of(settings: Mapping[str, Any]) -> tuple[str, ...]:
    """What the report is made of, in order: those that the settings choose, else all (settings of before had no choice)."""
    return tuple(settings["report"].get("sections") or SECTIONS)


def _asks_nothing(line: Line) -> bool:
    return line[0] != "warn"


def cells(m: Mapping[str, Any], formats: Formats) -> dict[str, dict[str, str]]:
    """Texts of a row's measures; losing and earning ones carry a tone."""
    return {measure: {"text": formats.figure(measure, m[measure]), "tone": _sign(measure, m[measure])} for measure in MEASURES}


def subtotals_of(figures: Figures, formats: Formats, words: Mapping[str, Any]) -> list[View]:
    """Advertising and all else that has a source, where there are both."""
    told = {kind: figures["ads"][kind] for kind in ("ads", "not_ads")}
    if not all(any(m[measure] for measure in ADDITIVE) for m in told.values()):
        return []
    return [{"name": words["subtotals"][kind], "figures": m, "cells": cells(m, formats)} for kind, m in told.items()]


def _sign(measure: str, value: Any) -> str:
    if value is None:
        return "none"
    if measure not in POINTS or round(value, 3) == 0:
        return ""
    return "good" if value > 0 else "bad"


def _days(period: Mapping[str, str], formats: Formats) -> str:
    return formats.days(date.fromisoformat(period["from"]), date.fromisoformat(period["to"]))


def _channel(channel: Figures, formats: Formats, names: Names) -> View:
    words = names.words
    interval = channel["sale_rate_interval"]
    low_high = {"low": formats.share(interval[0]).rstrip("%\u00a0"), "high": formats.share(interval[1])} if interval else {}
    return {
        "name": names.channel(channel["channel"]),
        "colour": names.channel_colour(channel["channel"]),
        "anchor": channel["anchor"],
        "is_no_source": channel["channel"] == NO_SOURCE,
        "figures": channel,
        "cells": cells(channel, formats),
        "verdict": channel["verdict"] or "",
        "verdict_name": words["verdicts"].get(channel["verdict"], ""),
        "interval": words["interval"].format(**low_high) if interval else "",
        "sources": [_source(channel["channel"], source, formats, names) for source in channel["sources"]],
    }


def _source(channel: str, source: Figures, formats: Formats, names: Names) -> View:
    return {
        "name": names.source(channel, source),
        "colour": names.source_colour(channel, source["source"]),
        "figures": source,
        "cells": cells(source, formats),
        "campaigns": [
            {"name": names.campaign(campaign), "figures": campaign, "cells": cells(campaign, formats)}
            for campaign in source["campaigns"]
        ],
    }


def _deal_counts(figures: Figures, formats: Formats, words: Mapping[str, Any]) -> View:
    """How many deals there are, and what of them the page lists."""
    shown, total = min(len(figures["deals"]), MOST_PAGE_DEALS), figures["deals_total"]
    numbers = {"shown": formats.count(shown), "total": formats.count(total)}
    return {
        "total": total,
        "in_all": plural(total, words["deals"]["count"], words),
        "cut": words["deals"]["first"].format(**numbers) if total > shown else "",
        "of_all": plural(total, words["deals"]["count_of"], words),
    }


def _definitions(
    figures: Figures, settings: Mapping[str, Any], formats: Formats, words: Mapping[str, Any]
) -> list[tuple[str, str]]:
    """Pairs of term and explanation, in the order of the table; what depends on the date basis is said for that of the report, and
    of parts with a definition of their own those alone that it has."""
    thresholds, shown = settings["report"]["thresholds"], sections_of(settings)
    romi, basis = figures["totals"]["romi"], figures["date_basis"]
    limits = {
        "roi": EMPTY if romi is None else formats.share(romi + 1),
        "good": formats.percent(float(thresholds["good"])),
        "normal": formats.percent(float(thresholds["normal"])),
        "minimum": thresholds["minimum_sales"],
        "basis": words["date_basis"][basis],
    }
    limits["days"] = figures["budget"]["immature_days"]
    told = {**words["definitions"], **words["definitions_by_basis"].get(basis, {})}
    texts = [*told.values(), *(words[term]["definition"] for term, section in TERMS.items() if section in shown)]
    lines = (text.format(**limits).partition(": ") for text in texts)
    return [(term, text) for term, _, text in lines]
