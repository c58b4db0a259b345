"""Buyers: what they are worth, who comes back, who has lapsed; and cohorts by the month of the first touch. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from functions.report.marts.questions import Answers, lapsed_days_of
from functions.report.marts.tree import NO_SOURCE, ZERO, channel_of
from shared.sources import OTHER_TRAFFIC
from shared.warehouse import Row

CLASSES = ("A", "B", "C", "D")
COUNTS = ("persons", "buyers", "repeat_buyers", "lapsed", "sales", "repeat_sales")
Customers = dict[str, Any]


def customers_of(settings: Mapping[str, Any], answers: Answers) -> Customers:
    """The block `customers` of figures.json: all people that the marts know, to date.

    Money is LTV of buyers (people with a sale); means are unrounded, that of gross profit over the buyers who have one. `classes`
    are A to D, then "" if buyers without positive LTV revenue are left. `period` tells of the sales of the report's days.
    """
    rows = {row["abcd"]: row for row in answers["customers"]}
    # People without a class are shown only if they bought: the others are no customers yet.
    shown = [*CLASSES, *[name for name in ("",) if name in rows and rows[name]["buyers"]]]
    buyers = [rows[name] for name in shown if name in rows]
    repeats = [row for row in answers["customers_repeats"] if row["is_repeat"]]
    return {
        **_worth(buyers),
        "persons": sum(int(row["persons"]) for row in rows.values()),
        "repeat_revenue": sum((_money(row["revenue"]) for row in repeats), ZERO),
        "lapsed_days": lapsed_days_of(settings),
        "period": _of_period(answers),
        "classes": [{"abcd": name, **_class(rows.get(name))} for name in shown],
    }


def cohorts_of(answers: Answers, together: Collection[str] = ()) -> list[Customers]:
    """Cohorts, newest month first: the figures of all channels, and `channels`, most revenue first. Money is to date.

    `cost` is what the channel cost in that month. Gross profit is empty where a cohort has money and none of it a cost price.
    `payback_days` is empty until gross profit covers the cost, where either is missing, and for other traffic, which is a mixture.
    """
    months: dict[str, Cohort] = {}
    channels: dict[tuple[str, str], Cohort] = {}
    for row in answers["cohorts"]:
        part = Cohort.of(row)
        if row["is_all"]:
            months[row["month"]] = part
            continue
        name = channel_of(row["channel"], together) or NO_SOURCE
        channels.setdefault((row["month"], name), Cohort()).add(part)
    return [
        {
            "month": month,
            **whole.figures(),
            "channels": [
                {"channel": name, **part.figures(is_mixture=name == OTHER_TRAFFIC)}
                for (of_month, name), part in sorted(channels.items(), key=_place)
                if of_month == month
            ],
        }
        for month, whole in sorted(months.items(), reverse=True)
    ]


@dataclass(slots=True)
class Cohort:
    """Additive figures of a month and channel; `payback_days` is one cohort's own."""

    persons: int = 0
    buyers: int = 0
    sales: int = 0
    revenue: Decimal = ZERO
    gross_profit: Decimal | None = None
    unpriced_revenue: Decimal = ZERO
    cost: Decimal | None = None
    payback_days: int | None = None

    @classmethod
    def of(cls, row: Row) -> Cohort:
        """A row of the answer."""
        profit, cost, days = row["gross_profit"], row["cost"], row["payback_days"]
        return cls(
            persons=int(row["persons"]),
            buyers=int(row["buyers"]),
            sales=int(row["sales"]),
            revenue=_money(row["revenue"]),
            gross_profit=None if profit is None else Decimal(profit),
            unpriced_revenue=_money(row["unpriced_revenue"]),
            cost=None if cost is None else Decimal(cost),
            payback_days=None if days is None else int(days),
        )

    def add(self, other: Cohort) -> None:
        """Put another channel's people into this cohort."""
        for name in ("persons", "buyers", "sales", "revenue", "unpriced_revenue"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for name in ("gross_profit", "cost"):
            if getattr(other, name) is not None:
                setattr(self, name, (getattr(self, name) or ZERO) + getattr(other, name))
        self.payback_days = other.payback_days

    def figures(self, is_mixture: bool = False) -> Customers:
        """As figures.json tells them."""
        profit = ZERO if self.gross_profit is None and not self.unpriced_revenue else self.gross_profit
        return {
            "persons": self.persons,
            "buyers": self.buyers,
            "sales": self.sales,
            "revenue": self.revenue,
            "gross_profit": profit,
            "cost": self.cost,
            "margin_romi": None if profit is None or not self.cost else float((profit - self.cost) / self.cost),
            "payback_days": None if is_mixture else self.payback_days,
        }


def _place(told: tuple[tuple[str, str], Cohort]) -> tuple[bool, Decimal, int, str]:
    (_, name), part = told
    return name == NO_SOURCE, -part.revenue, -part.persons, name


def _worth(rows: Collection[Row]) -> Customers:
    """Counts, money and means of buyers."""
    counts = {name: sum(int(row[name] or 0) for row in rows) for name in COUNTS}
    priced = sum(int(row["priced_buyers"]) for row in rows)
    revenue = sum((_money(row["revenue"]) for row in rows), ZERO)
    profit = sum((_money(row["gross_profit"]) for row in rows), ZERO) if priced or not counts["buyers"] else None
    return {
        **counts,
        "revenue": revenue,
        "gross_profit": profit,
        "mean_revenue": _mean(revenue, counts["buyers"]),
        "mean_gross_profit": _mean(profit, priced),
    }


def _class(row: Row | None) -> Customers:
    told = _worth([] if row is None else [row])
    return {name: value for name, value in told.items() if name != "persons"}


def _of_period(answers: Answers) -> Customers:
    """Sales whose day lies in the period, by whether the buyer had bought before."""
    told: dict[str, Any] = {}
    for kind, is_repeat in (("first", False), ("repeat", True)):
        rows = [row for row in answers["customers_repeats"] if row["in_period"] and bool(row["is_repeat"]) is is_repeat]
        told[f"{kind}_sales"] = sum(int(row["sales"]) for row in rows)
        told[f"{kind}_revenue"] = sum((_money(row["revenue"]) for row in rows), ZERO)
    return told


def _mean(amount: Decimal | None, count: int) -> float | None:
    return float(amount / count) if amount is not None and count else None


def _money(value: Decimal | int | None) -> Decimal:
    return ZERO if value is None else Decimal(value)
