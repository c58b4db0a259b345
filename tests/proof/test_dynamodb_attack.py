"""Draining attacks on DynamoDB Local: many requests of one address prefix at once, while real visitors come and go."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import Any

import pytest

from functions.numberpool.choice import is_live, is_room
from functions.numberpool.store import Store
from tests.api.numbers_door import SETTINGS, TABLE, Numbers, visitor_id
from tests.proof.lease_history import Line, assert_nobody_was_wronged, lines_of
from tests.proof.lease_play import START
from tests.proof.lease_workers import post, sent_by
from tests.proof.numbers_server import THREADS, Server, started

pytestmark = [pytest.mark.proof, pytest.mark.dynamodb_local]

REAL, ATTACKS, PERCENT = 30, 10_008, 20  # the usual percentage, and the usual spans
# Room for the visitors, and for what an attacker may hold and let cool down: 7 at a time, each for 90 + 300 s.
NUMBERS = 64
MILLIS_A_REQUEST = 250
UNDER_WAY = 15_000  # milliseconds that a Lambda lives
OUTSIDER = 1_000  # first of the attacker's visitors


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with started() as running:
        yield running


class Attacked:
    """A site under attack. Its clock moves with each request."""

    def __init__(self, numbers: Numbers, site: str, size: int) -> None:
        self.site, self.now, self.lock = site, START, Lock()
        self.answers: Counter[str] = Counter()
        numbers.publish({**SETTINGS, "site_id": site}, static=[])
        numbers.fill(*(f"+7495{len(site):03d}{n:04d}" for n in range(size)), site=site)

    def tick(self) -> int:
        with self.lock:
            self.now += MILLIS_A_REQUEST
            return self.now

    def lease(self, visitor: int, now: int, ip: str) -> dict[str, Any]:
        status, told = post("numbers_lease_post", self.site, sent_by(self.site, visitor, now), now, ip)
        assert status == 200
        with self.lock:
            self.answers[f"{'outsider' if visitor >= OUTSIDER else 'visitor'}: {told.get('reason') or told['kind']}"] += 1
        return told

    def renew(self, visitor: int, now: int, held: dict[str, Any]) -> bool:
        sent = {**sent_by(self.site, visitor, now), "lease": {"number": held["number"], "id": held["lease"]["id"]}}
        status, told = post("numbers_renew_post", self.site, sent, now, f"10.1.{visitor}.7")
        assert status == 200
        return told["lease"] is not None


def is_outsider(line: Line) -> bool:
    return line.visitor_id >= visitor_id(OUTSIDER)


def test_an_attack_leaves_real_visitors_their_numbers(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    site = Attacked(Numbers(monkeypatch, server.dynamodb), "attacked", NUMBERS)

    def attack(worker: int) -> None:
        for turn in range(ATTACKS // 12):
            site.lease(OUTSIDER + worker * 10_000 + turn, site.tick(), f"203.0.113.{turn % 250}")

    def visit(worker: int) -> list[str]:
        """A few visitors in turn: each stays for a while, asks on every page, is away for a while and comes back."""
        play, lost = random.Random(worker), []
        held: dict[int, dict[str, Any]] = {}
        until: dict[int, int] = {}
        for turn in range(ATTACKS // 12):
            visitor, now = worker + 4 * (turn % (REAL // 4 + 1)), site.tick()
            if visitor >= REAL:
                continue
            if until.setdefault(visitor, now + play.randrange(60_000, 240_000)) < now:  # away
                if until[visitor] + play.randrange(30_000, 400_000) < now:
                    del until[visitor]
                    held.pop(visitor, None)
                continue
            if visitor in held and turn % 3:
                if not site.renew(visitor, now, held[visitor]):
                    lost.append(f"{visitor} lost his number while he was there")
                continue
            told = site.lease(visitor, now, f"10.1.{visitor}.7")
            if told["kind"] != "dynamic":
                lost.append(f"{visitor} got none: {told['reason']}")
            elif visitor in held and told["number"] != held[visitor]["number"]:
                lost.append(f"{visitor} got another number while he was there")
            held[visitor] = told
        return lost

    with ThreadPoolExecutor(THREADS) as pool:
        attackers = [pool.submit(attack, worker) for worker in range(12)]
        visits = [pool.submit(visit, worker) for worker in range(4)]
        wronged = [text for each in visits for text in each.result()]
        assert all(each.result() is None for each in attackers)
    print(dict(site.answers))
    assert not wronged
    history = lines_of(server.dynamodb, site.site)
    assert_nobody_was_wronged(history)
    held = []
    for grant in filter(is_outsider, history):
        held.append(sum(is_outsider(line) and line.start <= grant.start <= line.until for line in history))
        # Requests are under way side by side: one may have seen a lease that, by its own clock, began a little later.
        live = sum(line.start - UNDER_WAY <= grant.start <= line.until for line in history)
        assert held[-1] <= max(1, PERCENT * live / 100)
    assert len(held) > 30
    assert max(held) > 3, "the attacker took all that he may"
    assert site.answers["outsider: too_many_from_address"] > ATTACKS * 0.9
    assert site.answers["visitor: dynamic"] > 150


def test_a_flood_from_one_address_gets_one_number(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """All at one instant and in their first lease: none of them could see the others' leases when it read the pool."""
    site = Attacked(Numbers(monkeypatch, server.dynamodb), "flood", 10)
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(lambda n: site.lease(OUTSIDER + n, START, "203.0.113.7"), range(THREADS * 4)))
    history = lines_of(server.dynamodb, site.site)
    assert_nobody_was_wronged(history)
    assert len(history) == 1
    numbers = Store(server.dynamodb, TABLE).numbers(site.site)
    assert sum(is_live(number, START) for number in numbers) == 1
    prefix = next(number.prefix for number in numbers if number.lease_id)
    assert not is_room(numbers, prefix, START, PERCENT)


def test_one_visitor_in_many_tabs_and_networks_gets_one_number(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    site = Attacked(Numbers(monkeypatch, server.dynamodb), "tabs", 10)
    with ThreadPoolExecutor(THREADS) as pool:
        told = list(pool.map(lambda n: site.lease(1, START, f"10.2.{n}.7"), range(THREADS * 3)))
    assert len(lines_of(server.dynamodb, site.site)) == 1
    assert len({answer["number"] for answer in told if answer["kind"] == "dynamic"}) == 1
    assert all(answer["kind"] == "dynamic" or answer["reason"] == "busy" for answer in told)
