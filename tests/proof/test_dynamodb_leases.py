"""Leases on DynamoDB Local: many workers reach for a small pool at once, and the history shows that nobody was wronged.

Each worker plays visitors on a clock of its own that runs up to seconds apart from the others', as events reach Lambda.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import pairwise
from threading import Lock
from typing import Any

import botocore.session
import pytest
from botocore.config import Config

from functions.numberpool.choice import Choice, choose, is_room
from functions.numberpool.pbx.callers import Memory, known_caller, remember
from functions.numberpool.rules import Rules
from functions.numberpool.store import Lease, Store, is_lost_race
from infra.servers.dynamodb_local import DynamoDbLocal
from shared.errors import TryLater
from shared.ids import uuid7
from shared.leases import Held, pool_key, renew
from shared.times import from_millis
from tests.api.numbers_door import TABLE, create_table
from tests.requires import need_java, need_maven
from tests.unit.test_leases import CASES, Case, assert_renewal

pytestmark = [pytest.mark.proof, pytest.mark.dynamodb_local]

WORKERS, OPERATIONS, NUMBERS, VISITORS, PREFIXES = 16, 220, 10, 40, 12
START = 1_791_790_828_000
MOST_APART = 10_000  # milliseconds; a Lambda lives 15 s
# Short spans, so that leases run out, cool down and change hands all the time.
RULES = Rules(first_lease_seconds=30, lease_seconds=60, cool_down_seconds=40, unconfirmed_cool_down_seconds=15, prefix_percent=40)


@pytest.fixture(scope="module")
def dynamodb() -> Iterator[Any]:
    need_java(17)
    need_maven()
    with DynamoDbLocal() as server:
        client = botocore.session.get_session().create_client(
            "dynamodb",
            endpoint_url=server.endpoint,
            region_name="eu-central-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(max_pool_connections=WORKERS, retries={"total_max_attempts": 2}),
        )
        create_table(client, TABLE)
        yield client


@dataclass
class World:
    """What the workers share: the table, a clock that only runs forward, and what they were told."""

    store: Store
    site: str
    lock: Lock = field(default_factory=Lock)
    clock: int = START
    outcomes: Counter[str] = field(default_factory=Counter)
    # lease id → number, visitor, prefix; and every end of it that a visitor was told.
    leases: dict[str, tuple[str, str, str]] = field(default_factory=dict)
    ends: dict[str, list[int]] = field(default_factory=dict)
    crowded: list[str] = field(default_factory=list)

    def tick(self, millis: int) -> int:
        with self.lock:
            self.clock += millis
            return self.clock

    def told(self, outcome: str, lease_id: str = "", number: str = "", visitor: str = "", prefix: str = "", end: int = 0) -> None:
        with self.lock:
            self.outcomes[outcome] += 1
            if lease_id:
                self.leases.setdefault(lease_id, (number, visitor, prefix))
                self.ends.setdefault(lease_id, []).append(end)


def work(world: World, worker: int) -> None:
    """One worker: leases, signs of life and silence of random visitors, on a clock a little behind or ahead."""
    play = random.Random(worker)
    held: dict[str, Held] = {}
    for _ in range(OPERATIONS):
        now = world.tick(play.choice((0, 0, 100, 1_000, 6_000))) + play.randint(-MOST_APART // 2, MOST_APART // 2)
        visitor = f"v{play.randrange(VISITORS)}"
        if visitor in held and play.random() < 0.5:
            sign(world, held[visitor], visitor, now)
        else:
            given = lease(world, visitor, now, play, play.randrange(2))
            if given is not None:
                held[visitor] = given


def lease(world: World, visitor: str, now: int, play: random.Random, roaming: int = 0) -> Held | None:
    """As the door does it (functions/numberpool/lease.py). `roaming`: the visitor is elsewhere than at home."""
    prefix = f"198.51.{(int(visitor[1:]) + roaming) % PREFIXES}.0/24"
    for turn in range(4):
        seen = world.store.numbers(world.site)
        choice = choose(seen, visitor, prefix, now, RULES, play.randrange(10**6), 4**turn)
        if not isinstance(choice, Choice):
            world.told(choice)
            return None
        number = choice.number
        if choice.how == "kept":
            if sign(world, Held(number.number, number.lease_id), visitor, now):
                return Held(number.number, number.lease_id)
        else:
            fresh = uuid7(from_millis(now), play.randbytes(16))
            until = now + RULES.first_lease_seconds * 1000
            if world.store.open(world.site, number, Lease(fresh, visitor, prefix, now, until), seen):
                world.told(choice.how, fresh, number.number, visitor, prefix, until)
                return Held(number.number, fresh)
        world.told("conflict")
    world.told("busy")
    return None


def sign(world: World, held: Held, visitor: str, now: int) -> bool:
    span = timedelta(seconds=RULES.lease_seconds)
    try:
        is_mine = renew(world.store.dynamodb, TABLE, world.site, held, visitor, from_millis(now), span)
    except world.store.dynamodb.exceptions.ClientError as error:
        if not is_lost_race(error):
            raise
        world.told("renewal met a transaction")
        return False
    if is_mine:
        world.told("renewed", held.lease_id, held.number, visitor, "", now + RULES.lease_seconds * 1000)
    else:
        world.told("lost")
    return is_mine


def spans(world: World) -> list[tuple[str, str, str, int, int, bool]]:
    """Every assignment of the history: number, visitor, lease id, from, until, is closed. The open ones end as the number says."""
    found = []
    for number in world.store.numbers(world.site):
        query = {":pk": {"S": f"history#{number.number}"}}
        pages = world.store.dynamodb.get_paginator("query").paginate(
            TableName=TABLE, KeyConditionExpression="pk = :pk", ExpressionAttributeValues=query, ConsistentRead=True
        )
        lines = [line for page in pages for line in page["Items"] if line["site_id"]["S"] == world.site]
        for line in lines:
            is_closed = "until" in line
            if not is_closed:
                assert line["lease_id"]["S"] == number.lease_id, "an assignment is open whose number has another lease"
            until = int(line["until"]["N"]) if is_closed else number.until
            found.append(
                (number.number, line["visitor_id"]["S"], line["lease_id"]["S"], int(line["leased_at"]["N"]), until, is_closed)
            )
    return found


def played(dynamodb: Any, site: str, act: Any) -> World:
    world = World(Store(dynamodb, TABLE), site)
    for n in range(NUMBERS):
        dynamodb.put_item(TableName=TABLE, Item={"pk": {"S": pool_key(site)}, "sk": {"S": f"+7495{len(site):03d}{n:04d}"}})
    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(lambda worker: act(world, worker), range(WORKERS)))
    return world


def assert_nobody_was_wronged(world: World) -> None:
    history = spans(world)
    assert {line[2] for line in history} == set(world.leases), "the history has every lease that was given, and no other"
    for number, visitor, lease_id, _, until, _ in history:
        assert world.leases[lease_id][:2] == (number, visitor)
        assert max(world.ends[lease_id]) == until, "the history's end is the latest that the visitor was told"
    for number in {line[0] for line in history}:
        mine = sorted((start, until, closed) for n, _, _, start, until, closed in history if n == number)
        assert all(earlier[1] < later[0] for earlier, later in pairwise(mine)), "two leases of a number at an instant"
        assert [closed for *_, closed in mine] == [True] * (len(mine) - 1) + [False], "all but the last assignment are closed"
    for visitor in {line[1] for line in history}:
        his = sorted((start, until) for _, v, _, start, until, _ in history if v == visitor)
        assert all(earlier[1] < later[0] for earlier, later in pairwise(his)), "two numbers of a visitor at an instant"


def test_no_number_has_two_holders_and_no_visitor_two_numbers(dynamodb: Any) -> None:
    world = played(dynamodb, "proof", work)
    assert_nobody_was_wronged(world)
    outcomes = world.outcomes
    print(dict(outcomes), len(world.leases), "leases")
    assert sum(outcomes.values()) >= WORKERS * OPERATIONS
    assert len(world.leases) > 5 * NUMBERS, "numbers changed hands"
    assert all(outcomes[name] for name in ("new", "again", "renewed", "lost", "conflict", "pool_full")), outcomes


def test_a_flood_from_one_address_gets_one_number(dynamodb: Any) -> None:
    """All at one instant and in their first lease: none of them could see the others' leases when it read the pool."""

    def flood(world: World, worker: int) -> None:
        play = random.Random(worker)
        for turn in range(3):
            prefix_of_all = int(f"{worker}{turn}") * PREFIXES  # visitors of one prefix
            lease(world, f"v{prefix_of_all}", START, play)

    world = played(dynamodb, "flood", flood)
    assert_nobody_was_wronged(world)
    assert len(world.leases) == 1
    live = world.store.numbers("flood")
    assert not is_room(live, next(iter(world.leases.values()))[2], START, RULES.prefix_percent)


def test_one_visitor_in_many_tabs_and_networks_gets_one_lease(dynamodb: Any) -> None:
    def tabs(world: World, worker: int) -> None:
        for turn in range(3):
            lease(world, "v1", START, random.Random(f"{worker}-{turn}"), worker)

    world = played(dynamodb, "tabs", tabs)
    assert_nobody_was_wronged(world)
    assert len(world.leases) == 1


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_sign_of_life_is_the_same_on_the_real_engine(dynamodb: Any, case: Case) -> None:
    assert_renewal(dynamodb, case)


def test_events_of_a_call_at_once_leave_one_memory_of_its_caller(dynamodb: Any) -> None:
    store, at = Store(dynamodb, TABLE), from_millis(START)

    def tell(place: int) -> bool:
        called = at + timedelta(seconds=place % 3)
        memory = Memory(f"caller{place % 4}", called, f"v{place}") if place % 5 else None
        try:
            remember(store, "calls", "call-1", f"record-{place}", memory, at)
        except TryLater:
            return False
        return True

    def known() -> list[str]:
        later, day = at + timedelta(hours=1), timedelta(days=1)
        found = (known_caller(store, "calls", f"caller{n}", later, day, "call-2") for n in range(4))
        return [visitor for visitor in found if visitor]

    with ThreadPoolExecutor(WORKERS) as pool:
        kept = list(pool.map(tell, range(40)))
    assert sum(kept) > 1
    assert len(known()) <= 1
    assert tell(101)
    assert known() == ["v101"]
    assert known_caller(store, "calls", "caller1", at + timedelta(hours=1), timedelta(days=1), "call-1") is None
    assert tell(kept.index(True)), "told again"
    assert known() == ["v101"]
    assert tell(105)
    assert known() == []
