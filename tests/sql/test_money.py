"""Money of deals: events, sales, claims, cost prices, currencies (docs/method.md, money)."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from itertools import accumulate
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from tests.lakes import Record, deal, marts_of, payment, shop, utc

AT = utc("10-05 10:00")
DAY = timedelta(days=1)


def events(tmp_path: Path, *records: Record, **changes: Any) -> list[Any]:
    """(day of October, kind, amount, cost price) in the order of time."""
    rows = marts_of(tmp_path, records, shop(**changes)).rows("money_events")
    ordered = sorted(rows, key=lambda row: (row["occurred_at"], row["money_event_id"]))
    return [
        (row["day"].day, row["kind"], *(None if row[c] is None else str(row[c]) for c in ("amount", "cost_price")))
        for row in ordered
    ]


def amounts(tmp_path: Path, *records: Record, **changes: Any) -> list[Any]:
    return [(day, amount) for day, _, amount, _ in events(tmp_path, *records, **changes)]


def told(*steps: tuple[str | None, str | None], **more: Any) -> list[Record]:
    """A deal's events, one a day: stage and sum."""
    return [deal("d", AT + n * DAY, stage, amount, **more) for n, (stage, amount) in enumerate(steps)]


def sale(tmp_path: Path, *records: Record, **changes: Any) -> Any:
    row = marts_of(tmp_path, records, shop(**changes)).row("deals", deal_id="crm:d")
    return row["sale_day"] and row["sale_day"].day, row["revenue"], row["gross_profit"]


# The sum and its stage


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([("working", "100"), ("won", None)], [(6, "100.00")]),
        ([("won", "100"), ("paid", None)], [(5, "100.00")]),
        ([("won", "100"), (None, "130"), (None, "90")], [(5, "100.00"), (6, "30.00"), (7, "-40.00")]),
        ([("won", "100"), ("working", None), ("won", "70")], [(5, "100.00"), (6, "-100.00"), (7, "70.00")]),
        ([("won", "100"), ("lost", None)], [(5, "100.00"), (6, "-100.00")]),
        ([("won", "100"), ("cleaning", None)], [(5, "100.00"), (6, "-100.00")]),
        ([("won", None), (None, "50")], [(6, "50.00")]),
        ([("won", "100"), (None, "0"), (None, None)], [(5, "100.00"), (6, "-100.00")]),
        ([("won", "100"), ("who knows", "100")], [(5, "100.00")]),
        ([("contract", "100"), ("unsorted", "100")], []),
    ],
)
def test_the_sum_counts_from_the_money_stage_on_and_differences_after(steps: Any, expected: Any, tmp_path: Path) -> None:
    assert amounts(tmp_path, *told(*steps)) == expected


@pytest.mark.parametrize(("money_stage", "days"), [("contract", [5]), ("won", [6]), ("paid", [7])])
def test_the_money_stage_is_a_setting(money_stage: str, days: list[int], tmp_path: Path) -> None:
    stages = [{"money_stage": money_stage, "stages": {name: name for name in ("contract", "won", "paid")}}]
    records = told(("contract", "10"), ("won", None), ("paid", None))
    assert [day for day, _ in amounts(tmp_path, *records, stages=stages)] == days


def test_the_money_rule_of_the_deals_creation_day_holds_for_its_life(tmp_path: Path) -> None:
    names = {"contract": "contract", "paid": "paid"}
    rules = [{"money_stage": "paid", "stages": names}, {"money_stage": "contract", "valid_from": "2026-10-06", "stages": names}]
    early, late = told(("contract", "10"), ("contract", "20")), [deal("late", AT + DAY, "contract", "7")]
    assert amounts(tmp_path, *early, *late, stages=rules) == [(6, "7.00")]


def test_a_deal_that_was_deleted_gives_its_money_back(tmp_path: Path) -> None:
    assert amounts(tmp_path, *told(("won", "10")), deal("d", AT + DAY, is_deleted=True)) == [(5, "10.00"), (6, "-10.00")]


# Payments


def test_payments_replace_the_sum_where_one_is_positive(tmp_path: Path) -> None:
    records = [*told(("won", "100")), payment("d", AT + DAY, "60", "a"), payment("d", AT + 2 * DAY, "-10", "b")]
    assert events(tmp_path, *records) == [(6, "payment", "60.00", None), (7, "refund", "-10.00", None)]


def test_a_refund_lowers_the_sum_where_nothing_was_paid(tmp_path: Path) -> None:
    records = [*told(("won", "100")), payment("d", AT + DAY, "-10", "a")]
    assert events(tmp_path, *records) == [(5, "stage", "100.00", None), (6, "refund", "-10.00", None)]


def test_the_latest_record_of_a_payment_id_counts(tmp_path: Path) -> None:
    twice = [payment("d", AT, "60", "a"), payment("d", AT, "50", "a", received_at=AT + 3 * DAY)]
    assert amounts(tmp_path, *told(("working", "1")), *twice) == [(5, "50.00")]


def test_a_payment_taken_back_to_zero_lets_the_sum_count_again(tmp_path: Path) -> None:
    twice = [payment("d", AT, "60", "a"), payment("d", AT, "0", "a", received_at=AT + 3 * DAY)]
    assert amounts(tmp_path, *told(("won", "1")), *twice) == [(5, "1.00")]


def test_payments_without_an_id_are_each_their_own(tmp_path: Path) -> None:
    records = [payment("d", AT, "60"), payment("d", AT + DAY, "60")]
    assert amounts(tmp_path, *told(("working", None)), *records) == [(5, "60.00"), (6, "60.00")]


def test_a_payment_of_an_unknown_deal_waits_for_it(tmp_path: Path) -> None:
    assert amounts(tmp_path, payment("d", AT, "60", "a")) == []


# Sales and claims


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        (told(("won", "100")), (5, Decimal(100))),
        ([*told(("working", "1")), payment("d", AT, "50", "a"), payment("d", AT + DAY / 12, "-50", "b")], (None, Decimal(0))),
        (
            [
                *told(("working", "1")),
                payment("d", AT, "-5", "a"),
                payment("d", AT + DAY, "5", "b"),
                payment("d", AT + 2 * DAY, "1", "c"),
            ],
            (7, Decimal(1)),
        ),
        (told(("won", "100"), ("lost", None)), (5, Decimal(0))),
        (told(("working", "100")), (None, None)),
        (told(("won", "100"), ("claim", None)), (None, Decimal(-100))),
    ],
)
def test_a_sale_is_the_first_day_that_closes_above_zero(records: list[Record], expected: Any, tmp_path: Path) -> None:
    assert sale(tmp_path, *records)[:2] == expected


def test_a_sale_day_is_the_sites_local_day(tmp_path: Path) -> None:
    assert sale(tmp_path, deal("d", utc("10-05 21:00"), "won", "1"))[0] == 6


@pytest.mark.parametrize("amount", ["30", "-30"])
def test_a_claim_is_minus_its_sum_and_never_a_sale(amount: str, tmp_path: Path) -> None:
    assert events(tmp_path, *told(("claim", amount))) == [(5, "claim", "-30.00", "0.00")]
    assert sale(tmp_path / "b", *told(("claim", amount)), payment("d", AT, "500", "a")) == (None, Decimal(-30), Decimal(-30))


# Cost price


@pytest.mark.parametrize(
    ("more", "paid", "parts"),
    [
        ({"cost_price": "40"}, ["100"], ["40.00"]),
        ({"cost_price": "40"}, ["50", "50"], ["20.00", "20.00"]),
        ({"cost_price": "0.01"}, ["33.33", "33.33", "33.34"], ["0.00", "0.01", "0.00"]),
        ({"cost_price": "40"}, ["50", "-50"], ["20.00", "-20.00"]),
        ({"cost_price": "40", "products_cost": "70"}, ["100"], ["40.00"]),
        ({"products_cost": "70"}, ["100"], ["70.00"]),
        ({}, ["100"], [None]),
    ],
)
def test_cost_price_goes_with_the_money_pro_rata(more: Any, paid: list[str], parts: list[Any], tmp_path: Path) -> None:
    records = [payment("d", AT + n * DAY, amount, f"p{n}") for n, amount in enumerate(paid)]
    assert [part for *_, part in events(tmp_path, deal("d", AT, "working", "100", **more), *records)] == parts


def test_the_deals_own_cost_price_stands_before_a_later_one_of_its_products(tmp_path: Path) -> None:
    records = [deal("d", AT, "won", "100", cost_price="40"), deal("d", AT + DAY, products_cost="70")]
    assert sale(tmp_path, *records)[2] == Decimal("60.00")


def test_the_latest_cost_price_and_sum_hold_for_all_events(tmp_path: Path) -> None:
    records = [deal("d", AT, "won", "100", cost_price="40"), deal("d", AT + DAY, None, "200", cost_price="100")]
    assert events(tmp_path, *records) == [(5, "stage", "100.00", "50.00"), (6, "stage", "100.00", "50.00")]


def test_without_a_cost_price_the_margin_of_the_day_applies(tmp_path: Path) -> None:
    margins = [{"valid_from": "2026-10-06", "percent": "30"}, {"valid_from": "2026-10-07", "percent": "-20.5"}]
    records = [*told(("working", "1")), *(payment("d", AT + n * DAY, "100", f"p{n}") for n in range(3))]
    assert [part for *_, part in events(tmp_path, *records, margins=margins)] == [None, "70.00", "120.50"]


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.integers(-(10**8), 10**8), min_size=1, max_size=6), st.integers(1, 10**9), st.integers(0, 10**9))
def test_cost_prices_of_the_parts_add_up_to_that_of_the_whole(
    tmp_path_factory: pytest.TempPathFactory, kopecks: list[int], total: int, price: int
) -> None:
    paid = [total, *kopecks]  # the first payment is positive
    assume(all(abs(running) * price < 2**53 * total for running in accumulate(paid)))  # kopecks that a double holds
    records = [payment("d", AT + n * DAY, str(Decimal(part) / 100), f"p{n}") for n, part in enumerate(paid)]
    told_deal = deal("d", AT, "working", str(Decimal(total) / 100), cost_price=str(Decimal(price) / 100))
    found = events(tmp_path_factory.mktemp("parts"), told_deal, *records)
    whole = Decimal(price) * sum(paid) / total
    assert abs(sum(Decimal(part) for *_, part in found) * 100 - whole) <= Decimal("0.5001")


# Currency


def test_foreign_money_takes_the_rate_of_its_very_day_and_stays_out_without_one(tmp_path: Path) -> None:
    rates = [{"currency": "USD", "day": "2026-10-05", "rate": "80.5"}, {"currency": "USD", "day": "2026-10-07", "rate": "90"}]
    records = [
        *told(("working", "10"), currency="USD", cost_price="4"),
        *(payment("d", AT + n * DAY, "10", f"p{n}", currency="USD") for n in range(3)),
    ]
    found = events(tmp_path, *records, rates=rates)
    assert found == [(5, "payment", "805.00", "322.00"), (6, "payment", None, None), (7, "payment", "900.00", "360.00")]
    rows = marts_of(tmp_path / "b", records, shop(rates=rates)).rows("money_events", "original_amount", "currency")
    assert set(rows) == {(Decimal(10), "USD")}
    assert sale(tmp_path / "c", *records, rates=rates) == (5, Decimal(1705), Decimal(1023))


def test_a_deal_that_changes_its_currency_leaves_the_old_one(tmp_path: Path) -> None:
    records = [deal("d", AT, "won", "100"), deal("d", AT + DAY, None, "2", currency="USD")]
    rates = [{"currency": "USD", "day": "2026-10-06", "rate": "90"}]
    assert sorted(amounts(tmp_path, *records, rates=rates)) == [(5, "100.00"), (6, "-100.00"), (6, "180.00")]
