"""Exact money: amounts from outside, and parts that add up to the whole."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.money import LARGEST, MICRO, largest_remainder, parse_amount, to_kopecks

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
