"""What the mail shows, as texts: the report's own view, cut to what its owner reads in twenty seconds; the rest is a link away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from urllib.parse import quote, urlencode

from functions.report.figures import ADDITIVE, added
from functions.report.view.amounts import said
from functions.report.view.customers import month_name
from functions.report.view.drivers import driver_rows
from functions.report.view.formats import EMPTY, MONEY, Formats, clean
from functions.report.view.mail_control import control_table
from functions.report.view.mail_fit import fitting, longest, table_fit
from functions.report.view.mail_quality import quality_checks, scope_checks, short
from functions.report.view.mail_sales import newest_sales
from functions.report.view.mail_verdict import mail_verdict
from functions.report.view.model import cells
from functions.report.view.names import Names
from functions.report.view.plan import LESS_IS_BETTER, plan_view
from functions.report.view.tiles import tile_rows
from functions.report.view.words import plural
from shared.report_settings import SECTIONS

MEASURES = ("cost", "requests", "sales", "revenue", "margin_romi")  # columns of the table of channels
MORE_MEASURES = ("visits", "requests", "gross_profit", "cpl", "cpo", "roas", "romi")  # told of the whole in one line
PARTS = (
    "summary",
    "channels",
    "deals",
    "source_control",
    "quality",
    "plan",
)  # sections that the mail has, in its order; the page has all
LINKED = ("channels", "deals", "payback", "funnel", "models", "calls", "customers", "qualification", "team", "budget", "method")
MOST_ROWS = 12  # of channels: with "no source" and the sum of the rest
MOST_FINDINGS = 5
MOST_PLAN_LINES = 5
PLAN_TONES = {"good": "good", "bad": "warn"}
MOST_PLACE = 400  # characters of a place in a link; a longer one leads to the table
MOST_SITE = 120
MOST_TEXT = 240  # characters of a sentence with names in it
MOST_SUBJECT_NAME = 60
PLAIN_ROW = {"colour": "", "verdict": "", "interval": "", "url": ""}
TILE_ROOM = 104  # px: a fifth of a mail of 600, the narrowest screen that has five tiles in a line
VALUE_SIZE, NOTE_SIZE = 19, 12  # px, of a tile's figure and of what stands under it
UP, DOWN = "▲", "▼"
View = dict[str, Any]
Figures = Mapping[str, Any]


def mail_view(figures: Figures, settings: Mapping[str, Any], view: View, formats: Formats, page_url: str) -> View:
    """`view` of the report with what the mail says in its own way."""
    names: Names = view["names"]
    words, kind = names.words, figures.get("kind", "day")
    say, shown = words["mail"], parts_of(settings)
    verdict, scope = mail_verdict(figures, formats, names), figures.get("scope") or ""
    name = clean(figures["site"]["name"], MOST_SUBJECT_NAME)
    days = _days(figures, formats, words)
    findings = view["control"]["findings"]
    left = len(findings) - MOST_FINDINGS
    sales = newest_sales(figures, formats, names)
    drivers = driver_rows(figures, formats, names)
    return {
        "say": say,
        "title": say["titles"].get(kind, say["titles"]["day"]),
        "subject": say["subject"].format(name=name, figures=_headline(figures, formats, words), period=days),
        "preheader": _preheader(figures, drivers, formats, words),
        "scope": clean(scope, MOST_SITE),
        "parts": _parts(figures, shown, has_sales=bool(sales)),
        "verdict_lines": [_cut_text(line) for line in verdict["lines"]],
        "verdict_left": verdict["left"],
        "verdict_name": words["verdicts"].get(figures["verdict"]["tone"], ""),
        "tiles": _tiles(figures, formats, words),
        "drivers": _drivers(figures, drivers, page_url),
        "plan": _plan(figures, formats, names),
        "channels": _channels(figures, settings, view, formats, page_url),
        "measures": MEASURES,
        "sales": sales,
        "control_table": control_table(figures, view, formats),
        "findings": findings[:MOST_FINDINGS],
        "findings_left": words["control"]["findings_left"].format(count=formats.count(left)) if left > 0 else "",
        "quality": scope_checks(figures, formats, names) if scope else quality_checks(figures, view, formats),
        "links": [(say["links"][name], link_to(page_url, name)) for name in LINKED if page_url and name in shown],
        "urls": {name: link_to(page_url, name) if name in shown else "" for name in PARTS},
        "why_you": say["why_you"].format(site=view["site"]),
    }


def parts_of(settings: Mapping[str, Any]) -> list[str]:
    """Sections of the report in the order of the settings; the summary opens every mail."""
    chosen = list(settings["report"].get("sections") or dict.fromkeys((*PARTS, *SECTIONS)))
    return list(dict.fromkeys(("summary", *chosen)))


def _parts(figures: Figures, shown: Sequence[str], has_sales: bool) -> list[str]:
    """Parts of the mail. A scope has no section on the quality of data, but its mail says what is known of it."""
    told = [*shown, "quality"] if figures.get("scope") else shown
    empty = {name for name, is_there in (("plan", figures["plan"]), ("deals", has_sales)) if not is_there}
    return list(dict.fromkeys(part for part in told if part in PARTS and part not in empty))


def is_profit_partial(figures: Figures) -> bool:
    """Whether a part of the revenue has no cost price: gross profit and margin ROMI are then lower than they would be."""
    return bool(figures["data_quality"]["without_cost_price"]["revenue"])


def link_to(page_url: str, view: str, channel: str | None = None) -> str:
    """Address of a view of the page, at one channel if one is told (report/app/src/state.ts); "" where there is no page."""
    if not page_url:
        return ""
    words = {"view": view}
    if channel:
        place = quote(quote(channel, safe="!'()*") + "/", safe="")
        if len(place) <= MOST_PLACE:
            return f"{page_url}#{urlencode(words)}&place={place}"
    return f"{page_url}#{urlencode(words)}"


def _days(figures: Figures, formats: Formats, words: Mapping[str, Any]) -> str:
    """The period as a subject tells it: `октябрь 2026`, `неделя 5 – 11 октября 2026 г.`, `30 дней по 12 октября 2026`."""
    first, last = (date.fromisoformat(figures["period"][end]) for end in ("from", "to"))
    kind, say = figures.get("kind", "day"), words["mail"]["periods"]
    if kind == "month" and first.day == 1 and (first.year, first.month) == (last.year, last.month):
        return _in_a_sentence(month_name(figures["period"]["from"][:7], formats), formats)
    if kind == "week" or first == last:
        return str(say["week" if first != last else "one"].format(days=formats.days(first, last)))
    count = (last - first).days + 1
    return str(say["days"].format(count=plural(count, say["count"], words), day=formats.day(last)))


def _in_a_sentence(month: str, formats: Formats) -> str:
    return month.lower() if formats.locale.language == "ru" else month


def _headline(figures: Figures, formats: Formats, words: Mapping[str, Any]) -> str:
    """The figures of the subject: what came of the money, and how much came. A margin ROMI of a part of the
    money is none of them."""
    totals, say = figures["totals"], words["mail"]["headline"]
    if not any(totals[measure] for measure in ADDITIVE):
        return str(say["empty"])
    told = []
    which = "romi" if totals["margin_romi"] is None or is_profit_partial(figures) else "margin_romi"
    if totals[which] is not None and totals["revenue"]:
        told.append(say[which].format(value=formats.percent(totals[which])))
    if totals["revenue"]:
        told.append(say["revenue"].format(value=said(totals["revenue"], formats)))
    else:
        told += [say["cost"].format(value=said(totals["cost"], formats))] * bool(totals["cost"])
        told.append(say["no_sales"])
    return ", ".join(told)


def _preheader(figures: Figures, drivers: View, formats: Formats, words: Mapping[str, Any]) -> str:
    """The second line of an inbox: money in, what came, what moved most."""
    totals, say = figures["totals"], words["mail"]
    shown = {"cost": said(totals["cost"], formats)} | {name: formats.count(totals[name]) for name in ("qualified", "sales")}
    moved = [f"{row['amount']} {row['text']}" for row in drivers["rows"][:1]]
    return str(say["preheader"].format(**shown, moved=short(" ".join(moved), MOST_TEXT))).strip()


def _tiles(figures: Figures, formats: Formats, words: Mapping[str, Any]) -> list[View]:
    """Tiles with a size of type that their figure fits at, and a sign that shows without colours which way it went."""
    told = zip(tile_rows(figures, formats, words), figures["tiles"], strict=True)
    return [_tile(tile, row["change"], words["mail"]) for tile, row in told]


def _tile(tile: View, change: Any, say: Mapping[str, str]) -> View:
    moved = f"{_sign(change)} {tile['change']}".strip()
    previous = say["was"].format(value=tile["previous"]) if tile["previous"] else ""
    plan = [*([say["plan_of"].format(value=tile["plan"])] if tile["plan"] else []), *filter(None, [tile["plan_share"]])]
    notes = [longest(text) for text in (moved, previous, *plan) if text]
    sizes = {"size": fitting([tile["value"]], TILE_ROOM, VALUE_SIZE), "note_size": fitting(notes, TILE_ROOM, NOTE_SIZE)}
    return {**tile, **sizes, "change": moved, "previous": previous, "plan": plan}


def _sign(change: Any) -> str:
    if change is None or round(change, 3) == 0:
        return ""
    return UP if change > 0 else DOWN


def _drivers(figures: Figures, told: View, page_url: str) -> View:
    rows = [
        {**_cut_text(row), "sign": _sign(driver["amount"]), "url": link_to(page_url, "channels", driver["channel"])}
        for row, driver in zip(told["rows"], figures["drivers"]["rows"], strict=True)
    ]
    rest = told["rest"]
    return {**told, "rows": rows, "rest": f"{rest['name']}: {rest['amount']}" if rest else ""}


def _cut_text(line: Mapping[str, Any]) -> View:
    return {**line, "text": short(line["text"], MOST_TEXT)}


def _plan(figures: Figures, formats: Formats, names: Names) -> View | None:
    """The whole site's figures against their plan, then prices of a sale against what is admissible."""
    view = plan_view(figures, formats, names)
    if view is None:
        return None
    whole: Figures = next((row["measures"] for row in figures["plan"]["rows"] if not row["channel"]), {})
    lines = [_plan_line(measure, told, formats, names.words) for measure, told in whole.items() if told["fact"] is not None]
    prices = [_cut_text({"tone": PLAN_TONES.get(price["tone"], ""), "text": price["text"]}) for price in view["prices"]]
    unknown = [{"tone": "warn", "text": short(view["unknown"], MOST_TEXT)}] if view["unknown"] else []
    note = " ".join(filter(None, (view["note"], view["incomplete"])))
    return {"note": note, "lines": [*lines[:MOST_PLAN_LINES], *prices[:MOST_PLAN_LINES], *unknown]}


def _plan_line(measure: str, told: Mapping[str, Any], formats: Formats, words: Mapping[str, Any]) -> View:
    say = words["mail"]["plan"]
    shown = {name: _with_unit(measure, told[name], formats) for name in ("fact", "plan")} | {"measure": words["metrics"][measure]}
    if told["share"] is None:
        return {"tone": "", "text": say["line"].format(**shown)}
    is_met = told["difference"] <= 0 if measure in LESS_IS_BETTER else told["difference"] >= 0
    tone = "" if measure == "cost" else "good" if is_met else "warn"
    return {"tone": tone, "text": say["line_share"].format(**shown, share=formats.share(told["share"]))}


def _channels(figures: Figures, settings: Mapping[str, Any], view: View, formats: Formats, page_url: str) -> View:
    words, thresholds = view["words"], settings["report"]["thresholds"]
    limits = {
        "good": formats.percent(float(thresholds["good"])),
        "normal": formats.percent(float(thresholds["normal"])),
        "minimum": thresholds["minimum_sales"],
        "symbol": formats.symbol,
        "model": view["model_name"],
    }
    totals = figures["totals"]
    rest = [f"{words['metrics'][name]} {_with_unit(name, totals[name], formats)}" for name in MORE_MEASURES]
    roi = EMPTY if totals["romi"] is None else formats.share(totals["romi"] + 1)
    shown, left = cut(view["channels"], MOST_ROWS)
    rows = [{**row, "url": link_to(page_url, "channels", row["figures"]["channel"])} for row in shown]
    if left:
        summed = cells(added(row["figures"] for row in left), formats)
        rows.append({**PLAIN_ROW, "name": words["rest"].format(count=formats.count(len(left))), "cells": summed})
    sums = [{**PLAIN_ROW, **row} for row in [*view["subtotals"], {"name": words["total"], "cells": view["totals"]}]]
    note = words["mail"]["channels_note"].format(**limits)
    texts = [{name: row["cells"][name]["text"] for name in MEASURES} for row in (*rows, *sums)]
    return {
        "note": f"{note} {words['mail']['channels_partial']}" if is_profit_partial(figures) else note,
        "fit": table_fit(texts, {name: words["metrics"][name] for name in MEASURES}),
        "rows": rows,
        "sums": sums,
        "more": words["mail"]["more_figures"].format(list="; ".join(rest), roi=roi),
    }


def cut(channels: Sequence[View], most: int) -> tuple[list[View], list[View]]:
    """Rows that are shown and those that are summed, so that with their sum there are at most `most`. Requests without a source are
    never among the sum."""
    if len(channels) <= most:
        return list(channels), []
    named = [channel for channel in channels if not channel["is_no_source"]]
    own = [channel for channel in channels if channel["is_no_source"]]
    place = most - 1 - len(own)
    return named[:place] + own, named[place:]


def _with_unit(measure: str, value: Any, formats: Formats) -> str:
    return formats.money(value) if measure in MONEY else formats.figure(measure, value)
