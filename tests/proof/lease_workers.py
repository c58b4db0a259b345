"""Workers that play visitors, telephonies and an operator against the real doors, in several processes with one clock.

The clock is made up and shared. It never runs more than `LONGEST` ahead of the oldest request that is under way, because a Lambda
does not live longer; each request has its own `now`, up to MOST_APART from another's, as events reach Lambda.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from copy import copy
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

from functions.numberpool import handler
from functions.numberpool.pbx.adapter import Adapter, Heard, Reading, verify_nothing
from functions.numberpool.pbx.event import CallEvent
from functions.numberpool.pbx.providers import ADAPTERS
from shared.leases import pool_key
from shared.times import from_millis
from shared.visitors import sign_visitor
from tests.api.numbers_door import CALLS, SETTINGS, TABLE, VISITOR_SECRET, Numbers, recorded, visitor_id
from tests.proof.faults import Crash, FaultyClient, Unlucky
from tests.proof.lease_play import (
    ANSWER,
    END,
    MOST_APART,
    MOST_OPEN_CALLS,
    RING,
    SETTLED,
    START,
    Clock,
    Plan,
    Played,
    PlayedCall,
    Told,
    raw_client,
)  # fmt: skip


def play(endpoint: str, plan: Plan) -> list[Played]:
    """All processes at once; what each saw."""
    context = get_context("spawn")
    shared = (context.Value("q", START), context.Array("q", [0] * plan.workers), context.Barrier(plan.workers, timeout=240))
    with ProcessPoolExecutor(plan.processes, mp_context=context, initializer=_begin, initargs=shared) as pool:
        return list(pool.map(_process, [endpoint] * plan.processes, [plan] * plan.processes, range(plan.processes)))


_shared: dict[str, Any] = {}


def _begin(now: Any, began: Any, barrier: Any) -> None:
    _shared.update(clock=Clock(now, began), barrier=barrier)


def _process(endpoint: str, plan: Plan, place: int) -> Played:
    raw, played, lock = raw_client(endpoint, plan.threads), Played(), threading.Lock()
    faulty = FaultyClient(raw)
    ADAPTERS["proof"] = Adapter("proof", "", False, verify_nothing, _read)  # type: ignore[index]
    with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stdout(nowhere), pytest.MonkeyPatch.context() as patch:
        numbers = Numbers(patch, faulty)
        numbers.publish({**SETTINGS, "site_id": plan.site}, static=[], **dict(plan.spans))
        workers = [Worker(plan, place * plan.threads + thread, faulty, raw, played, lock) for thread in range(plan.threads)]
        with ThreadPoolExecutor(plan.threads) as pool:
            list(pool.map(Worker.work, workers))
        played.records = [json.loads(line) for line in numbers.clients.firehose.lines(CALLS)]
    for worker in workers:
        played.outcomes.update(worker.luck.counts)
        played.effects += worker.luck.effects
    return played


class Worker:
    """One of many; has a browser for each visitor whom it met."""

    def __init__(self, plan: Plan, index: int, client: FaultyClient, raw: Any, played: Played, lock: threading.Lock) -> None:
        self.plan, self.index, self.client, self.raw, self.played, self.lock = plan, index, client, raw, played, lock
        self.play = random.Random(f"{plan.site}-{index}")
        self.luck = Unlucky(f"luck-{plan.site}-{index}")
        self.held: dict[int, tuple[str, str]] = {}  # visitor → number, lease id
        self.clock: Clock = _shared["clock"]
        self.barrier = _shared["barrier"]

    def work(self) -> None:
        """All rounds; between them everybody is silent for a while."""
        self.client.become(self.luck)
        try:
            for _ in range(self.plan.rounds):
                for _ in range(self.plan.operations):
                    self._one()
                self._finish()
                if self.barrier.wait() == 0:
                    self.clock.leap(self.play.choice(self.plan.silence))
                self.barrier.wait()
            self._tell_the_rest()
        except BaseException:
            self.barrier.abort()
            raise

    def _one(self) -> None:
        late = list(self.luck.late)
        world = self.clock.tick(self.index, self.play.choice(self.plan.ticks))
        now = world + self.play.randint(-MOST_APART // 2, MOST_APART // 2)
        with contextlib.suppress(Crash):  # what it was doing is lost; the worker goes on as the next process
            self._act(now)
        self._count("operations")
        if late:
            self.client.arrive()
        if not self.luck.late:
            self.clock.done(self.index)

    def _finish(self) -> None:
        self.client.arrive()
        self.clock.done(self.index)

    def _act(self, now: int) -> None:
        what = self.play.random() * 1000
        if what < self.plan.moves:
            return self._move(now)
        if what < self.plan.moves + self.plan.calls * 10:
            return self._tell(now)
        here = self._here(now)
        mine = [visitor for visitor in here if visitor in self.held]
        if mine and self.play.random() < 0.6:
            return self._renew(self.play.choice(mine), now)
        return self._lease(self.play.choice(here), now)

    def _here(self, now: int) -> list[int]:
        """Visitors who are on the site at an instant; the others are silent. Every worker sees the same ones."""
        found = random.Random(now // self.plan.stay).sample(range(self.plan.visitors), self.plan.visitors // 5)
        return sorted(found)

    # Visitors

    def _lease(self, visitor: int, now: int) -> None:
        home = visitor + (self.play.randrange(2) if self.play.random() < 0.2 else 0)  # he may be elsewhere than at home
        answer = self._post("numbers_lease_post", sent_by(self.plan.site, visitor, now), now, f"10.{home % self.plan.prefixes}.0.7")
        if answer is None:
            return
        lease = answer["lease"]
        self._count(f"lease: {answer['kind'] if lease else answer['reason']}")
        if lease:
            self.held[visitor] = answer["number"], lease["id"]
            self._told(visitor, now + lease["expires_in"] * 1000)

    def _renew(self, visitor: int, now: int) -> None:
        number, lease_id = self.held[visitor]
        sent = {**sent_by(self.plan.site, visitor, now), "lease": {"number": number, "id": lease_id}}
        answer = self._post("numbers_renew_post", sent, now, "10.0.0.7")
        if answer is None:
            return
        self._count("renewal: kept" if answer["lease"] else "renewal: lost")
        if answer["lease"]:
            self._told(visitor, now + answer["lease"]["expires_in"] * 1000)
        else:
            del self.held[visitor]

    def _told(self, visitor: int, until: int) -> None:
        number, lease_id = self.held[visitor]
        with self.lock:
            self.played.told.append(Told(lease_id, number, visitor_id(visitor), until))

    # The operator

    def _move(self, now: int) -> None:
        """As `skvoz numbers retire`, and `add` of a number that was tested."""
        number = self.play.choice(self.plan.numbers)
        is_out = self.play.random() < 0.5
        change = "SET retired_at = if_not_exists(retired_at, :now)" if is_out else "REMOVE retired_at"
        values = {"ExpressionAttributeValues": {":now": {"N": str(now)}}} if is_out else {}
        for pk, sk in ((pool_key(self.plan.site), number), (f"number#{number}", "owner")):
            self.raw.update_item(TableName=TABLE, Key={"pk": {"S": pk}, "sk": {"S": sk}}, UpdateExpression=change, **values)
        self._count("number retired" if is_out else "number added")

    # The telephony

    def _tell(self, now: int) -> None:
        with self.lock:
            calls = self.played.calls
            if len([call for call in calls[-MOST_OPEN_CALLS:] if call.untold]) < MOST_OPEN_CALLS and self.play.random() < 0.35:
                calls.append(self._call(len(calls), now))
            if not calls:
                return None
            recent = calls[-MOST_OPEN_CALLS:]
            call = self.play.choice(recent)
            part = self.play.choice(sorted(call.parts))  # told before or not: telephonies repeat
        if now < call.start + SETTLED and (part == END or not call.is_live):
            return self._count("call: nothing to tell yet")
        return self._ring(call, part, now)

    def _ring(self, call: PlayedCall, part: int, now: int) -> None:
        answer = self._post("calls_generic_post", {"call_id": call.call_id, "part": part, **call.parts[part]}, now, "10.0.0.9")
        if answer is None:
            return
        with self.lock:
            self._count("call: told" if part in call.untold else "call: repeated")
            call.untold.discard(part)
            call.last_told = max(call.last_told, now)

    def _call(self, place: int, now: int) -> PlayedCall:
        """A call that began just now (a live one) or that is over; its end may put its start right."""
        is_live = self.play.random() < 0.5
        seen = [number for number, _ in self.held.values()]
        number = self.play.choice(seen) if seen and self.play.random() < 0.7 else self.play.choice(self.plan.numbers)
        start = now - (0 if is_live else SETTLED + self.play.randrange(60_000))
        is_answered = self.play.random() < 0.7
        corrected = start + (self.play.choice((0, 0, 0, 1_000, 2_500)))
        rings = start + 7_000
        parts: dict[int, dict[str, Any]] = {
            RING: {"number": number, "caller": f"+7900{self.index:02d}{place:05d}", "is_incoming": True, "started_at": start},
            ANSWER: {"answered_at": rings, "answered_by": f"op{place % 9}"} if is_answered else {"wait_seconds": 7},
            END: {
                "started_at": corrected,
                "ended_at": start + 20_000,
                "outcome": "answered" if is_answered else "missed",
                "talk_seconds": 13 if is_answered else None,
            },
        }
        return PlayedCall(f"c{self.index}-{place}", parts, corrected, is_live)

    def _tell_the_rest(self) -> None:
        """What no try has told yet: telephonies repeat until they are heard."""
        if self.index % self.plan.threads:
            return
        for call in self.played.calls:
            for part in sorted(call.untold, reverse=True):
                while part in call.untold:
                    now = self.clock.tick(self.index, 100)
                    with contextlib.suppress(Crash):
                        self._ring(call, part, now + SETTLED)
                    self.client.arrive()
                    self.clock.done(self.index)

    def _post(self, name: str, sent: dict[str, Any], now: int, ip: str) -> dict[str, Any] | None:
        """What the door answered; None where it asks to try again."""
        status, told = post(name, self.plan.site, sent, now, ip)
        if status == 200:
            return told
        self._count(f"{name}: {status}")
        if status != 503:
            with self.lock:
                self.played.crashes_of_code.append(f"{name}: {status} {told}")
        return None

    def _count(self, outcome: str) -> None:
        self.luck.counts[outcome] += 1


def sent_by(site: str, visitor: int, now: int) -> dict[str, Any]:
    """A tracker's request of that visitor."""
    return {"site": site, "visitor": sign_visitor(site, visitor_id(visitor), from_millis(now), [VISITOR_SECRET])}


def post(name: str, site: str, sent: dict[str, Any], now: int, ip: str) -> tuple[int, dict[str, Any]]:
    """Status and body of the handler's answer; the recorded event tells the route."""
    event = copy(_recorded(name, site))
    context = event["requestContext"]
    event["requestContext"] = {**context, "timeEpoch": now, "http": {**context["http"], "sourceIp": ip}}
    event["body"] = json.dumps(sent)
    answer = handler.lambda_handler(event, None)
    return int(answer["statusCode"]), json.loads(answer["body"])


@cache
def _recorded(name: str, site: str) -> dict[str, Any]:
    event = recorded(name)
    if name.startswith("calls"):
        event["pathParameters"] = {"provider": "proof", "site": site}
    return event


def _read(heard: Heard) -> Reading:
    """The telephony of the proof: a part with its place in the call."""
    told = json.loads(heard.request.body)
    call_id, part = told.pop("call_id"), told.pop("part")
    times = {name: from_millis(told[name]) for name in ("started_at", "answered_at", "ended_at") if name in told}
    return Reading([CallEvent(call_id, f"{call_id}-{part}", (part, 0), **{**told, **times})])
