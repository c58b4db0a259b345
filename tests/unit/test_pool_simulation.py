"""Erlang B against simulations (docs/method.md, numbers and calls): Poisson visitors, holds of several kinds with one mean, and the
real choice of a number."""

from __future__ import annotations

import math
from collections.abc import Callable
from heapq import heappop, heappush
from typing import Any

import numpy as np
import pytest

from functions.numberpool.choice import Choice, Number, choose
from functions.numberpool.rules import Rules
from shared.pool_size import loss, numbers_for, offered_load

Holds = Callable[[np.random.Generator, int], "np.ndarray[Any, np.dtype[np.float64]]"]
BATCHES, BATCH, WARM_UP = 40, 2_500, 5_000
# What 40 batches say of their mean: t of 39 degrees of freedom. 99.9 %, since several loads are held to it.
T_OF_BATCHES = 3.558
# With mean 1. Erlang B knows the mean only (insensitivity of the M/G/n/n system to the kind of hold).
HOLDS: dict[str, Holds] = {
    "constant": lambda play, n: np.ones(n),
    "exponential": lambda play, n: play.exponential(1, n),
    "two-point": lambda play, n: play.choice((0.25, 4.0), n, p=(0.8, 0.2)),
}


def lost(load: float, numbers: int, holds: Holds, seed: int) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Which visitors find no number; the mean hold is 1, `load` arrive in that time. What came before the steady state is left
    out."""
    play = np.random.default_rng(seed)
    visitors = BATCHES * BATCH + WARM_UP
    arrivals, spans = np.cumsum(play.exponential(1 / load, visitors)).tolist(), holds(play, visitors).tolist()
    free_at: list[float] = []
    found = np.zeros(visitors, dtype=bool)
    for place, (at, span) in enumerate(zip(arrivals, spans, strict=True)):
        while free_at and free_at[0] <= at:
            heappop(free_at)
        if len(free_at) < numbers:
            heappush(free_at, at + span)
        else:
            found[place] = True
    return found[WARM_UP:]


def band(found: np.ndarray[Any, np.dtype[np.bool_]]) -> tuple[float, float]:
    """Mean share and half the width of its confidence interval, from means of batches: neighbours in the queue are not
    independent."""
    means = found.reshape(BATCHES, -1).mean(axis=1)
    return float(means.mean()), T_OF_BATCHES * float(means.std(ddof=1)) / math.sqrt(BATCHES)


@pytest.mark.parametrize("name", HOLDS)
@pytest.mark.parametrize(("load", "numbers"), [(10, 10), (10, 18), (2.5, 4), (110, 110), (110, 128)])
def test_the_share_without_a_number_is_erlangs_whatever_the_holds(name: str, load: float, numbers: int) -> None:
    share, half = band(lost(load, numbers, HOLDS[name], 20261012 + numbers))
    assert half < 0.016, "the simulation is long enough to say something"
    assert abs(share - loss(load, numbers)) <= half


def test_a_pool_one_number_off_is_told_apart_by_the_simulation() -> None:
    share, half = band(lost(10, 10, HOLDS["exponential"], 1))
    assert abs(share - loss(10, 9)) > half
    assert abs(share - loss(10, 11)) > half


def test_the_figures_of_the_definitions() -> None:
    """200 visitors an hour × 3 min; with a hold of 33 min."""
    assert offered_load(200, 180) == 10
    assert f"{loss(10, 10):.1%}" == "21.5%"
    assert numbers_for(10, 0.01) == 18
    assert offered_load(200, 33 * 60) == pytest.approx(110)
    assert numbers_for(110, 0.01) == 128
    for load, enough in ((10, 18), (110, 128)):
        share, half = band(lost(load, enough, HOLDS["exponential"], 7))
        assert share - half <= 0.01
        fewer, half = band(lost(load, enough - 3, HOLDS["exponential"], 7))
        assert fewer - half > loss(load, enough)


def test_the_choice_of_a_number_loses_what_erlang_says() -> None:
    """Visitors who come once, each from an address of his own: 10 erlang, 12 numbers, holds of visit, tail and cool-down."""
    rules = Rules(lease_seconds=60, cool_down_seconds=120, prefix_percent=20)
    play = np.random.default_rng(5)
    size, visits, load = 12, 12_000, 10.0
    visit = play.exponential(120, visits)  # seconds from the lease to the last sign of life
    hold = visit.mean() + rules.lease_seconds + rules.cool_down_seconds
    arrivals = np.cumsum(play.exponential(hold / load, visits))
    pool = {name: Number(name) for name in map(str, range(size))}
    refused = np.zeros(visits, dtype=bool)
    for place in range(visits):
        now, who = int(arrivals[place] * 1000), f"v{place}"
        choice = choose(list(pool.values()), who, who, now, rules, int(play.integers(1 << 30)))
        if isinstance(choice, Choice):
            until = now + int((visit[place] + rules.lease_seconds) * 1000)
            pool[choice.number.number] = Number(choice.number.number, who, who, now, until, is_confirmed=True, prefix=who)
        else:
            assert choice == "pool_full"
            refused[place] = True
    means = refused[2_000:].reshape(40, -1).mean(axis=1)
    half = T_OF_BATCHES * float(means.std(ddof=1)) / math.sqrt(len(means))
    assert abs(means.mean() - loss(load, size)) <= half
    assert half < 0.03
