"""What a play of leases is made of: its plan, its clock, and what its workers saw."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import botocore.session
from botocore.config import Config

from tests.proof.faults import Effect

START = 1_791_790_828_000
MOST_APART, LONGEST = 10_000, 12_000  # milliseconds
SETTLED = LONGEST + MOST_APART + 3_000  # after it, nobody changes any more who held a number at an instant
RING, ANSWER, END = 1, 2, 3
MOST_OPEN_CALLS = 8  # of a process, so that parts of a call meet


class Plan(NamedTuple):
    """What is played: `calls` of a hundred operations tell of calls, `moves` of a thousand take a number out or put it back.
    Milliseconds."""

    site: str
    numbers: tuple[str, ...]
    visitors: int
    prefixes: int
    processes: int
    threads: int
    rounds: int
    operations: int  # of a worker in a round
    calls: int = 18
    moves: int = 6
    ticks: tuple[int, ...] = (0, 0, 50, 300, 2_000)
    stay: int = 50_000
    silence: tuple[int, ...] = (20_000, 90_000, 150_000)  # between rounds: leases end, numbers cool down
    spans: tuple[tuple[str, int], ...] = ()

    @property
    def workers(self) -> int:
        return self.processes * self.threads


class Told(NamedTuple):
    """A visitor was told that the number is his until an instant."""

    lease_id: str
    number: str
    visitor_id: str
    until: int


@dataclass
class PlayedCall:
    """A call as it truly was, and the parts of it that are still to be told. `live`: told while it lasts."""

    call_id: str
    parts: dict[int, dict[str, Any]]
    start: int
    is_live: bool
    untold: set[int] = field(default_factory=lambda: {RING, ANSWER, END})
    last_told: int = 0


@dataclass
class Played:
    """What a process saw."""

    outcomes: Counter[str] = field(default_factory=Counter)
    effects: list[Effect] = field(default_factory=list)
    told: list[Told] = field(default_factory=list)
    calls: list[PlayedCall] = field(default_factory=list)
    records: list[dict[str, Any]] = field(default_factory=list)
    crashes_of_code: list[str] = field(default_factory=list)


def raw_client(endpoint: str, connections: int) -> Any:
    """No attempt of its own, no patience with a slow machine: what fails here is injected, or is a failure of the proof."""
    config = Config(
        max_pool_connections=connections, retries={"total_max_attempts": 1}, read_timeout=60, parameter_validation=False
    )
    return botocore.session.get_session().create_client(
        "dynamodb",
        endpoint_url=endpoint,
        region_name="eu-central-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=config,
    )


class Clock:
    """One for all processes."""

    def __init__(self, now: Any, began: Any) -> None:
        self._now, self._began = now, began

    def tick(self, worker: int, millis: int) -> int:
        """A request begins, so much later than the last one did if nothing under way is too old for that."""
        with self._now.get_lock():
            oldest = min((at for at in self._began.get_obj() if at), default=self._now.value)
            self._now.value = max(self._now.value, min(self._now.value + millis, oldest + LONGEST))
            self._began[worker] = self._began[worker] or self._now.value
            return int(self._now.value)

    def done(self, worker: int) -> None:
        self._began[worker] = 0

    def leap(self, millis: int) -> None:
        """Nothing may be under way."""
        with self._now.get_lock():
            assert not any(self._began)
            self._now.value += millis
