"""Managers, branches and products: deals of the period, what they sold, how much talk it took, what is not paid yet. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from functions.report.marts.crm_names import CrmNames
from functions.report.marts.questions import Answers
from functions.report.marts.ratios import divide
from functions.report.marts.tree import ZERO
from shared.warehouse import Row

DIMENSIONS = {"managers": "manager", "branches": "branch", "products": "product"}
COUNTS = ("deals", "sales", "without_source", "communications", "communicated")
Figures = dict[str, Any]


def team_of(settings: Mapping[str, Any], answers: Answers) -> Figures:
    """The block `team` of figures.json. Deals are those created in the period, money is to date; claims and absorbed deals are left
    out. `communications` is the mean of the deals that tell them, `communications_difference` its distance from all deals' mean.
    A dimension that no deal tells has no rows; "" are the deals that tell none.
    """
    names = CrmNames(settings)
    rows = answers["team"]
    average = _row([row for row in rows if row["dimension"] == "all"], None)
    kept = ("deals", "sales", "conversion", "revenue", "aov", "communications", "receivables")
    return {
        "average": {name: average[name] for name in kept},
        **{plural: _dimension(name, rows, names, average["communications"]) for plural, name in DIMENSIONS.items()},
    }


def _dimension(dimension: str, rows: Sequence[Row], names: CrmNames, usual: float | None) -> list[Figures]:
    told: dict[str, list[Row]] = {}
    for row in rows:
        if row["dimension"] == dimension:
            name = str(row["name"] or "")
            told.setdefault(names.of(row["provider"], "managers", name) if dimension == "manager" else name, []).append(row)
    if not any(told):
        return []
    found = [{"name": name, **_row(those, usual)} for name, those in told.items()]
    return sorted(found, key=lambda row: (-row["revenue"], -row["sales"], -row["deals"], row["name"]))


def _row(rows: Sequence[Row], usual: float | None) -> Figures:
    sums = {name: sum(int(row[name] or 0) for row in rows) for name in COUNTS}
    revenue = sum((Decimal(row["revenue"] or 0) for row in rows), ZERO)
    mean = divide(sums["communications"], sums["communicated"])
    return {
        "deals": sums["deals"],
        "sales": sums["sales"],
        "conversion": divide(sums["sales"], sums["deals"]),
        "revenue": revenue,
        "aov": divide(revenue, sums["sales"]),
        "communications": mean,
        "communications_difference": None if mean is None or usual is None else mean - usual,
        "without_source": sums["without_source"],
        "receivables": _receivables(rows),
    }


def _receivables(rows: Sequence[Row]) -> list[Figures]:
    found: dict[str, Figures] = {}
    for row in rows:
        if row["receivables"]:
            told = found.setdefault(row["currency"], {"currency": row["currency"], "deals": 0, "amount": ZERO})
            told["deals"] += int(row["receivables"])
            told["amount"] += Decimal(row["receivable"])
    return sorted(found.values(), key=lambda row: (-row["amount"], row["currency"]))
