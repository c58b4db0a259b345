"""Erlang B against published values and its own recurrence (docs/method.md, numbers and calls)."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.pool_size import loss, numbers_for, offered_load


def test_load_is_arrivals_times_hold() -> None:
    assert offered_load(200, 3 * 60) == 10
    assert offered_load(200, 33 * 60) == pytest.approx(110)


def test_ten_numbers_lose_a_fifth_of_ten_erlang_and_eighteen_one_percent() -> None:
    assert round(loss(10, 10), 3) == 0.215
    assert numbers_for(10, 0.01) == 18
    assert numbers_for(110, 0.01) == 128


@given(st.floats(0.01, 80), st.integers(0, 120))
def test_the_recurrence_is_erlangs_formula(load: float, numbers: int) -> None:
    terms = [math.exp(n * math.log(load) - math.lgamma(n + 1)) for n in range(numbers + 1)]
    assert loss(load, numbers) == pytest.approx(terms[-1] / sum(terms), rel=1e-9)


@given(st.floats(0, 300), st.floats(0.001, 0.5))
def test_one_number_less_loses_more_than_asked(load: float, most: float) -> None:
    enough = numbers_for(load, most)
    assert loss(load, enough) <= most
    assert enough == 0 or loss(load, enough - 1) > most


def test_more_than_anybody_can_lease_is_said() -> None:
    with pytest.raises(OverflowError):
        numbers_for(1e7, 0.01)
