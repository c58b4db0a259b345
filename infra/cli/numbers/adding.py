"""`skvoz numbers add`: numbers into a pool. A number belongs to one pool anywhere: one transaction writes it and its owner.

All of them are looked at before the first is added. A new one, or one that comes back, awaits its test call (trying.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from functions.numberpool.choice import Number
from functions.numberpool.rules import Rules
from functions.numberpool.store import Store
from infra.cli.numbers import table as at
from infra.cli.numbers.table import Bucket, Pool, TableName, key, number, operation
from shared.errors import BadInput, FieldError
from shared.leases import POOL, pool_key

MOST_NUMBERS = 1000  # a lease reads the whole pool: one page of the table, about 40 ms of reading (CONTRIBUTING, decisions)
_LONGEST_COOL_DOWN = 86_400_000  # milliseconds; shared/number_settings.py allows no longer one


class Wish(NamedTuple):
    """A number (E.164) that is to be in a pool; `place` is where somebody wrote it."""

    phone: str
    pool: str
    place: str


def add(site: str, numbers: list[str], table: TableName, pool: Pool = POOL, bucket: Bucket = "") -> None:
    """Put numbers into a pool of the site; a retired one comes back. Each is leased once a call has tried it."""
    at.check_names(site, pool)
    wishes = [Wish(phone, pool, phone) for phone in at.phones_of(numbers)]
    put_in(at.store_of(table), site, wishes, at.now_millis(), at.rules_of_site(site, bucket))


def put_in(store: Store, site: str, wishes: Sequence[Wish], now: int, rules: Rules | None) -> None:
    """Add them all, or none with BadInput and every reason why. `rules`: the site's, where they are known."""
    known = {pool: store.numbers(site, pool) for pool in dict.fromkeys(wish.pool for wish in wishes)}
    plans = [(wish, at.owner_of(store, wish.phone)) for wish in wishes]
    wrong = [FieldError(wish.place, why) for wish, owner in plans if (why := _refusal(store, site, wish, owner, now, rules))]
    if wrong := [*wrong, *_too_many(site, known, wishes)]:
        raise BadInput("no number was added:", wrong)
    there = {(pool, each.number): each for pool, numbers in known.items() for each in numbers if not each.is_retired}
    added = 0
    for wish, owner in plans:
        if former := there.get((wish.pool, wish.phone)):
            waits = " and awaits its test call" if former.awaits_test else ""
            print(f"{wish.phone} is in pool {wish.pool} of {site} already{waits}")
        elif _add(store, site, wish, owner, now):
            print(f"{wish.phone} added to pool {wish.pool} of {site}")
            added += 1
        else:
            raise BadInput(f"{wish.phone} was taken by somebody else just now; look at it again with: skvoz numbers list {site}")
    if added:
        print(f"now call each of them once: visitors see it after its test call; who still waits: skvoz numbers test {site}")
    if rules is not None and (unknown := known.keys() - set(at.pools_of(rules))):
        print(f"note: the settings of {site} have no pool {', '.join(sorted(unknown))}: nobody gets its numbers until they do")


def _too_many(site: str, known: dict[str, list[Number]], wishes: Sequence[Wish]) -> list[FieldError]:
    wrong = []
    for pool, numbers in known.items():
        all_of = {each.number for each in numbers} | {wish.phone for wish in wishes if wish.pool == pool}
        if len(all_of) > MOST_NUMBERS:
            advice = (
                "make a second pool by rules (settings, numbers.pools: sources, regions, pages, devices) and add the rest there"
            )
            wrong.append(FieldError(pool, f"a pool has at most {MOST_NUMBERS} numbers, it has {len(numbers)} of {site}; {advice}"))
    return wrong


def _refusal(store: Store, site: str, wish: Wish, owner: dict[str, Any], now: int, rules: Rules | None) -> str | None:
    """Why a number cannot be added: everybody sees it, another pool has it, or had it until so lately that its last visitor may
    still call."""
    if rules and (rules.static_of(wish.phone) or wish.phone in rules.defaults):
        return f"{wish.phone} is a static or default number in the settings of {site}: everybody sees it, so it is nobody's own"
    if not owner:
        return None
    holder = (owner["site_id"]["S"], owner["pool"]["S"])
    if holder == (site, wish.pool):
        return None
    if "retired_at" not in owner:
        retire_first = f"skvoz numbers retire {holder[0]} {wish.phone} --pool {holder[1]}"
        return f"belongs to pool {holder[1]} of {holder[0]}; take it out of there first: {retire_first}"
    last = store.number(holder[0], wish.phone, holder[1])
    if last is not None and last.lease_id and (free := last.until + _LONGEST_COOL_DOWN) > now:
        return f"was shown to a visitor of {holder[0]} lately, who may still call; add it after {at.text_of(free)} UTC"
    return None


def _add(store: Store, site: str, wish: Wish, owner: dict[str, Any], now: int) -> bool:
    """One transaction; False when the owner, or the lease of the pool that had it, is not as seen any more."""
    place = {":site": {"S": site}, ":pool": {"S": wish.pool}}
    is_free, values = "attribute_not_exists(pk) OR (site_id = :site AND #pool = :pool)", {**place, **number(":now", now)}
    items: list[dict[str, Any]] = []
    if owner and (owner["site_id"], owner["pool"]) != (place[":site"], place[":pool"]):
        is_free = "site_id = :old AND #pool = :oldpool AND attribute_exists(retired_at)"
        values |= {":old": owner["site_id"], ":oldpool": owner["pool"]}
        former = key(pool_key(owner["site_id"]["S"], owner["pool"]["S"]), wish.phone)
        # A lease of the former pool that is over cannot come back to life: renewals need one that lives, and new ones are refused.
        is_over = "attribute_exists(retired_at) AND (attribute_not_exists(lease_id) OR #until <= :ended)"
        ended = number(":ended", now - _LONGEST_COOL_DOWN)
        items.append({"ConditionCheck": operation(store.table, former, ended, {"#until": "until"}, ConditionExpression=is_over)})
    owned = "SET site_id = :site, #pool = :pool, awaits_test = :now REMOVE retired_at, tested_at, tested_from, trusted_at"
    added = "SET added_at = if_not_exists(added_at, :now), awaits_test = :now REMOVE retired_at"
    mine = operation(
        store.table,
        key(f"number#{wish.phone}", "owner"),
        values,
        {"#pool": "pool"},
        UpdateExpression=owned,
        ConditionExpression=is_free,
    )
    item = operation(store.table, key(pool_key(site, wish.pool), wish.phone), number(":now", now), UpdateExpression=added)
    return at.write(store, [*items, {"Update": mine}, {"Update": item}])
