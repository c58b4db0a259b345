"""Holds the product's credits against what the demo knows: how many deals landed on their true source, and why others did not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from infra.demo.month import OBSTACLES, Truth
from shared.sql import bind
from shared.warehouse import Warehouse

_CREDITED = """SELECT d.deal_id, d.revenue, c.channel
FROM deals AS d
LEFT JOIN credits AS c ON c.site_id = d.site_id AND c.request_id = d.request_id AND c.model = :model
WHERE d.site_id = :site_id"""


_STANDING = "SELECT deal_id, stage, amount FROM deals WHERE site_id = :site_id"


class Verdict(NamedTuple):
    """`reasons` counts deals on another source by what explains it; `unexplained` lists what nothing explains (a bug of ours),
    `missing` the deals that the marts do not know."""

    deals: int
    credited_right: int
    reasons: dict[str, int]
    unexplained: list[str]
    wrong_money: list[str]
    missing: list[str]

    def figures(self) -> dict[str, Any]:
        """The `truth` of figures.json."""
        told = {"deals": self.deals, "credited_right": self.credited_right}
        return {**told, "explained": sum(self.reasons.values()), "reasons": self.reasons}


def not_restored(warehouse: Warehouse, site_id: str, lost: Mapping[str, tuple[str, Decimal]]) -> list[str]:
    """Deals that webhooks were lost of, which the marts know otherwise than their CRM. `lost`: stage and sum there, by id."""
    rows = warehouse.rows(bind(_STANDING, {"site_id": site_id}))
    known = {row["deal_id"]: (row["stage"] or "nothing", row["amount"] or Decimal(0)) for row in rows}
    wrong = [(deal_id, *known.get(deal_id, ("nothing", 0)), *standing) for deal_id, standing in lost.items()]
    return [
        f"{deal_id}: the regular check left it at {stage}, {amount}; its CRM says {true_stage}, {true_amount}"
        for deal_id, stage, amount, true_stage, true_amount in wrong
        if (stage, amount) != (true_stage, true_amount)
    ]


def judge(warehouse: Warehouse, site_id: str, model: str, truths: Sequence[Truth]) -> Verdict:
    """Compare every deal of the demo that reached the CRM with its truth, source and money."""
    rows = {row["deal_id"]: row for row in warehouse.rows(bind(_CREDITED, {"site_id": site_id, "model": model}))}
    right, reasons, unexplained, wrong_money = 0, Counter[str](), [], []
    known = [t for t in truths if t.deal_id in rows]
    missing = [f"{t.deal_id}: is in no mart" for t in truths if t.deal_id not in rows and t.is_told]
    for truth in known:
        row = rows[truth.deal_id]
        credited = row["channel"] or "no source"
        if credited == truth.channel:
            right += 1
        elif truth.obstacle:
            reasons[OBSTACLES[truth.obstacle][1]] += 1
        else:
            unexplained.append(f"{truth.deal_id}: credited to {credited}, truly from {truth.channel}")
        if (row["revenue"] or Decimal(0)) != truth.revenue:
            wrong_money.append(f"{truth.deal_id}: {row['revenue']} instead of {truth.revenue}")
    return Verdict(len(known), right, dict(reasons.most_common()), unexplained, wrong_money, missing)
