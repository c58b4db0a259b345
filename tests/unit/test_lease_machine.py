"""The rules of numbers and calls (docs/method.md, numbers and calls), played at random through the doors on moto, against a model
of them in plain Python: every answer, and the table after every step."""

from __future__ import annotations

import random
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import pairwise
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule, run_state_machine_as_test

from functions.numberpool import handler
from functions.numberpool.store import Store
from shared.leases import pool_key
from shared.times import to_millis
from tests.api.numbers_door import SETTINGS, TABLE, Numbers, body_of, moto_dynamodb, told, visitor_id

LEASE, FIRST, COOL, COOL_UNCONFIRMED, DAY = 300_000, 90_000, 1_800_000, 300_000, 86_400_000
PERCENT = 50
TALLY = ("+74950000031", "+74950000032")
NEW = "+74950000033"  # added while we play: it awaits its test call
STATIC, DEFAULT = "+74950000041", "+74950000010"
# Milliseconds: at, before and after the ends of what may run.
WAITS = (
    1, 1_000, 30_000, 60_000, 60_000, 60_000, 89_999, 90_001, 239_000, 300_000, 300_001, 390_001, 1_799_000, 2_100_001, 40_000_000,
)  # fmt: skip
AGO = (0, 1, 60_000, 1_900_000)
visitors, prefixes = st.integers(0, 3), st.integers(0, 2)


@dataclass
class Lease:
    """A line of the model's history."""

    visitor: int
    lease_id: str
    start: int
    until: int
    prefix: int
    is_confirmed: bool = False

    @property
    def free_at(self) -> int:
        return self.until + (COOL if self.is_confirmed else COOL_UNCONFIRMED)


@dataclass
class Slot:
    """A number of the model's pool."""

    leases: list[Lease] = field(default_factory=list)
    is_retired: bool = False
    awaits_test: int | None = None

    @property
    def last(self) -> Lease | None:
        return self.leases[-1] if self.leases else None

    @property
    def is_usable(self) -> bool:
        return not self.is_retired and self.awaits_test is None

    def live(self, now: int) -> Lease | None:
        return self.last if self.last and now <= self.last.until else None


class Machine(RuleBasedStateMachine):
    """Four visitors behind three address prefixes, two numbers and one that joins later. `seen`: of all runs."""

    seen: ClassVar[Counter[str]] = Counter()

    @initialize()
    def open(self) -> None:
        self.stack = ExitStack()
        patch = self.stack.enter_context(pytest.MonkeyPatch.context())
        self.doors = Numbers(patch, self.stack.enter_context(moto_dynamodb(patch)))
        patch.setattr(handler, "os", SimpleNamespace(urandom=random.Random(1).randbytes))
        self.doors.publish(SETTINGS, prefix_percent=PERCENT)
        self.doors.fill(*TALLY)
        self.store = Store(self.doors.dynamodb, TABLE)
        self.slots: dict[str, Slot] = {number: Slot() for number in TALLY}
        self.given: dict[int, dict[str, Any]] = {}
        self.called: list[tuple[int, int, int]] = []  # caller, start, visitor
        self.calls = 0

    def teardown(self) -> None:
        if hasattr(self, "stack"):
            self.check_history()
            self.stack.close()

    @property
    def now(self) -> int:
        return to_millis(self.doors.now)

    # What happens

    @rule(millis=st.sampled_from(WAITS))
    def wait(self, millis: int) -> None:
        self.doors.later(milliseconds=millis)

    @rule(visitor=visitors, prefix=prefixes)
    def look_around(self, visitor: int, prefix: int) -> None:
        """A page, a minute on it, a sign of life."""
        self.ask(visitor, prefix)
        self.doors.later(seconds=60)
        if visitor in self.given:
            self.live_on(visitor)

    @rule(visitor=visitors, prefix=prefixes)
    def ask(self, visitor: int, prefix: int) -> None:
        expected = self.expected(visitor, prefix)
        answer = self.doors.lease(visitor, f"10.0.{prefix}.7")
        if isinstance(expected, str):
            assert (answer["kind"], answer["reason"], answer["number"]) == ("default", expected, DEFAULT)
            self.seen[expected] += 1
            return
        assert answer["kind"] == "dynamic"
        assert answer["number"] in expected
        slot, lease_id = self.slots[answer["number"]], answer["lease"]["id"]
        if held := slot.live(self.now):
            self.seen["kept"] += 1
            assert lease_id == held.lease_id, "a lease that lives stays"
            self.prolong(held)
            seconds = (held.until - self.now) // 1000
        else:
            self.seen["again" if slot.last and slot.last.visitor == visitor else "new"] += 1
            slot.leases.append(Lease(visitor, lease_id, self.now, self.now + FIRST, prefix))
            seconds = FIRST // 1000
        assert answer["lease"]["expires_in"] == seconds
        self.given[visitor] = answer

    @precondition(lambda self: self.given)
    @rule(data=st.data())
    def show_life(self, data: st.DataObject) -> None:
        self.live_on(data.draw(st.sampled_from(sorted(self.given))))

    def live_on(self, visitor: int) -> None:
        answer = self.given[visitor]
        held = self.slots[answer["number"]].live(self.now)
        is_his = held is not None and held.lease_id == answer["lease"]["id"]
        told_lease = self.doors.renew(visitor, answer)
        assert (told_lease is not None) == is_his
        self.seen["life" if is_his else "silence"] += 1
        if held and is_his:
            self.prolong(held)

    @precondition(lambda self: self.given)
    @rule(visitor=visitors, data=st.data())
    def claim_anothers_lease(self, visitor: int, data: st.DataObject) -> None:
        owner = data.draw(st.sampled_from(sorted(self.given)))
        if visitor != owner and self.slots[self.given[owner]["number"]].leases[-1].visitor != visitor:
            assert self.doors.renew(visitor, self.given[owner]) is None

    @rule(number=st.sampled_from((*TALLY, *TALLY, STATIC, DEFAULT)), caller=st.integers(0, 1), ago=st.sampled_from(AGO))
    def call(self, number: str, caller: int, ago: int) -> None:
        start = self.now - ago
        expected = self.expected_call(number, caller, start)
        answer = self.ring(number, f"+7900000001{caller}", ago)
        visitor = expected[1]
        self.seen[f"call: {expected[0]}"] += 1
        assert (answer["resolved_by"], answer["visitor_id"]) == (expected[0], None if visitor is None else visitor_id(visitor))
        if visitor is not None:
            self.called.append((caller, start, visitor))

    @rule(number=st.sampled_from(TALLY), caller=st.integers(0, 1))
    def call_and_call_again(self, number: str, caller: int) -> None:
        self.call(number, caller, 0)
        self.doors.later(hours=3)
        self.call(DEFAULT, caller, 0)

    @rule(number=st.sampled_from(TALLY))
    def look_up(self, number: str) -> None:
        by, visitor = self.expected_call(number, None, self.now)
        found = body_of(self.doors.ask(number.lstrip("+")))
        assert (found["resolved_by"], found["visitor_id"]) == (by, None if visitor is None else visitor_id(visitor))

    @rule(number=st.sampled_from(TALLY))
    def retire(self, number: str) -> None:
        self.slots[number].is_retired = True
        self.update(number, "SET retired_at = :now", self.now)

    @rule(visitor=visitors, prefix=prefixes, millis=st.sampled_from((389_999, 390_000, 390_001)), next_one=visitors)
    def pass_by(self, visitor: int, prefix: int, millis: int, next_one: int) -> None:
        """Without a sign of life the number cools down for a shorter time."""
        self.ask(visitor, prefix)
        self.doors.later(milliseconds=millis)
        self.ask(next_one, prefix)

    @rule(visitor=visitors)
    def retire_all_and_put_back(self, visitor: int) -> None:
        for number in TALLY:
            self.retire(number)
        self.ask(visitor, 0)
        for number in TALLY:
            self.put_back(number)

    @rule(number=st.sampled_from(TALLY))
    def put_back(self, number: str) -> None:
        self.slots[number].is_retired = False
        self.update(number, "REMOVE retired_at")

    @precondition(lambda self: NEW not in self.slots)
    @rule()
    def add(self) -> None:
        self.doors.fill(NEW)
        self.update(NEW, "SET awaits_test = :now", self.now)
        self.slots[NEW] = Slot(awaits_test=self.now)

    @precondition(lambda self: NEW in self.slots)
    @rule(ago=st.sampled_from((0, 1, 60_000)))
    def call_the_new_one(self, ago: int) -> None:
        slot, start = self.slots[NEW], self.now - ago
        is_test = slot.awaits_test is not None and start >= slot.awaits_test
        if slot.awaits_test is not None:
            answer = self.ring(NEW, "+79000000099", ago)
            assert (answer["resolved_by"], answer["visitor_id"]) == ("nothing", None)
            assert bool(self.doors.stored()[-1].get("is_test")) == is_test
        if is_test:
            slot.awaits_test = None
            self.seen["test call"] += 1

    # What must come of it

    def expected(self, visitor: int, prefix: int) -> set[str] | str:
        """The numbers that he may get, or why he gets none."""
        now, slots = self.now, self.slots
        mine = {number: slot.last for number, slot in slots.items() if slot.last and slot.last.visitor == visitor}
        if kept := {number for number in mine if slots[number].live(now)}:
            return kept
        usable = {number: slot for number, slot in slots.items() if slot.is_usable}
        if not usable:
            return "no_pool"
        live = [held for slot in slots.values() if (held := slot.live(now))]
        if sum(held.prefix == prefix for held in live) + 1 > max(1, PERCENT / 100 * (len(live) + 1)):
            return "too_many_from_address"
        if again := {lease.start: number for number, lease in mine.items() if number in usable}:
            return {again[max(again)]}
        held_by_prefix = sum(bool(slot.last and slot.last.prefix == prefix and slot.last.free_at > now) for slot in usable.values())
        if held_by_prefix + 1 > max(1, PERCENT / 100 * len(usable)):
            return "too_many_from_address"
        free = {number: slot.last.free_at if slot.last else 0 for number, slot in usable.items()}
        free = {number: at for number, at in free.items() if at <= now}
        return {number for number, at in free.items() if at == min(free.values())} or "pool_full"

    def expected_call(self, number: str, caller: int | None, start: int) -> tuple[str, int | None]:
        """What a call is resolved to. The static number's own source comes last."""
        slot = self.slots.get(number, Slot())
        before = [lease for lease in slot.leases if lease.start <= start]
        if before and start <= before[-1].until:
            return "lease", before[-1].visitor
        if before and start <= before[-1].until + COOL:
            return "late_lease", before[-1].visitor
        known = [(at, visitor) for who, at, visitor in self.called if who == caller and start - DAY <= at < start]
        if known:
            latest = max(at for at, _ in known)
            return "caller", next(visitor for at, visitor in reversed(known) if at == latest)
        return ("number" if number == STATIC else "nothing"), None

    def prolong(self, held: Lease) -> None:
        held.until, held.is_confirmed = max(held.until, self.now + LEASE), True

    @invariant()
    def the_table_is_as_the_model(self) -> None:
        if not hasattr(self, "store"):
            return
        found = {number.number: number for number in self.store.numbers("kvartal")}
        assert found.keys() == self.slots.keys()
        for name, slot in self.slots.items():
            told_last = slot.last and (visitor_id(slot.last.visitor), slot.last.lease_id, slot.last.until, slot.last.is_confirmed)
            number = found[name]
            last = (number.visitor_id, number.lease_id, number.until, number.is_confirmed) if number.lease_id else None
            assert last == told_last, name
            assert number.is_usable == slot.is_usable
        live = [slot.live(self.now) for slot in self.slots.values()]
        holders = [held.visitor for held in live if held]
        assert len(holders) == len(set(holders)), "a visitor holds one number at most"

    def check_history(self) -> None:
        """At the end: every lease is in the history, in order, each with its end but the last one of its number."""
        for name, slot in self.slots.items():
            lines = sorted(self.doors.items(f"history#{name}"), key=lambda item: item["sk"]["S"])
            assert [line["lease_id"]["S"] for line in lines] == [lease.lease_id for lease in slot.leases]
            ends = [int(line["until"]["N"]) if "until" in line else None for line in lines]
            assert ends == [lease.until for lease in slot.leases[:-1]] + [None] * bool(slot.leases)
            for earlier, later in pairwise(slot.leases):
                assert later.start > earlier.until
                assert later.visitor == earlier.visitor or later.start >= earlier.free_at, "nothing is taken from a visitor"

    def update(self, number: str, change: str, now: int | None = None) -> None:
        """What the command line writes: on the number of the pool, and on its owner's item."""
        values = {} if now is None else {"ExpressionAttributeValues": {":now": {"N": str(now)}}}
        for pk, sk in ((pool_key("kvartal"), number), (f"number#{number}", "owner")):
            self.doors.dynamodb.update_item(
                TableName=TABLE, Key={"pk": {"S": pk}, "sk": {"S": sk}}, UpdateExpression=change, **values
            )

    def ring(self, number: str, caller: str, ago: int) -> dict[str, Any]:
        """An answered call that began a while ago is told of now."""
        self.calls += 1
        start = self.doors.now - timedelta(milliseconds=ago)
        times = {name: start.isoformat() for name in ("start_time", "agent_answer_time")}
        body = told("answered", call_id=f"call-{self.calls}", our_number=number, client_number=caller, **times)
        answer = self.doors.ring({**body, "hangup_time": None, "duration": 60}, webhook_id=f"msg_{self.calls}")
        assert answer["statusCode"] == 200, answer["body"]
        found: dict[str, Any] = body_of(answer)
        return found


OUTCOMES = {
    "kept", "again", "new", "no_pool", "pool_full", "too_many_from_address", "life", "silence", "test call",
    *(f"call: {by}" for by in ("lease", "late_lease", "caller", "number", "nothing")),
}  # fmt: skip


def test_the_doors_follow_the_rules() -> None:
    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=22, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
        ),
    )
    assert Machine.seen.keys() >= OUTCOMES, "the play met every outcome"
