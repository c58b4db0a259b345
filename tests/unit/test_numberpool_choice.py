"""Which number a visitor gets: order, phases, the prefix rule; and a pool played at random never has two holders of a number."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.numberpool.choice import Choice, Number, choose, free_at, is_live, is_room, phase
from functions.numberpool.rules import Rules

RULES = Rules(prefix_percent=100)
NOW = 1_791_790_828_000
MINUTE = 60_000


def number(name: str, *, until: int = 0, visitor: str = "x", leased_at: int = 1, **told: object) -> Number:
    """A number whose last lease ends `until` ms from now; without `until`, never used."""
    if not until:
        return Number(name, **told)  # type: ignore[arg-type]
    return Number(name, f"lease-{name}", visitor, leased_at, NOW + until, **{"is_confirmed": True, "prefix": name, **told})  # type: ignore[arg-type]


def chosen(numbers: list[Number], visitor: str = "me", pick: int = 0, spread: int = 1) -> tuple[str, str] | str:
    choice = choose(numbers, visitor, "mine", NOW, RULES, pick, spread)
    return (choice.number.number, choice.how) if isinstance(choice, Choice) else choice


@pytest.mark.parametrize(
    ("until", "is_confirmed", "expected"),
    [
        (MINUTE, True, "leased"), (0.5, True, "leased"), (-1, True, "cooling"), (-1800 * 1000 + 1, True, "cooling"),
        (-1800 * 1000, True, "free"), (-300 * 1000 + 1, False, "cooling"), (-300 * 1000, False, "free"),
    ],
)  # fmt: skip
def test_a_number_is_leased_then_cools_down_then_is_free(until: float, is_confirmed: bool, expected: str) -> None:
    assert phase(number("a", until=int(until) or 1, is_confirmed=is_confirmed), NOW, RULES) == expected


def test_a_lease_lasts_through_its_last_millisecond_and_no_cool_down_begins_after_it() -> None:
    ends = Number("a", "lease", "x", 1, NOW, True)
    assert is_live(ends, NOW)
    assert phase(ends, NOW, Rules(cool_down_seconds=0)) == "leased"
    assert phase(ends, NOW + 1, Rules(cool_down_seconds=0)) == "free"


def test_a_number_never_used_is_free() -> None:
    assert phase(number("a"), 0, RULES) == "free"
    assert free_at(number("a"), RULES) == 0


def test_the_live_lease_of_the_visitor_comes_first() -> None:
    numbers = [number("free"), number("old", until=-MINUTE, visitor="me"), number("live", until=MINUTE, visitor="me")]
    assert chosen(numbers) == ("live", "kept")


def test_his_number_comes_back_as_long_as_no_other_got_it() -> None:
    assert chosen([number("free"), number("old", until=-MINUTE, visitor="me")]) == ("old", "again")
    assert chosen([number("free"), number("old", until=-30 * 86_400_000, visitor="me")]) == ("old", "again")
    assert chosen([number("free"), number("old", until=-MINUTE, visitor="other")]) == ("free", "new")


def test_of_two_numbers_of_his_the_latest_comes_back() -> None:
    numbers = [number("b", until=-MINUTE, visitor="me", leased_at=2), number("a", until=-MINUTE, visitor="me", leased_at=1)]
    assert chosen(numbers) == ("b", "again")


def test_never_used_then_earliest_free() -> None:
    old, older = number("old", until=-31 * MINUTE), number("older", until=-40 * MINUTE)
    assert chosen([old, older, number("new")]) == ("new", "new")
    assert chosen([old, older]) == ("older", "new")
    short = number("short", until=-40 * MINUTE, is_confirmed=False)  # free for 35 minutes, the other for ten
    assert chosen([older, short]) == ("short", "new")


@given(st.integers(0, 10**9))
def test_one_at_random_among_equals_and_never_another(pick: int) -> None:
    equals = [number(name, until=-40 * MINUTE) for name in "abc"]
    others = [number("d", until=-39 * MINUTE), number("e", until=MINUTE)]
    assert chosen([*equals, *others], pick=pick) == ("abc"[pick % 3], "new")


def test_who_lost_a_race_spreads_over_more_of_the_free_numbers() -> None:
    free = [number(name, until=(-60 + place) * MINUTE) for place, name in enumerate("abcdef")]
    assert {chosen(free, pick=pick)[0] for pick in range(20)} == {"a"}
    assert {chosen(free, pick=pick, spread=4)[0] for pick in range(20)} == set("abcd")
    assert {chosen(free, pick=pick, spread=64)[0] for pick in range(20)} == set("abcdef")


def test_nothing_is_taken_from_a_visitor() -> None:
    assert chosen([number("a", until=MINUTE), number("b", until=-MINUTE)]) == "pool_full"
    assert chosen([]) == "no_pool"


def test_a_retired_number_goes_to_nobody_but_stays_with_its_visitor() -> None:
    assert chosen([number("a", is_retired=True)]) == "no_pool"
    assert chosen([number("a", until=-MINUTE, visitor="me", is_retired=True), number("b")]) == ("b", "new")
    assert chosen([number("a", until=MINUTE, visitor="me", is_retired=True), number("b")]) == ("a", "kept")


@given(st.integers(0, 60), st.integers(0, 60), st.integers(1, 100))
def test_a_prefix_holds_at_most_its_share_after_the_lease_and_always_one(mine: int, others: int, percent: int) -> None:
    live = [number(f"m{n}", until=MINUTE, prefix="p") for n in range(mine)]
    live += [number(f"o{n}", until=MINUTE, prefix=f"q{n}") for n in range(others)]
    over = [number("over", until=-MINUTE, prefix="p")] * 5
    is_allowed = mine + 1 <= max(1, percent / 100 * (mine + others + 1) + 1e-9)
    assert is_room(live + over, "p", NOW, percent) == is_allowed
    assert is_room([], "p", NOW, percent)


def test_the_prefix_rule_does_not_part_a_visitor_from_his_live_lease() -> None:
    crowd = [number(f"n{n}", until=MINUTE, visitor=f"v{n}", prefix="mine") for n in range(3)]
    strict = RULES._replace(prefix_percent=1)
    assert choose(crowd, "v1", "mine", NOW, strict, 0) == Choice(crowd[1], "kept")
    assert choose([*crowd, number("free")], "me", "mine", NOW, strict, 0) == "too_many_from_address"


class Play:
    """A pool held in memory: what the transaction would write, and the history it leaves."""

    def __init__(self, size: int, rules: Rules) -> None:
        self.pool = {name: Number(name) for name in "abcdefgh"[:size]}
        self.rules, self.now = rules, NOW
        self.history: list[tuple[str, str, int, int]] = []  # number, visitor, from, until; closed at the end

    def lease(self, visitor: str, prefix: str, pick: int) -> None:
        choice = choose(list(self.pool.values()), visitor, prefix, self.now, self.rules, pick)
        if not isinstance(choice, Choice):
            return
        old = choice.number
        if choice.how == "kept":
            self.pool[old.number] = old._replace(
                until=max(old.until, self.now + self.rules.lease_seconds * 1000), is_confirmed=True
            )
            return
        self.close(old)
        until = self.now + self.rules.first_lease_seconds * 1000
        self.pool[old.number] = Number(old.number, f"l{len(self.history)}-{self.now}", visitor, self.now, until, prefix=prefix)

    def close(self, old: Number) -> None:
        if old.lease_id:
            self.history.append((old.number, old.visitor_id, old.leased_at, old.until))


@given(
    st.integers(1, 4),
    st.sampled_from(
        [Rules(), Rules(cool_down_seconds=0, unconfirmed_cool_down_seconds=0, prefix_percent=100), Rules(prefix_percent=50)]
    ),
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 3), st.integers(0, 900), st.integers(0, 9)), max_size=60),
)
def test_never_two_holders_of_a_number_and_never_two_numbers_of_a_visitor(
    size: int, rules: Rules, steps: list[tuple[int, int, int, int]]
) -> None:
    play = Play(size, rules)
    for visitor, prefix, seconds, pick in steps:
        play.now += seconds * 1000
        play.lease(f"v{visitor}", f"p{prefix}", pick)
        live = [held.visitor_id for held in play.pool.values() if is_live(held, play.now)]
        assert len(live) == len(set(live))
    for held in play.pool.values():
        play.close(held)
    for name in play.pool:
        spans = sorted((start, end, who) for n, who, start, end in play.history if n == name)
        for (_, end, who), (start, _, next_who) in pairwise(spans):
            assert start > end
            cool = min(rules.cool_down_seconds, rules.unconfirmed_cool_down_seconds) * 1000
            assert who == next_who or start >= end + cool


def test_numbers_that_an_address_let_go_count_while_they_cool_down() -> None:
    """Else it would drain the pool by taking numbers and never coming back."""
    rules = RULES._replace(prefix_percent=20)
    taken = [number(f"taken{n}", until=-1, visitor=f"v{n}", prefix="flood", is_confirmed=False) for n in range(2)]
    others = [number(f"free{n}") for n in range(8)]
    assert is_room([*taken, *others], "flood", NOW, 20)  # nobody's lease lives
    assert choose([*taken, *others], "me", "flood", NOW, rules, 0) == "too_many_from_address"  # 2 of 10 are his share
    assert isinstance(choose([*taken, *others], "me", "elsewhere", NOW, rules, 0), Choice)
    own = choose([*taken, *others], "v1", "flood", NOW, rules, 0)
    assert isinstance(own, Choice)
    assert (own.how, own.number.number) == ("again", "taken1"), "his own number is no more than he had"
    cool = rules.unconfirmed_cool_down_seconds * 1000
    assert isinstance(choose([*taken, *others], "me", "flood", NOW + cool, rules, 0), Choice)
