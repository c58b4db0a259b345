"""What a visitor, a page and a telephony wait for: new lease, sign of life, call event and look-up through the handler, on DynamoDB
Local: latency, own work (what is not spent in the table's client) and units per operation. Budget: a look-up has 100 ms of own work
at p99. The table's own latency is DynamoDB Local's on this machine, not AWS's."""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from datetime import timedelta
from functools import partial
from typing import Any, NamedTuple

import pytest

from shared.leases import pool_key
from shared.times import to_millis
from tests.api.numbers_door import SETTINGS, TABLE, Numbers, body_of, told, visitor_id
from tests.bench.walk import Figure, figure
from tests.proof.meter import Asked, Meter
from tests.proof.numbers_server import started

SIZES = (50, 500, 1000)
ROUNDS, WARM_UP = 300, 20
LOOKUP_BUDGET_MS = 100
POINTS = (50, 95, 99)


class Sample(NamedTuple):
    """One request: milliseconds in all, of them own work, and what it asked of the table."""

    whole: float
    own: float
    asked: list[Asked]


def figures() -> list[Figure]:
    """All sizes, for `make bench`."""
    found = []
    for size in SIZES:
        with started() as server, pytest.MonkeyPatch.context() as patch:
            meter = Meter(server.dynamodb)
            samples = _played(Numbers(patch, meter), meter, size)
        for name, some in samples.items():
            found += _told(f"numbers, pool of {size}: {name}", some[WARM_UP:])
    return found


def _played(numbers: Numbers, meter: Meter, size: int) -> dict[str, list[Sample]]:
    """Each round is one new visitor, his sign of life, his call and the look-up while it rings, an hour after the last one."""
    pool = [f"+7495{n:07d}" for n in range(size)]
    numbers.publish(SETTINGS, static=[])
    numbers.fill(*pool)
    _lease_all(numbers, pool)
    samples: dict[str, list[Sample]] = {"new lease": [], "renewal": [], "call event": [], "look-up": []}
    for turn in range(ROUNDS + WARM_UP):
        numbers.later(hours=1)
        given = _timed(samples["new lease"], meter, partial(numbers.lease, turn))
        assert given["kind"] == "dynamic"
        numbers.later(seconds=60)
        assert _timed(samples["renewal"], meter, partial(numbers.renew, turn, given))
        body = _call(numbers, given["number"], turn)
        rung = _timed(samples["call event"], meter, partial(numbers.ring, body, webhook_id=f"msg_{turn}"))
        assert body_of(rung)["resolved_by"] == "lease"
        query = f"site=kvartal&caller=7900{turn:07d}"
        found = _timed(samples["look-up"], meter, partial(numbers.ask, given["number"][1:], query))
        assert body_of(found)["resolved_by"] == "lease"
    return samples


def _lease_all(numbers: Numbers, pool: list[str]) -> None:
    """Every number had a visitor long ago: as large as items of a pool in use."""
    until = to_millis(numbers.now - timedelta(days=1))
    for place, number in enumerate(pool):
        lease: dict[str, Any] = {
            ":lease": {"S": visitor_id(place)}, ":visitor": {"S": visitor_id(place)}, ":at": {"N": str(until - 90_000)},
            ":until": {"N": str(until - place)}, ":yes": {"BOOL": True}, ":prefix": {"S": f"10.0.{place % 250}.0/24"},
            ":marks": {"M": {"utm_source": {"S": "yandex"}, "utm_medium": {"S": "cpc"}, "utm_campaign": {"S": "brand-msk-2026"}}},
        }  # fmt: skip
        numbers.dynamodb.update_item(
            TableName=TABLE,
            Key={"pk": {"S": pool_key("kvartal")}, "sk": {"S": number}},
            UpdateExpression="SET lease_id = :lease, visitor_id = :visitor, leased_at = :at, #until = :until, is_confirmed = :yes, "
            "prefix = :prefix, marks = :marks",
            ExpressionAttributeNames={"#until": "until"},
            ExpressionAttributeValues=lease,
        )


def _call(numbers: Numbers, number: str, turn: int) -> dict[str, Any]:
    start = numbers.now
    times = {"start_time": start, "agent_answer_time": start, "hangup_time": start}
    named = {"call_id": f"call-{turn}", "our_number": number, "client_number": f"+7900{turn:07d}"}
    return told("answered", **named, **{name: value.isoformat() for name, value in times.items()})


def _timed(samples: list[Sample], meter: Meter, act: Callable[[], Any]) -> Any:
    """Own work is the handler with its parsing, rules, signatures and records, and the test's making of the event."""
    meter.take()
    with redirect_stdout(io.StringIO()):
        began = time.perf_counter()
        answer = act()
        whole = time.perf_counter() - began
    asked = meter.take()
    samples.append(Sample(whole * 1000, (whole - sum(each.seconds for each in asked)) * 1000, asked))
    return answer


def _told(name: str, samples: list[Sample]) -> list[Figure]:
    wholes, owns = sorted(each.whole for each in samples), sorted(each.own for each in samples)
    found = [
        figure(f"{name}, p{point}", _at(wholes, point), "ms", f"of it own work, p{point}", _at(owns, point)) for point in POINTS
    ]
    budget = "budget" if name.endswith("look-up") else "budget of a look-up"
    found.append(figure(f"{name}, own work, p99", _at(owns, 99), "ms", budget, LOOKUP_BUDGET_MS))
    count = len(samples)
    asked = [each for sample in samples for each in sample.asked]
    reads, writes = sum(each.read_units for each in asked) / count, sum(each.write_units for each in asked) / count
    found.append(figure(f"{name}, write units", writes, "units", "read units", reads))
    found.append(figure(f"{name}, requests to the table", len(asked) / count, "requests", "one", 1))
    return found


def _at(ordered: list[float], percent: int) -> float:
    """The smallest that at least so many percent do not exceed."""
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]
