"""`skvoz numbers list` and `status`: what each number does, and how full each pool is. No visitors are shown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

from functions.numberpool.choice import Number, free_at, phase
from functions.numberpool.rules import Rules
from infra.cli.numbers import table as at
from infra.cli.numbers.table import Bucket, Pool, TableName
from shared.leases import POOL

SHORT = 0.1  # share of free numbers under which a pool is short of them
_WIDE = 110


class Fill(NamedTuple):
    """Numbers of a pool at an instant. `usable` ones are leased, cooling or free."""

    usable: int
    leased: int
    cooling: int
    free: int
    waiting: int
    retired: int

    @property
    def utilisation(self) -> float | None:
        """Share of the usable ones that nobody new can get; None without any."""
        return (self.leased + self.cooling) / self.usable if self.usable else None


def list_(site: str, table: TableName, pool: Pool = POOL, bucket: Bucket = "") -> None:
    """Show what each number does: leased, cooling, free, awaiting its test or retired, and since when."""
    at.check_names(site, pool)
    found = at.store_of(table).numbers(site, pool)
    if not found:
        print(f"pool {pool} of {site} has no numbers; add some with: skvoz numbers add {site} NUMBER… --pool {pool}")
        return
    rules, now = at.known_rules(site, bucket).of_pool(pool), at.now_millis()
    shown = Table("number", "phase", "leased at (UTC)", "until (UTC)", "free at (UTC)")
    for number in found:
        shown.add_row(*_row(number, now, rules))
    Console(width=_WIDE).print(shown)


def status(site: str, table: TableName, bucket: Bucket = "") -> None:
    """A line a pool: how many numbers are leased, cooling down, free, awaiting their test, retired. Warns where few are free."""
    at.check_names(site)
    rules, store, now = at.known_rules(site, bucket), at.store_of(table), at.now_millis()
    fills = {pool: fill_of(store.numbers(site, pool), now, rules.of_pool(pool)) for pool in at.pools_of(rules)}
    shown = Table("pool", "numbers", "leased", "cooling", "free", "awaiting test", "retired", "utilisation")
    for pool, fill in fills.items():
        share = "" if fill.utilisation is None else f"{fill.utilisation:.0%}"
        shown.add_row(pool, *map(str, fill), share)
    Console(width=_WIDE).print(shown)
    for pool, fill in fills.items():
        for told in _warnings(site, pool, fill):
            print(f"pool {pool}: {told}")
    if not bucket:
        print("note: pools of the settings are shown with --bucket FILES_BUCKET")


def fill_of(numbers: Sequence[Number], now: int, rules: Rules) -> Fill:
    """Count a pool's numbers; `rules` are the pool's."""
    usable = [number for number in numbers if number.is_usable]
    does = Counter(phase(number, now, rules) for number in usable)
    retired = sum(number.is_retired for number in numbers)
    waiting = len(numbers) - len(usable) - retired
    return Fill(len(usable), does["leased"], does["cooling"], does["free"], waiting, retired)


def _warnings(site: str, pool: str, fill: Fill) -> list[str]:
    told = []
    if not fill.usable:
        told.append("no number can be leased: its visitors see the default number")
    elif fill.free < SHORT * fill.usable:
        told.append(
            f"only {fill.free} of {fill.usable} numbers are free: visitors soon see the default number; add numbers, or let them "
            "cool down for less (how many are enough: skvoz numbers plan)"
        )
    if fill.waiting:
        told.append(f"{fill.waiting} numbers await their test call: skvoz numbers test {site} --pool {pool}")
    return told


def _row(number: Number, now: int, rules: Rules) -> list[str]:
    what: str = phase(number, now, rules)
    if number.is_retired:
        what = "retired" if what == "free" else f"retired, {what}"
    elif number.awaits_test:
        what = f"awaits test since {at.text_of(number.awaits_test)}"
    if not number.lease_id:
        return [number.number, what, "never", "", ""]
    return [number.number, what, at.text_of(number.leased_at), at.text_of(number.until), at.text_of(free_at(number, rules))]
