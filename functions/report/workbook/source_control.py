"""Sheets of source control: channels and sources, the same by day, and what the CRM's deals tell. Every row, nothing cut."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from functions.report.view.findings import new_source_name
from functions.report.view.source_control import PEOPLE, method_name
from functions.report.workbook.cells import Sheet
from functions.report.workbook.making import Making

NAME, NUMBER = 30.0, 14.0  # widths
# Columns of the CRM's sheet: name, kind of cell.
CRM = (
    ("deals", "count"), ("share", "share"), ("share_before", "share"), ("without_source", "count"), ("share_lost", "share"),
    ("handmade", "count"), ("handmade_without_source", "count"), ("mean_communications", "times"), ("days", "times"),
    ("usual_days", "times"), ("late", "count"), ("amount", "plain"),
)  # fmt: skip
Row = Mapping[str, Any]


def source_control(making: Making) -> Sheet:
    """Channel → source, most requests first; "no source" with its reasons, and the total last, outside the filter."""
    words, own, say = making.words, making.words["workbook"], making.words["control"]["columns"]
    numbers = [(say[name], kind, NUMBER) for name, kind in (("requests", "count"), ("deals", "count"), ("share", "share"))]
    before = [(say["share_before"], "share", NUMBER), (own["jump"], "text", 12.0), (say["last_day"], "day", 12.0)]
    places = [(own[name], "text", NAME) for name in ("channel", "source")]
    sheet = making.sheet("source_control", [*places, *numbers, *before])

    def add(names: Sequence[str], row: Row, depth: int) -> None:
        last = date.fromisoformat(row["last_day"]) if row["last_day"] else None
        shares = [row["share"], row["share_before"], own["yes"] if row["is_jump"] else None, last]
        sheet.add([*names, row["requests"], row["deals"], *shares], bold=depth == 0, level=depth)

    told = making.figures["source_control"]
    for channel in told["channels"]:
        name = making.names.channel(channel["channel"])
        add([name, ""], channel, 0)
        for source in channel["sources"]:
            add([name, making.names.source(channel["channel"], source)], source, 1)
    sheet.filter()
    sheet.add([words["total"], "", told["requests"], told["deals"], None, None, None, None], bold=True)
    return sheet


def source_days(making: Making) -> Sheet:
    """A row a day, channel and source; reasons stand as sources of "no source"."""
    own, say = making.words["workbook"], making.words["control"]["columns"]
    columns = [(own["day"], "day", 12.0), (own["channel"], "text", NAME), (own["source"], "text", NAME)]
    sheet = making.sheet("source_days", [*columns, *((say[name], "count", NUMBER) for name in ("requests", "deals"))])
    for day in making.figures["source_control"]["days"]:
        for row in day["sources"]:
            names = [making.names.channel(row["channel"]), making.names.source(row["channel"], row)]
            sheet.add([date.fromisoformat(day["day"]), *names, row["requests"], row["deals"]])
    sheet.filter()
    return sheet


def crm_control(making: Making) -> Sheet:
    """A row a thing: ways of matching, stages, managers, branches, products, tags, reasons of loss and so on; empty where a column
    says nothing of it."""
    own, say = making.words["workbook"], making.words["control"]
    columns = [(own["sum"] if name == "amount" else say["columns"][name], kind, NUMBER) for name, kind in CRM]
    sheet = making.sheet("crm_control", [(own["what"], "text", NAME), (own["name"], "text", 40.0), *columns])
    for what, name, row in _things(making):
        sheet.add([what, name, *(row.get(column) for column, _ in CRM)])
    sheet.filter()
    return sheet


def explained_control(making: Making) -> list[list[str | None]]:
    """How the columns of these sheets are computed: lines for the definitions."""
    say = making.words["control"]
    names = {**say["columns"], **say["explained"]}
    return [[f"{making.words['sections']['source_control']}: {names[name]}", text, None] for name, text in say["formulas"].items()]


def _things(making: Making) -> Iterator[tuple[str, str, Row]]:
    told, names = making.figures["source_control"], making.names
    words = names.words["control"]
    lists, crm, unset = words["lists"], words["crm"], str(names.words["unset"])
    for row in told["match_methods"]:
        yield lists["methods"], method_name(row["method"], names), row
    made = told["handmade"]
    yield lists["crm"], crm["handmade"], made
    talks, backlog = told["communications"], told["unsorted"]
    yield lists["crm"], crm["communications"], {"deals": talks["deals"], "mean_communications": talks["mean"]}
    for row in backlog["places"]:
        oldest = {"deals": row["deals"], "days": row["oldest_days"]}
        yield f"{crm['unsorted']}, {crm['oldest'].lower()}", _stage(row, unset), oldest
    for row in told["receivables"]:
        yield words["explained"]["receivables"], row["currency"] or making.figures["site"]["currency"], row
    for row in told["stages"]:
        yield words["captions"]["stages"], _stage(row, unset), row
    for part in PEOPLE:
        for row in told[part]:
            yield words["people"][part], row["name"] or unset, {**row, "share": None, "share_lost": row["share"]}
    for row in told["losses"]:
        for reason in row["reasons"]:
            pair = [row["group"] or unset, reason["reason"] or unset]
            yield lists["losses"], " › ".join(dict.fromkeys(pair)), reason
    for row in told["pipelines_apart"]:
        yield lists["apart"], f"{row['pipeline'] or unset} ({words['kinds'].get(row['kind'], row['kind'])})", row
    for row in told["new_sources"]["sources"]:
        yield f"{lists['new']}: {words['new_of'][row['kind']]}", new_source_name(row, names), {"deals": row["arrivals"]}


def _stage(row: Row, unset: str) -> str:
    return " · ".join(part for part in (row["stage"], row["pipeline"]) if part) or unset
