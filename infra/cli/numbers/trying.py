"""`skvoz numbers test`: a number is leased to visitors only after a call to it came through the telephony.

A number that rings nowhere, or whose calls nobody tells us of, would lose the calls of everybody who sees it.
"""

from __future__ import annotations

from time import monotonic, sleep
from typing import Annotated, NamedTuple

import typer

from functions.numberpool.store import Store
from infra.cli.numbers import table as at
from infra.cli.numbers.table import Bucket, TableName, key, number, operation
from shared.errors import BadInput, FieldError
from shared.leases import pool_key

LONGEST_WAIT, POLL = 3600, 2  # seconds


class Waiting(NamedTuple):
    """A number that awaits its call, and since when (unix milliseconds)."""

    phone: str
    pool: str
    since: int


def try_out(
    site: str,
    table: TableName,
    numbers: Annotated[list[str] | None, typer.Argument(help="these only; otherwise all of the site's pools")] = None,
    pool: Annotated[str, typer.Option(help="this pool only")] = "",
    bucket: Bucket = "",
    wait: Annotated[int, typer.Option(min=0, max=LONGEST_WAIT, help="seconds to wait until their calls came")] = 0,
    trust: Annotated[
        bool, typer.Option("--trust", help="let the named numbers in without a call: you saw yourself that they ring")
    ] = False,
) -> None:
    """Say which numbers await their test call and since when. Ends with 1 where --wait ran out before all calls came."""
    at.check_names(site, *([pool] if pool else []))
    store, phones = at.store_of(table), at.phones_of(numbers or [])
    pools = [pool] if pool else at.pools_of(at.known_rules(site, bucket))
    waiting = _waiting(store, site, pools, phones)
    if not (bucket or pool or phones):
        print("note: only the pool main is looked at; --bucket FILES_BUCKET tells the pools of the settings")
    if trust:
        if not phones:
            raise BadInput(f"name the numbers that you trust: skvoz numbers test {site} NUMBER… --trust")
        _trust(store, site, waiting)
        return
    if not waiting:
        print("no number awaits a test call")
        return
    for each in waiting:
        print(f"{each.phone} (pool {each.pool}) awaits its test call since {at.text_of(each.since)} UTC")
    print("call each of them now, from any phone; the first call that the telephony tells of lets a number in")
    if wait and (left := _wait_for(store, site, waiting, wait)):
        print(f"no call came within {wait} s to: {', '.join(each.phone for each in left)}")
        raise typer.Exit(1)


def let_in(store: Store, site: str, pool: str, phone: str, now: int) -> bool:
    """Let a waiting number in without a call; False where it does not wait (any more)."""
    waits = {"ConditionExpression": "attribute_exists(awaits_test) AND site_id = :site AND #pool = :pool"}
    owner, mine = key(f"number#{phone}", "owner"), {":site": {"S": site}, ":pool": {"S": pool}, **number(":now", now)}
    trusted = operation(
        store.table, owner, mine, {"#pool": "pool"}, UpdateExpression="SET trusted_at = :now REMOVE awaits_test", **waits
    )
    item = {"TableName": store.table, "Key": key(pool_key(site, pool), phone), "UpdateExpression": "REMOVE awaits_test"}
    return at.write(store, [{"Update": trusted}, {"Update": {**item, "ConditionExpression": "attribute_exists(pk)"}}])


def _waiting(store: Store, site: str, pools: list[str], phones: list[str]) -> list[Waiting]:
    """Those that wait, of the named numbers or of the pools. BadInput names numbers that are not the site's."""
    if not phones:
        all_of = [(pool, each) for pool in pools for each in store.numbers(site, pool)]
        return [Waiting(each.number, pool, each.awaits_test) for pool, each in all_of if each.awaits_test and not each.is_retired]
    places = {phone: store.pool_of(site, phone) for phone in phones}
    if wrong := [FieldError(phone, f"is no number of {site}; add it first") for phone in phones if places[phone] is None]:
        raise BadInput("these numbers cannot be tested:", wrong)
    found = [(pool, store.number(site, phone, pool)) for phone, pool in places.items() if pool]
    return [
        Waiting(each.number, pool, each.awaits_test) for pool, each in found if each and each.awaits_test and not each.is_retired
    ]


def _trust(store: Store, site: str, waiting: list[Waiting]) -> None:
    for each in waiting:
        done = let_in(store, site, each.pool, each.phone, at.now_millis())
        print(f"{each.phone} {'is let in without a call' if done else 'does not wait any more'}")
    if not waiting:
        print("none of them awaits a test call")


def _wait_for(store: Store, site: str, waiting: list[Waiting], seconds: int) -> list[Waiting]:
    """Those that still wait when the time is over; says of each that got in."""
    end = monotonic() + seconds
    while waiting and (rest := end - monotonic()) > 0:
        sleep(min(POLL, rest))
        still = _waiting(store, site, [], [each.phone for each in waiting])
        for each in waiting:
            if each.phone not in {other.phone for other in still}:
                print(f"{each.phone} is in: visitors get it from now on")
        waiting = still
    return waiting
