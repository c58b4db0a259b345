"""Exact money: amounts from outside, and parts that add up to the whole."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.collect.imports import lines
from functions.costs import cells
from functions.crm_webhook import generic
from functions.crm_webhook.fields import mapped_values
from functions.crm_webhook.reading import Private
from shared.money import LARGEST, MICRO, largest_remainder, parse_amount, to_kopecks
from shared.records import KINDS
from shared.texts import Refused

NOW = datetime(2026, 11, 6, 9, 0, tzinfo=UTC)
AMOUNTS = st.decimals(-LARGEST, LARGEST, places=2)
WEIGHTS = st.lists(st.integers(1, 1000), min_size=1, max_size=12).map(lambda parts: [p / sum(parts) for p in parts])


@pytest.mark.parametrize(
    ("sent", "amount"),
    [
        ("186400.00", "186400.00"),
        ("1 234,50", "1234.50"),
        ("1\u00a0234\u202f567.8", "1234567.80"),
        ("-9750", "-9750.00"),
        ("+5", "5.00"),
        (0, "0.00"),
        (94250.5, "94250.50"),
        (Decimal("0.10"), "0.10"),
    ],
)
def test_amounts_as_people_write_them(sent: object, amount: str) -> None:
    assert str(parse_amount(sent)) == amount


@pytest.mark.parametrize(
    "sent", ["", "10.005", "1,234.50", "1e5", "0x10", "NaN", "١٢", True, None, [], float("inf"), 1e22, "9" * 14, "=1+1", "12 руб."]
)
def test_senseless_amounts_say_so(sent: object) -> None:
    with pytest.raises(ValueError, match="amount"):
        parse_amount(sent)


@given(AMOUNTS)
def test_amounts_keep_every_kopeck(amount: Decimal) -> None:
    assert parse_amount(f"{amount:f}") == amount
    assert to_kopecks(amount) == int(amount * 100)


@given(st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.text("0123456789.,+- eE"))
def test_any_value_is_an_amount_or_a_value_error(sent: object) -> None:
    try:
        amount = parse_amount(sent)
    except ValueError:
        return
    assert amount.is_finite()
    assert amount == round(amount, 2)


def test_six_digits_where_asked_for() -> None:
    assert parse_amount("0.000001", MICRO) == MICRO


@given(st.integers(-(10**12), 10**12), WEIGHTS)
def test_parts_add_up_to_the_whole(total: int, weights: list[float]) -> None:
    parts = largest_remainder(total, weights)
    assert sum(parts) == total
    assert all(abs(part - total * weight) <= 1.001 for part, weight in zip(parts, weights, strict=True))


@given(st.integers(0, 10**12), WEIGHTS)
def test_negative_totals_mirror_positive_ones(total: int, weights: list[float]) -> None:
    assert largest_remainder(-total, weights) == [-part for part in largest_remainder(total, weights)]


@pytest.mark.parametrize(
    ("total", "weights", "parts"),
    [
        (100, [1 / 3] * 3, [34, 33, 33]),
        (1, [0.5, 0.5], [1, 0]),
        (-1, [0.5, 0.5], [-1, 0]),
        (10, [0.4, 0.2, 0.4], [4, 2, 4]),
        (0, [1.0], [0]),
    ],
)
def test_ties_go_to_the_earlier_touch(total: int, weights: list[float], parts: list[int]) -> None:
    assert largest_remainder(total, weights) == parts


def test_halves_of_a_kopeck_go_away_from_zero() -> None:
    assert (to_kopecks(Decimal("0.005")), to_kopecks(Decimal("-0.005"))) == (1, -1)


# What a door stores of an amount as sent; None where it refuses it. One entry for every way into every decimal column.


def _of_cost_cell(sent: str) -> Decimal | None:
    try:
        return cells.cost(sent)
    except cells.BadCell:
        return None


def _of_percent_cell(sent: str) -> Decimal | None:
    try:
        return cells.percent(sent)
    except cells.BadCell:
        return None


def _of_import(sent: str) -> Decimal | None:
    line = {"type": "payment", "occurred_at": "2026-10-12T10:40:26Z", "deal_id": "7", "amount": sent}
    try:
        return Decimal(lines.record_of(orjson.dumps(line), lines.Import("shop", "RUB", NOW, lambda: b"key"))[1]["amount"])
    except Refused:
        return None


def _of_crm(column: str, **data: Any) -> Decimal | None:
    event = {"type": "deal.updated", "timestamp": "2026-10-12T10:40:26Z", "data": {"deal_id": "7", **data}}
    found = generic.records_of(orjson.dumps(event), generic.Arrival("shop", "msg", NOW, b"key"), {})
    if found.rejected:
        return None
    values = {
        name: value for _, line in found.records for name, value in json.loads(line, parse_float=Decimal, parse_int=Decimal).items()
    }
    return Decimal(values[column])


def _of_own_field(sent: str) -> Decimal | None:
    """A field of the CRM's own, as the settings name it: every CRM's way of telling what is owed."""
    found: Decimal | None = mapped_values(lambda name: sent, {"receivable": "x"}, Private([], b"key"), Counter())["receivable"]
    return found


DOORS: list[tuple[str, str, Callable[[str], Decimal | None]]] = [
    ("cost", "cost", _of_cost_cell),
    ("cost", "vat_percent", _of_percent_cell),
    ("payment", "amount", _of_import),
    ("payment", "amount", lambda sent: _of_crm("amount", payment={"amount": sent})),
    ("crm_event", "amount", lambda sent: _of_crm("amount", amount=sent)),
    ("crm_event", "cost_price", lambda sent: _of_crm("cost_price", cost_price=sent)),
    ("crm_event", "receivable", _of_own_field),
    ("crm_event", "products_cost", lambda sent: _of_crm("products_cost", products=[{"cost": sent}])),
    ("crm_event", "products_cost", lambda sent: _of_crm("products_cost", products=[{"cost": sent, "quantity": sent}])),
    ("crm_event", "products_cost", lambda sent: _of_crm("products_cost", products=[{"cost": sent}] * 20)),
]


def test_every_decimal_column_has_its_doors_here() -> None:
    columns = {(kind.name, c.name) for kind in KINDS.values() for c in kind.columns if c.type.startswith("decimal")}
    assert columns == {(kind, column) for kind, column, _ in DOORS}


@pytest.mark.parametrize(("kind", "name", "door"), DOORS)
def test_no_door_lets_more_in_than_its_column_holds(kind: str, name: str, door: Callable[[str], Decimal | None]) -> None:
    (column,) = (c for c in KINDS[kind].columns if c.name == name)
    scale = int(column.type.removesuffix(")").split(",")[1])
    assert door("1") is not None
    for digits in range(1, 20):
        for sent in ("9" * digits, "1" + "0" * (digits - 1), "-" + "9" * digits, "9" * digits + "." + "9" * scale):
            stored = door(sent)
            assert stored is None or abs(stored) < column.bound
            assert stored is None or stored == stored.quantize(Decimal(1).scaleb(-scale))


def test_the_bound_of_a_column_is_its_digits_before_the_point() -> None:
    assert {c.type: c.bound for kind in KINDS.values() for c in kind.columns if c.type.startswith("decimal")} == {
        "decimal(18,2)": 10**16,
        "decimal(18,6)": 10**12,
        "decimal(5,2)": 10**3,
    }
    assert LARGEST < 10**13
