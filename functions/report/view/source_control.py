"""Source control as texts, for page, mail and workbook: the report's first table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from functions.report.marts.tree import NO_SOURCE
from functions.report.view.findings import MOST_NAME, days_text, finding_lines, new_source_name
from functions.report.view.formats import EMPTY, Formats, clean
from functions.report.view.names import Names

SOURCE_MEASURES = ("requests", "deals", "share", "share_before", "last_day")
DAY_MEASURES = ("requests", "deals", "not_passed", "overwritten", "not_determined", "share_lost", "handmade")
STAGE_MEASURES = ("deals", "days", "usual_days", "late")
PEOPLE_MEASURES = ("deals", "without_source", "share_lost", "handmade", "handmade_without_source", "mean_communications")
PEOPLE = ("managers", "branches", "products", "tags")
MOST_DAYS = 31  # on the page
MOST_PEOPLE = 20
MOST_STAGES = 30
MOST_REASONS = 5  # of one group
UP, DOWN = "▲", "▼"
View = dict[str, Any]
Row = Mapping[str, Any]


def source_control_view(figures: Mapping[str, Any], formats: Formats, names: Names) -> View:
    """What the templates need. Cells are texts with a tone; a share that jumped has an arrow."""
    told, say = figures["source_control"], names.words["control"]
    rows = [_channel(row, formats, names) for row in told["channels"]]
    total = {"name": names.words["total"], "cells": control_cells(_total(told), formats), "colour": ""}
    return {
        "is_empty": _is_empty(told),
        "lead": _lead(told, formats, say),
        "is_good": not told["findings"],
        "findings": finding_lines(told["findings"], formats, names),
        "measures": _named(SOURCE_MEASURES, say),
        "rows": [row for row in rows if row["sources"]],
        "total": total,
        "help": say["help"].format(up=UP, down=DOWN),
        "day_measures": _named(DAY_MEASURES, say),
        "days": [_day(row, told["without_source"], formats, names) for row in told["days"][:MOST_DAYS]],
        "days_left": _left(len(told["days"]) - MOST_DAYS, formats, say),
        "stage_measures": _named(STAGE_MEASURES, say),
        "stages": [_stage(row, formats, names) for row in told["stages"][:MOST_STAGES]],
        "stages_left": _left(len(told["stages"]) - MOST_STAGES, formats, say),
        "people_measures": _named(PEOPLE_MEASURES, say),
        "people": [part for name in PEOPLE if (part := _people(name, told[name], formats, names))["rows"]],
        "lists": [part for part in _lists(told, figures["site"]["currency"], formats, names) if part["rows"]],
    }


def method_name(method: str, names: Names) -> str:
    """By what deals found their requests, as a name of a row."""
    own = names.words["control"]["methods"]
    return str(own.get(method) or names.words["match_methods"].get(method) or clean(method, MOST_NAME))


def money_of(row: Row, site_currency: str, formats: Formats) -> str:
    """A sum in its own currency; one that tells none is in the site's."""
    currency = clean(row["currency"], 10)
    is_own = currency in ("", site_currency)
    return formats.money(row["amount"]) if is_own else f"{formats.amount(row['amount'])}\u00a0{currency}"


def _named(measures: Sequence[str], say: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(name, say["columns"][name]) for name in measures]


def _lead(told: Row, formats: Formats, say: Mapping[str, Any]) -> str:
    lost = told["without_source"]
    if _is_empty(told):
        return str(say["lead_empty"])
    shown = {name: formats.count(told[name]) for name in ("requests", "deals")}
    if lost["share"] is None:
        return str(say["lead_none"].format(**shown))
    text = say["lead"].format(**shown, lost=formats.count(lost["requests"]), share=formats.share(lost["share"]))
    if lost["share_before"] is not None:
        text = f"{text} {say['lead_before'].format(share=formats.share(lost['share_before']))}"
    return str(text)


def _is_empty(told: Row) -> bool:
    return not (told["requests"] or told["deals"] or told["requests_before"])


def _total(told: Row) -> View:
    whole = {"share": 1.0 if told["requests"] else None, "share_before": 1.0 if told["requests_before"] else None}
    return {"requests": told["requests"], "deals": told["deals"], **whole, "is_jump": False, "last_day": None}


def _channel(row: Row, formats: Formats, names: Names) -> View:
    is_lost = row["channel"] == NO_SOURCE
    return {
        "name": names.channel(row["channel"]),
        "colour": names.channel_colour(row["channel"]),
        "is_no_source": is_lost,
        "cells": control_cells(row, formats, is_lost),
        "sources": [
            {
                "name": names.source(row["channel"], source),
                "colour": names.source_colour(row["channel"], source["source"]),
                "help": names.words["reasons"][source["source"]][1]
                if is_lost and source["source"] in names.words["reasons"]
                else "",
                "cells": control_cells(source, formats, is_lost),
            }
            for source in row["sources"]
        ],
    }


def control_cells(row: Row, formats: Formats, is_lost: bool = False) -> View:
    """Cells of SOURCE_MEASURES: text and tone; a share that jumped has an arrow. `is_lost`: a row of what has no source."""
    last = row["last_day"]
    cells = {
        "requests": formats.count(row["requests"]),
        "deals": formats.count(row["deals"]),
        "share": _share(row["share"], formats),
        "share_before": _share(row["share_before"], formats),
        "last_day": formats.short_day(date.fromisoformat(last)) if last else EMPTY,
    }
    shown: View = {name: {"text": text, "tone": "none" if text == EMPTY else ""} for name, text in cells.items()}
    if row["is_jump"]:
        is_up = row["share"] > row["share_before"]
        is_bad = is_up if is_lost else not is_up
        shown["share"] = {
            "text": f"{UP if is_up else DOWN}\u00a0{cells['share']}",
            "tone": "bad" if is_bad else "good" if is_lost else "",
        }
    return shown


def _day(row: Row, whole: Row, formats: Formats, names: Names) -> View:
    texts = {name: formats.count(row[name]) for name in DAY_MEASURES if name != "share_lost"}
    shown: View = {name: {"text": text, "tone": "none" if text == "0" else ""} for name, text in texts.items()}
    shown["share_lost"] = {"text": _share(row["share"], formats), "tone": "" if row["share"] else "none"}
    if row["is_jump"]:
        is_up = row["share"] > whole["share_before"]
        shown["share_lost"] = {
            "text": f"{UP if is_up else DOWN}\u00a0{shown['share_lost']['text']}",
            "tone": "bad" if is_up else "good",
        }
    return {
        "name": formats.short_day(date.fromisoformat(row["day"])),
        "cells": shown,
        "sources": [
            {
                "name": _place(source, names),
                "cells": {name: {"text": formats.count(source[name]), "tone": ""} for name in ("requests", "deals")},
            }
            for source in row["sources"]
        ],
    }


def _place(row: Row, names: Names) -> str:
    channel = names.channel(row["channel"])
    source = names.source(row["channel"], row) if row["source"] else ""
    return f"{channel} › {source}" if source and source != channel else channel


def _stage(row: Row, formats: Formats, names: Names) -> View:
    texts = {
        "deals": formats.count(row["deals"]),
        "days": days_text(row["days"], formats, names),
        "usual_days": days_text(row["usual_days"], formats, names),
        "late": EMPTY if row["late"] is None else formats.count(row["late"]),
    }
    tones = {"days": "bad" if row["is_slow"] else ""}
    cells = {name: {"text": text, "tone": tones.get(name) or ("none" if text == EMPTY else "")} for name, text in texts.items()}
    return {
        "name": clean(row["stage"], MOST_NAME) or names.words["unset"],
        "above": clean(row["pipeline"], MOST_NAME),
        "cells": cells,
    }


def _people(name: str, rows: Sequence[Row], formats: Formats, names: Names) -> View:
    say = names.words["control"]
    return {
        "id": name,
        "title": say["people"][name],
        "is_open": name == "managers",
        "rows": [_person(row, formats, names) for row in rows[:MOST_PEOPLE]],
        "left": _left(len(rows) - MOST_PEOPLE, formats, say),
    }


def _person(row: Row, formats: Formats, names: Names) -> View:
    mean = row["mean_communications"]
    texts = {name: formats.count(row[name]) for name in ("deals", "without_source", "handmade", "handmade_without_source")}
    texts |= {"share_lost": _share(row["share"], formats)}
    texts |= {"mean_communications": EMPTY if mean is None else formats.decimal(mean, 1, fixed=False)}
    tones = {"handmade_without_source": "bad" if row["handmade_without_source"] else ""}
    cells = {
        name: {"text": text, "tone": tones.get(name) or ("none" if text in (EMPTY, "0") else "")} for name, text in texts.items()
    }
    return {"name": clean(row["name"], MOST_NAME) or names.words["unset"], "cells": cells}


def _lists(told: Row, currency: str, formats: Formats, names: Names) -> list[View]:
    say = names.words["control"]
    return [
        {"title": say["lists"]["methods"], "rows": [_method(row, formats, names) for row in told["match_methods"]]},
        {"title": say["lists"]["crm"], "rows": _of_crm(told, currency, formats, names)},
        {"title": say["lists"]["losses"], "rows": [_loss(row, formats, names) for row in told["losses"][:MOST_PEOPLE]]},
        {"title": say["lists"]["apart"], "rows": [_apart(row, formats, names) for row in told["pipelines_apart"]]},
        {
            "title": say["lists"]["new"],
            "rows": [_new(row, formats, names) for row in told["new_sources"]["sources"][:MOST_PEOPLE]],
        },
    ]


def _new(row: Row, formats: Formats, names: Names) -> tuple[str, str]:
    say = names.words["control"]
    return f"{new_source_name(row, names)} ({say['new_of'][row['kind']]})", formats.count(row["arrivals"])


def _method(row: Row, formats: Formats, names: Names) -> tuple[str, str]:
    say = names.words["control"]
    text = say["count_share"].format(count=formats.count(row["deals"]), share=_share(row["share"], formats))
    if row["is_jump"]:
        arrow = UP if row["share"] > row["share_before"] else DOWN
        text = f"{arrow}\u00a0{text}, {say['was'].format(share=_share(row['share_before'], formats))}"
    return method_name(row["method"], names), text


def _of_crm(told: Row, currency: str, formats: Formats, names: Names) -> list[tuple[str, str]]:
    say = names.words["control"]["crm"]
    backlog, made, talks = told["unsorted"], told["handmade"], told["communications"]
    rows = [(say["handmade"], formats.count(made["deals"])), (say["handmade_lost"], formats.count(made["without_source"]))]
    rows.append((say["unsorted"], formats.count(backlog["deals"])))
    if backlog["deals"]:
        rows.append((say["oldest"], days_text(backlog["oldest_days"], formats, names)))
    if talks["mean"] is not None:
        rows.append((say["communications"], formats.decimal(talks["mean"], 1, fixed=False)))
    for row in told["receivables"]:
        rows.append((say["receivable"].format(count=formats.count(row["deals"])), money_of(row, currency, formats)))
    return rows if told["deals"] or backlog["deals"] or told["receivables"] else []


def _loss(row: Row, formats: Formats, names: Names) -> tuple[str, str]:
    name = clean(row["group"], MOST_NAME) or str(names.words["unset"])
    reasons = [
        f"{clean(one['reason'], MOST_NAME) or names.words['unset']} {formats.count(one['deals'])}"
        for one in row["reasons"]
        if one["reason"] != row["group"]
    ]
    if reasons:
        name = f"{name}: {', '.join(reasons[:MOST_REASONS])}{'…' if len(reasons) > MOST_REASONS else ''}"
    text = names.words["control"]["loss"].format(count=formats.count(row["deals"]), disqualified=formats.count(row["disqualified"]))
    return name, str(text)


def _apart(row: Row, formats: Formats, names: Names) -> tuple[str, str]:
    kind = names.words["control"]["kinds"].get(row["kind"], clean(row["kind"], MOST_NAME))
    return f"{clean(row['pipeline'], MOST_NAME) or names.words['unset']} ({kind})", formats.count(row["deals"])


def _share(value: float | None, formats: Formats) -> str:
    return EMPTY if value is None else formats.share(value)


def _left(count: int, formats: Formats, say: Mapping[str, Any]) -> str:
    return str(say["left"].format(count=formats.count(count))) if count > 0 else ""
