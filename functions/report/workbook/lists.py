"""Sheets of single things: deals, remarks on the data, and what every figure means."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from functions.report.figures import MEASURES
from functions.report.view.contacts import contact_name
from functions.report.view.deals import match_text, meaning_text, path_text, status_text, why_text
from functions.report.view.findings import finding_lines
from functions.report.view.left_out import left_out_rows, unknown_rows, unknown_text
from functions.report.view.notes import quality_lines
from functions.report.workbook.budget import explained_money
from functions.report.workbook.calls import explained_calls
from functions.report.workbook.cells import Sheet, kind_of
from functions.report.workbook.customers import formulas
from functions.report.workbook.making import Making
from functions.report.workbook.models import explained
from functions.report.workbook.plan import explained_plan
from functions.report.workbook.source_control import explained_control

# Columns of a deal: field, kind of cell, width.
DEAL: tuple[tuple[str, str, float], ...] = (
    ("deal_id", "text", 20), ("request_day", "day", 12), ("created_at", "instant", 17), ("channel", "text", 22),
    ("source", "text", 18), ("campaign", "text", 24), ("why", "wrap", 44), ("match_method", "text", 22), ("path", "wrap", 48),
    ("path_length", "count", 10), ("contact_channel", "text", 16), ("pipeline", "text", 16), ("stage", "text", 20),
    ("meaning", "text", 16), ("amount", "plain", 13), ("currency", "text", 9), ("revenue", "money", 16),
    ("gross_profit", "money", 16), ("sale_day", "day", 12), ("manager", "text", 18), ("order_id", "text", 14),
    ("loss_reason", "text", 22), ("loss_group", "text", 22), ("branch", "text", 18), ("product", "text", 22), ("tags", "wrap", 24),
    ("crm_source", "text", 20), ("is_handmade", "text", 12), ("communications", "count", 14), ("receivable", "plain", 14),
    ("request_id", "text", 38),
)  # fmt: skip

EXPLAINED: Mapping[str, Callable[[Making], Iterable[Sequence[Any]]]] = {
    "source_control": explained_control,
    "customers": formulas,
    "calls": explained_calls,
    "models": explained,
}


def deals(making: Making) -> Sheet:
    """One row a deal: where from, why, by which path, what became of it. Empty where nothing is known."""
    own = making.words["workbook"]
    sheet = making.sheet("deals", [(own["deal"].get(name) or own[name], kind, width) for name, kind, width in DEAL])
    for deal in making.figures["deals"]:
        sheet.add(_deal_cells(making, deal))
    sheet.filter()
    return sheet


def _deal_cells(making: Making, deal: Any) -> list[Any]:
    words, names = making.words, making.names
    told = {
        **deal,
        "channel": names.channel(deal["channel"]),
        "source": names.source(deal["channel"], deal) if deal["source"] else None,
        "why": why_text(deal, words),
        "match_method": match_text(deal, words),
        "path": path_text(deal, names),
        "contact_channel": contact_name(deal["contact_channel"], words),
        "stage": status_text(deal, words),
        "meaning": meaning_text(deal, words),
        "created_at": making.local(deal["created_at"]),
        "tags": ", ".join(deal["tags"]),
        "is_handmade": words["workbook"]["yes"] if deal["is_handmade"] else None,
        "request_day": date.fromisoformat(deal["request_day"]),
        "sale_day": date.fromisoformat(deal["sale_day"]) if deal["sale_day"] else None,
    }
    return [told[name] for name, _, _ in DEAL]


def quality(making: Making) -> Sheet:
    """What source control found, then the remarks on the data as the page words them, and whether they ask for action; then every
    mark that no rule knows, and what made no visit."""
    words, own = making.words, making.words["workbook"]
    quality, formats = making.figures["data_quality"], making.formats
    sheet = making.sheet("quality", [(own["remark"], "wrap", 110), (own["needs_action"], "text", 18)])
    for found, do in finding_lines(making.figures["source_control"]["findings"], formats, making.names):
        sheet.add([f"{found} {do}", own["yes"]])
    unknown = unknown_rows(quality, formats, len(quality["unknown_values"]["values"]))
    left_out = left_out_rows(quality, formats, words)
    lines = quality_lines(quality, formats, making.names)
    if not (sheet.rows or lines or unknown["rows"] or left_out):
        lines = [("ok", words["quality"]["good"])]
    for tone, line in lines:
        sheet.add([line, own["yes"] if tone == "warn" else own["no"]])
    for row in unknown["rows"]:
        sheet.add([words["unknown"]["line"].format(list=unknown_text(row, words)), own["yes"]])
    if unknown["left"]:
        sheet.add([words["unknown"]["left"].format(count=unknown["left"]), own["yes"]])
    for row in left_out:
        sheet.add([f"{words['left_out_title']}: {row['name']} {row['hits']}. {row['how']}", own["no"]])
    sheet.filter()
    return sheet


def definitions(making: Making, made: Iterable[Sheet]) -> Sheet:
    """Every measure with its formula and unit; then how the sections of the report are computed, what it was made with, and how
    many rows each sheet has."""
    words, own = making.words, making.words["workbook"]
    sheet = making.sheet("definitions", [(own["measure"], "text", 34), (own["formula"], "wrap", 96), (own["scale"], "wrap", 34)])
    currency = making.figures["site"]["currency"]
    told = {**own["formulas"], **own["formulas_by_basis"].get(making.figures["date_basis"], {})}
    for measure in ("made", *MEASURES):
        unit = own["kinds"][kind_of(measure)].format(currency=currency)
        sheet.add([words["metrics"][measure], told[measure], unit])
    for row in (*explained_plan(making), *explained_money(making)):
        sheet.add(row)
    for section, explain in EXPLAINED.items():
        for line in explain(making) if section in making.sections else ():
            sheet.add(line)
    for name, value in _settings(making):
        sheet.add([own["settings"][name], str(value), None])
    if making.figures["deals_total"] > len(making.figures["deals"]):
        shown = {
            "shown": making.formats.count(len(making.figures["deals"])),
            "total": making.formats.count(making.figures["deals_total"]),
        }
        sheet.add([own["sheets"]["deals"], words["deals"]["first"].format(**shown), None])
    for other in made:
        sheet.add_as(["text", "count", "text"], [own["rows"].format(sheet=other.name), other.rows, None])
    return sheet


def _settings(making: Making) -> list[tuple[str, Any]]:
    figures, settings, formats = making.figures, making.settings, making.formats
    period, previous = figures["period"], figures["previous"]["period"]
    thresholds = settings["report"]["thresholds"]
    return [
        ("site", f"{settings['name']} ({figures['site']['site_id']})"),
        ("period", f"{period['from']} … {period['to']}"),
        ("previous", f"{previous['from']} … {previous['to']}"),
        ("data_to", f"{making.local(figures['data_to']):%Y-%m-%d %H:%M}"),
        ("time_zone", figures["site"]["time_zone"]),
        ("currency", figures["site"]["currency"]),
        ("model", making.words["models"].get(figures["model"], figures["model"])),
        ("date_basis", making.words["date_basis"][figures["date_basis"]]),
        ("lookback", settings["attribution"]["lookback_days"]),
        ("duplicates", settings["requests"]["duplicate_days"]),
        ("target_talk", settings["requests"]["target_talk_seconds"]),
        ("costs", making.words["workbook"]["yes" if settings["costs"]["show"] == "gross" else "no"]),
        ("good", formats.percent(float(thresholds["good"]))),
        ("normal", formats.percent(float(thresholds["normal"]))),
        ("minimum_sales", thresholds["minimum_sales"]),
        ("lapsed_days", figures["customers"]["lapsed_days"]),
    ]
