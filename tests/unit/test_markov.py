"""Removal effects of the Markov chain: exact, of any order (docs/method.md, models)."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.attribution.markov import SEPARATOR, Transition, bounded_effects, following, removal_effects

Path = tuple[str, ...]
Counts = dict[Path, tuple[int, int]]  # path → (conversions, nulls)


def transitions(counts: Counts, order: int = 1) -> list[Transition]:
    """What transitions.sql makes of these paths."""
    found: Counter[tuple[str, str, str]] = Counter()
    for path, (conversions, nulls) in counts.items():
        state = ""
        for channel in path:
            found[state, "touch", channel] += conversions + nulls
            state = following(state, channel, order)
        found[state, "conversion", ""] += conversions
        found[state, "null", ""] += nulls
    return [Transition(*key, paths) for key, paths in found.items() if paths]


def chance(moves: list[Transition], order: int, without: str | None = None) -> Fraction:
    """P(sale) in exact fractions by elimination, state by state: another way to the same number."""
    left: Counter[str] = Counter()
    for move in moves:
        left[move.from_state] += move.paths
    rows: dict[str, dict[str, Fraction]] = {state: {} for state in left}
    for move in moves:
        share = Fraction(move.paths, left[move.from_state])
        if move.outcome == "conversion":
            rows[move.from_state]["sale"] = rows[move.from_state].get("sale", Fraction(0)) + share
        elif move.outcome == "touch" and move.channel != without:
            after = following(move.from_state, move.channel, order)
            rows[move.from_state][after] = rows[move.from_state].get(after, Fraction(0)) + share
    for state in [s for s in rows if s]:
        row = rows.pop(state)
        stays = 1 - row.pop(state, Fraction(0))
        for other in rows.values():
            if state in other:
                part = other.pop(state) / stays
                for after, share in row.items():
                    other[after] = other.get(after, Fraction(0)) + part * share
    start = rows[""]
    return start.get("sale", Fraction(0)) / (1 - start.get("", Fraction(0)))


def test_a_chain_done_by_hand() -> None:
    moves = transitions({("ad",): (1, 1), ("ad", "mail"): (1, 0), ("mail",): (0, 1)})
    # Start goes to the ad 3 of 4 times; P = 3/4 · (1/3 + 1/3 · 1/2) + 1/4 · 1/2 = 1/2; without the ad 1/8, without mail 1/4.
    assert removal_effects(moves) == pytest.approx({"ad": 0.75, "mail": 0.5}, abs=1e-15)


def test_a_channel_that_every_sale_needs_has_the_whole_effect_and_a_useless_one_none() -> None:
    effects = removal_effects(transitions({("ad", "shop"): (5, 5), ("blog",): (0, 9)}))
    assert effects == pytest.approx({"ad": 1.0, "blog": 0.0, "shop": 1.0}, abs=1e-15)


def test_without_a_sale_there_are_no_effects() -> None:
    assert removal_effects(transitions({("ad",): (0, 3)})) == {}
    assert removal_effects([]) == {}


def test_counts_that_come_from_no_paths_are_refused() -> None:
    with pytest.raises(ValueError, match="never left"):
        removal_effects([Transition("", "touch", "ad", 1), Transition("", "conversion", "", 1)])


def test_the_second_order_knows_what_came_before() -> None:
    """After mail the ad sells, alone it does not: only an order of 2 sees that mail makes every sale."""
    counts: Counts = {("mail", "ad"): (4, 0), ("ad",): (0, 4)}
    assert removal_effects(transitions(counts, 2), 2) == pytest.approx({"ad": 1.0, "mail": 1.0}, abs=1e-15)
    assert removal_effects(transitions(counts, 1), 1)["mail"] == pytest.approx(0.5, abs=1e-15)


@given(
    st.dictionaries(
        st.lists(st.sampled_from("abcd"), min_size=1, max_size=6).map(tuple),
        st.tuples(st.integers(0, 9), st.integers(0, 9)).filter(any),
        min_size=1,
        max_size=12,
    ),
    st.integers(1, 3),
)
def test_effects_equal_the_chain_solved_in_fractions(counts: Counts, order: int) -> None:
    moves = transitions(counts, order)
    effects = removal_effects(moves, order)
    whole = chance(moves, order)
    if not whole:
        assert effects == {}
        return
    exact = {channel: 1 - chance(moves, order, channel) / whole for path in counts for channel in path}
    assert effects == pytest.approx({channel: float(effect) for channel, effect in exact.items()}, abs=1e-12)


def test_the_order_of_the_counts_says_nothing() -> None:
    moves = transitions({("a", "b", "a"): (3, 1), ("b",): (1, 7), ("c", "a"): (2, 5)})
    assert removal_effects(moves) == removal_effects(list(reversed(moves)))


def test_states_hold_the_last_channels() -> None:
    states = [following("", "a", 2), following("a", "b", 2), following(f"a{SEPARATOR}b", "c", 2)]
    assert states == ["a", f"a{SEPARATOR}b", f"b{SEPARATOR}c"]
    assert all(len(after) >= len(before) for before, after in pairwise(states))


def test_a_chain_with_too_many_states_is_looked_at_with_a_shorter_memory() -> None:
    counts: Counts = {("a", "b", "a", "b"): (3, 1), ("b",): (1, 1)}
    assert bounded_effects(transitions(counts, 3), 3) == (removal_effects(transitions(counts, 3), 3), 3)
    assert bounded_effects(transitions(counts, 3), 3, most_states=5) == (removal_effects(transitions(counts, 2), 2), 2)
    assert bounded_effects(transitions(counts, 3), 3, most_states=3) == (removal_effects(transitions(counts)), 1)


def test_the_rarest_of_too_many_channels_stand_as_one_and_share_by_their_touches() -> None:
    """Of a, b, c and d the last two stand together: two sales of the six need them, one touch in three is of d."""
    counts: Counts = {("a",): (3, 3), ("b",): (1, 2), ("c",): (2, 0), ("d",): (0, 1)}
    effects, order = bounded_effects(transitions(counts), 1, most_states=4)
    assert order == 1
    assert list(effects) == ["a", "b", "c", "d"]
    assert effects["c"] == pytest.approx(2 * effects["d"], abs=1e-15)
    assert [effects["a"], effects["b"]] == pytest.approx([1 / 2, 1 / 6], abs=1e-12)
    assert effects["c"] + effects["d"] == pytest.approx(1 / 3, abs=1e-12)


def test_channels_in_thousands_are_solved_in_bounded_time() -> None:
    counts: Counts = {(f"c{n}", f"c{n % 7}"): (n % 3, 1) for n in range(5000)}
    effects, _ = bounded_effects(transitions(counts), 1, most_states=200)
    assert len(effects) == 5000
    assert all(0 <= effect <= 1 for effect in effects.values())
