"""Who makes deals, of which branch, product and tags, and why deals are lost. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import orjson

from functions.report.marts.crm_names import CrmNames
from functions.report.marts.questions import Answers
from functions.report.marts.ratios import divide
from shared.warehouse import Row

DIMENSIONS = {"managers": "manager", "branches": "branch", "products": "product", "tags": "tags"}
COUNTS = ("deals", "without_source", "handmade", "handmade_without_source", "communications", "communicated")
Told = dict[str, Any]


def dimensions_of(answers: Answers, names: CrmNames) -> Told:
    """For managers, branches, products and tags a row a name, most deals first; "" are deals that tell none, and a dimension that
    no deal tells has no rows. A deal with two tags stands at both."""
    return {
        plural: _dimension([row for row in answers["deal_dimensions"] if row["dimension"] == name], name, names)
        for plural, name in DIMENSIONS.items()
    }


def losses_of(answers: Answers, names: CrmNames) -> list[Told]:
    """Lost deals of the period by group of reasons, most first; a reason that no group has is its own."""
    groups: dict[str, dict[str, Told]] = {}
    for row in answers["deals_lost"]:
        reason = names.of(row["provider"], "loss_reasons", row["loss_reason"])
        told = groups.setdefault(row["loss_group"] or reason, {}).setdefault(reason, {"deals": 0, "disqualified": 0})
        for name in told:
            told[name] += int(row[name])
    rows = [
        {
            "group": group,
            **{name: sum(told[name] for told in reasons.values()) for name in ("deals", "disqualified")},
            "reasons": sorted(
                ({"reason": reason, **told} for reason, told in reasons.items()), key=lambda row: (-row["deals"], row["reason"])
            ),
        }
        for group, reasons in groups.items()
    ]
    return sorted(rows, key=lambda row: (-row["deals"], row["group"]))


def tags_of(told: str | None) -> list[str]:
    """Tags of a deal, each once, of a JSON list of texts; text that is none is one tag."""
    try:
        tags = orjson.loads(told) if told else []
    except orjson.JSONDecodeError:
        tags = None
    return list(dict.fromkeys(str(tag) for tag in tags if tag)) if isinstance(tags, list) else [str(told)]


def _dimension(rows: Iterable[Row], dimension: str, names: CrmNames) -> list[Told]:
    sums: dict[str, dict[str, int]] = {}
    for row in rows:
        for name in _names(row, dimension, names):
            told = sums.setdefault(name, dict.fromkeys(COUNTS, 0))
            for count in COUNTS:
                told[count] += int(row[count] or 0)
    if not any(sums):
        return []
    found = [{"name": name, **told, **_ratios(told)} for name, told in sums.items()]
    return sorted(found, key=lambda row: (-row["deals"], row["name"]))


def _ratios(told: dict[str, int]) -> Told:
    return {
        "share": divide(told["without_source"], told["deals"]),
        "mean_communications": divide(told["communications"], told["communicated"]),
    }


def _names(row: Row, dimension: str, names: CrmNames) -> list[str]:
    told = str(row["name"] or "")
    if dimension == "tags":
        return tags_of(told) or [""]
    return [names.of(row["provider"], "managers", told) if dimension == "manager" else told]
