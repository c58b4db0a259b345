"""The deals of the period's requests, each with its path and why its money stands where it stands. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from functions.report.marts.control.people import tags_of
from functions.report.marts.crm_names import CrmNames, Kind
from functions.report.marts.questions import Answers
from functions.report.marts.tree import NO_SOURCE
from shared.times import lake_text
from shared.warehouse import Row

Deal = dict[str, Any]
# Models that give everything to one touch: what is told is which, and why this one.
ONE_TOUCH = ("first", "last", "last_non_direct", "last_significant")
TEXTS = (
    "deal_id", "request_id", "contact_channel", "pipeline", "stage", "meaning", "currency", "match_method", "manager", "order_id",
    "loss_reason", "loss_group", "branch", "product", "crm_source",
)  # fmt: skip
# What CRMs tell by id, and the settings' names for it.
NAMED: Mapping[str, Kind] = {
    "stage": "stages", "pipeline": "pipelines", "manager": "managers", "loss_reason": "loss_reasons", "crm_source": "sources",
}  # fmt: skip


class Rules(NamedTuple):
    """What decides why a deal stands where it stands. `left_out`: request → why the visits that led to it are not counted."""

    attribution: Mapping[str, Any]
    left_out: Mapping[str, str]


def deals_of(settings: Mapping[str, Any], answers: Answers) -> list[Deal]:
    """Deals in the order of the answer (newest request first), at most `MOST_DEALS` of them.

    `channel`, `source` and `campaign` are those of the heaviest touch under the default model; "no source" where there is none.
    `path` is ordered by time; `path_length` counts all touches, of which a long path shows only some (`sql/deal_paths.sql`).
    Days and times are text as everywhere in figures.json; money is `Decimal`, or None where nothing is known.
    """
    paths: dict[str, list[Row]] = {}
    for touch in answers["deal_paths"]:
        paths.setdefault(touch["request_id"], []).append(touch)
    for path in paths.values():
        path.sort(key=lambda touch: int(touch["position"]))
    names = CrmNames(settings)
    rules = Rules(settings["attribution"], {row["request_id"]: row["reason"] for row in answers["left_out"]})
    return [_named(_deal(row, paths.get(row["request_id"], []), rules), names) for row in answers["deals"]]


def deals_total_of(answers: Answers) -> int:
    """How many deals the period's requests have, with those that are not listed."""
    return max((int(row["deals_total"]) for row in answers["deals"]), default=0)


def _deal(row: Row, path: Sequence[Row], rules: Rules) -> Deal:
    heaviest = next((touch for touch in path if touch["is_heaviest"]), None)
    source = {"channel": NO_SOURCE, "source": "", "campaign": ""}
    if heaviest is not None:
        source = {name: heaviest[name] or "" for name in source}
    return {
        **{name: row[name] or "" for name in TEXTS},
        "request_day": row["request_day"].isoformat(),
        "created_at": lake_text(row["created_at"]),
        "sale_day": row["sale_day"].isoformat() if row["sale_day"] else None,
        "amount": _money(row["amount"]),
        "revenue": _money(row["revenue"]) or Decimal(0),
        "gross_profit": _money(row["gross_profit"]),
        "tags": tags_of(row["tags"]),
        "is_handmade": row["is_handmade"],
        "communications": None if row["communications"] is None else int(row["communications"]),
        "receivable": _money(row["receivable"]),
        **source,
        "why": _why(heaviest, rules, rules.left_out.get(row["request_id"])),
        "no_source_reason": (row["no_source_reason"] or "not_determined") if heaviest is None else None,
        "path_length": 0 if heaviest is None else int(heaviest["path_length"]),
        "path": [_touch(touch) for touch in path],
    }


def _named(deal: Deal, names: CrmNames) -> Deal:
    """CRMs tell ids; the settings have their names."""
    provider = deal["deal_id"].partition(":")[0]
    return {**deal, **{name: names.of(provider, kind, deal[name]) for name, kind in NAMED.items()}}


def _touch(touch: Row) -> Deal:
    return {
        "position": int(touch["position"]),
        "touched_at": lake_text(touch["touched_at"]),
        **{name: touch[name] or "" for name in ("channel", "source", "medium", "campaign")},
        "weight": float(touch["weight"]),
    }


def _why(heaviest: Row | None, rules: Rules, left_out: str | None) -> Deal:
    """Code of the rule that decides, and the place of the heaviest touch in the path: touch k of n. Where there is none because the
    visitor's visits are not counted, `reason` says why not."""
    if heaviest is None and left_out:
        return {"code": "visits_left_out", "touch": None, "of": 0, "reason": left_out}
    if heaviest is None:
        return {"code": "no_touch", "touch": None, "of": 0}
    return why_of(heaviest, rules.attribution)


def why_of(heaviest: Row, attribution: Mapping[str, Any]) -> Deal:
    """The rule that makes this touch the heaviest of its path, and its place: touch k of n. `attribution`: the site's settings."""
    place = {"touch": int(heaviest["position"]), "of": int(heaviest["path_length"])}
    return {"code": _code(heaviest, place["of"], str(attribution["default_model"])), **place}


def _code(heaviest: Row, length: int, model: str) -> str:
    if model not in ONE_TOUCH and length > 1:
        return model
    if heaviest["touch_id"] == heaviest["request_id"]:
        return "own_source"
    if length == 1:
        return "only_touch"
    if model == "last_significant" and heaviest["is_significant"]:
        return model
    if model in ("last_significant", "last_non_direct"):
        return "all_direct" if heaviest["channel"] == "direct" else "last_non_direct"
    return model


def _money(amount: Decimal | int | None) -> Decimal | None:
    return None if amount is None else Decimal(amount)
