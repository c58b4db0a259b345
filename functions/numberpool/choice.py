"""Which number a visitor gets (docs/method.md, numbers and calls). Pure; instants are unix milliseconds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

from functions.numberpool.rules import Rules

Phase = Literal["leased", "cooling", "free"]
Refusal = Literal["no_pool", "pool_full", "too_many_from_address"]


class Number(NamedTuple):
    """A number of a pool with its current or last lease; a number that never had one has no `lease_id`. `marks`: utm columns of
    the visit that leased it; `awaits_test`: since when no call has shown that it reaches us, 0 where one has."""

    number: str
    lease_id: str = ""
    visitor_id: str = ""
    leased_at: int = 0
    until: int = 0
    is_confirmed: bool = False
    prefix: str = ""
    is_retired: bool = False
    awaits_test: int = 0
    marks: Mapping[str, str] = {}

    @property
    def is_usable(self) -> bool:
        """Whether it may be leased: added, tried by a call, not retired."""
        return not self.is_retired and not self.awaits_test


class Choice(NamedTuple):
    """`kept`: the visitor's lease lives; `again`: his number was not given to another; `new`: a free one."""

    number: Number
    how: Literal["kept", "again", "new"]


def is_live(number: Number, now: int) -> bool:
    """A lease lasts to its last millisecond, `until` included."""
    return bool(number.lease_id) and now <= number.until


def free_at(number: Number, rules: Rules) -> int:
    """When its cool-down ends; 0 for a number never used. A lease without a sign of life cools down for a shorter time."""
    if not number.lease_id:
        return 0
    seconds = rules.cool_down_seconds if number.is_confirmed else rules.unconfirmed_cool_down_seconds
    return number.until + seconds * 1000


def phase(number: Number, now: int, rules: Rules) -> Phase:
    """What the number does at an instant."""
    if is_live(number, now):
        return "leased"
    return "free" if free_at(number, rules) <= now else "cooling"


def own_numbers(numbers: Sequence[Number], visitor_id: str) -> list[Number]:
    """Numbers whose last lease was the visitor's, the latest first. Several only where some were retired."""
    mine = [number for number in numbers if number.lease_id and number.visitor_id == visitor_id]
    return sorted(mine, key=lambda number: (number.leased_at, number.lease_id), reverse=True)


def is_room(numbers: Sequence[Number], prefix: str, now: int, percent: int) -> bool:
    """Whether one more lease keeps the address prefix within max(1, percent of the live leases), that lease counted."""
    live = [number for number in numbers if is_live(number, now)]
    mine = sum(number.prefix == prefix for number in live)
    return (mine + 1) * 100 <= max(100, percent * (len(live) + 1))


def is_share_left(numbers: Sequence[Number], prefix: str, now: int, rules: Rules) -> bool:
    """Whether one more number keeps the address prefix within max(1, percent of the pool's usable numbers), those that cool down
    counted: numbers that were taken and let go again would drain a pool as well."""
    usable = [number for number in numbers if number.is_usable]
    held = sum(number.prefix == prefix and phase(number, now, rules) != "free" for number in usable)
    return (held + 1) * 100 <= max(100, rules.prefix_percent * len(usable))


def choose(
    numbers: Sequence[Number], visitor_id: str, prefix: str, now: int, rules: Rules, pick: int, spread: int = 1
) -> Choice | Refusal:
    """The number to lease, or why there is none.

    The visitor's own first: his live lease, else his number as long as no other got it. Otherwise the free number with the earliest
    free time, never-used ones first, one of its equals by `pick` (random, 0 or more). `spread`: pick among at least so many of the
    first free ones; for those who lost a race, so that they do not all reach for the next number again.
    """
    mine = own_numbers(numbers, visitor_id)
    live = next((number for number in mine if is_live(number, now)), None)
    if live is not None:
        return Choice(live, "kept")
    usable = [number for number in numbers if number.is_usable]
    if not usable:
        return "no_pool"
    if not is_room(numbers, prefix, now, rules.prefix_percent):
        return "too_many_from_address"
    again = next((number for number in mine if number.is_usable), None)
    if again is not None:
        return Choice(again, "again")
    if not is_share_left(numbers, prefix, now, rules):
        return "too_many_from_address"
    free = sorted(
        (number for number in usable if phase(number, now, rules) == "free"),
        key=lambda number: (bool(number.lease_id), free_at(number, rules), number.number),
    )
    if not free:
        return "pool_full"
    first = (bool(free[0].lease_id), free_at(free[0], rules))
    equals = sum((bool(number.lease_id), free_at(number, rules)) == first for number in free)
    return Choice(free[pick % min(len(free), max(equals, spread))], "new")
