"""Income and expenses: what a visit, a request and a sale cost, against what they may cost, and what is left. Pure."""

from __future__ import annotations

from typing import Any

from functions.report.marts.anchors import anchor_of
from functions.report.marts.kinds import Kinds
from functions.report.marts.measures import measures
from functions.report.marts.plan import WHOLE_SITE, admissible_cpo, difference
from functions.report.marts.ratios import divide
from functions.report.marts.tree import Node, Sums

Figures = dict[str, Any]


def income_of(root: Node, kinds: Kinds, plan: Figures | None) -> Figures:
    """The block `income` of figures.json. `drr` = cost ÷ revenue, `profit` = gross profit − cost; empty where nothing divides.

    The admissible price of a sale is the channel's own in the plan, else, for channels with cost, the whole site's. What cost
    nothing is not compared with it.
    """
    of_site = admissible_cpo(plan, WHOLE_SITE)
    rows = []
    for channel in root.children.values():
        own = admissible_cpo(plan, channel.name)
        admissible = of_site if own is None and channel.sums.cost else own
        told = {"channel": channel.name, "is_ad": kinds.is_ad(channel), "anchor": anchor_of(channel.name)}
        rows.append({**told, **_row(channel.sums, admissible)})
    return {"total": _row(root.sums, of_site), "rows": rows}


def _row(sums: Sums, admissible: Any) -> Figures:
    m = measures(sums)
    profit = m["gross_profit"]
    return {
        "cost": m["cost"],
        "visits": m["visits"],
        "visit_price": divide(m["cost"], m["visits"]),
        "requests": m["requests"],
        "cpl": m["cpl"],
        "qualified": m["qualified"],
        "cpql": divide(m["cost"], m["qualified"]),
        "sales": m["sales"],
        "cpo": m["cpo"],
        "admissible_cpo": admissible,
        "cpo_over": difference(m["cpo"] if m["cost"] else None, admissible),
        "revenue": m["revenue"],
        "aov": divide(m["revenue"], m["sales"]),
        "drr": divide(m["cost"], m["revenue"]),
        "gross_profit": profit,
        "profit": None if profit is None else profit - m["cost"],
        "romi": m["romi"],
        "margin_romi": m["margin_romi"],
    }
