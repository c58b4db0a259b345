"""A DynamoDB client whose network and process fail as real ones do, by a seed: throttles, time-outs before and after the write,
answers that got lost, writes that arrive after their sender gave up, crashes between two steps.

It repeats a failed attempt as botocore does for the doors (shared/aws.py: two attempts, the same token of a transaction). What took
effect is noted, whatever the sender was told.
"""

from __future__ import annotations

import random
import threading
import uuid
from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple

from botocore.exceptions import ClientError, ReadTimeoutError

ATTEMPTS = 2  # of a door's client
WRITES = frozenset({"transact_write_items", "update_item", "put_item"})
# Of a thousand attempts of an operation. A second attempt fails far more often: whoever was throttled is, mostly, throttled again.
RATES = {"throttled": 12, "timed_out": 8, "crashed_before": 5}
RATES_OF_WRITES = {"answer_lost": 15, "arrives_late": 10, "crashed_after": 8}
RATES_OF_TRANSACTIONS = {"cancelled_by_throttle": 12}
SECOND_ATTEMPT_TIMES = 12
FAULTS = (*RATES, *RATES_OF_WRITES, *RATES_OF_TRANSACTIONS)


class Crash(BaseException):
    """The process is gone: nothing in the code may catch it."""


class Effect(NamedTuple):
    """A lease that a write opened, or prolonged (`number` is empty then). Unix milliseconds."""

    lease_id: str
    until: int
    number: str = ""
    visitor_id: str = ""
    leased_at: int = 0


class Unlucky:
    """What one worker's luck is made of, and what it saw happen."""

    def __init__(self, seed: str) -> None:
        self.play = random.Random(seed)
        self.is_lucky = False
        self.late: list[tuple[str, dict[str, Any]]] = []
        self.counts: Counter[str] = Counter()
        self.effects: list[Effect] = []


class FaultyClient:
    """Wraps a client without retries of its own. Each thread says first who it is: `become`."""

    def __init__(self, client: Any) -> None:
        self._client, self._mine = client, threading.local()
        self.exceptions, self.meta = client.exceptions, client.meta

    def become(self, worker: Unlucky) -> None:
        self._mine.worker = worker

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        return lambda **arguments: self._call(operation, arguments)

    def arrive(self) -> None:
        """The writes whose sender gave up take effect now."""
        worker: Unlucky = self._mine.worker
        for operation, arguments in worker.late:
            if self._done_unheard(operation, arguments):
                worker.counts["arrives_late, took effect"] += 1
        worker.late.clear()

    def _call(self, operation: str, arguments: dict[str, Any]) -> Any:
        worker: Unlucky = self._mine.worker
        if operation == "transact_write_items":  # as botocore does, once for all attempts
            arguments.setdefault("ClientRequestToken", str(uuid.UUID(int=worker.play.getrandbits(128))))
        for attempt in range(ATTEMPTS):
            fault = None if worker.is_lucky else _drawn(worker.play, operation, attempt)
            try:
                return self._attempt(fault, operation, arguments)
            except (ReadTimeoutError, self._client.exceptions.ProvisionedThroughputExceededException) as error:
                told = error
        raise told

    def _attempt(self, fault: str | None, operation: str, arguments: dict[str, Any]) -> Any:
        worker: Unlucky = self._mine.worker
        if fault is None:
            return self._done(operation, arguments)
        worker.counts[fault] += 1
        if fault == "throttled":
            told = {"Error": {"Code": "ProvisionedThroughputExceededException", "Message": "injected"}}
            raise self._client.exceptions.ProvisionedThroughputExceededException(told, operation)
        if fault == "cancelled_by_throttle":
            reasons = [{"Code": "ThrottlingError"}, *({"Code": "None"} for _ in arguments["TransactItems"][1:])]
            error = {"Code": "TransactionCanceledException", "Message": "injected"}
            raise self._client.exceptions.TransactionCanceledException({"Error": error, "CancellationReasons": reasons}, operation)
        if fault == "arrives_late":
            worker.late.append((operation, arguments))
        elif fault in ("answer_lost", "crashed_after") and self._done_unheard(operation, arguments):
            worker.counts[f"{fault}, took effect"] += 1
        if fault.startswith("crashed"):
            raise Crash
        raise ReadTimeoutError(endpoint_url="injected")

    def _done_unheard(self, operation: str, arguments: dict[str, Any]) -> bool:
        try:
            self._done(operation, arguments)
        except ClientError:
            return False
        return True

    def _done(self, operation: str, arguments: dict[str, Any]) -> Any:
        worker: Unlucky = self._mine.worker
        try:
            answer = getattr(self._client, operation)(**arguments)
        except ClientError as error:
            reasons = {reason.get("Code", "None") for reason in error.response.get("CancellationReasons", ())} - {"None"}
            worker.counts[f"engine: {'+'.join(sorted(reasons)) or error.response['Error']['Code']}"] += 1
            raise
        worker.counts[operation] += 1
        worker.effects += _effects(operation, arguments)
        return answer


def _drawn(play: random.Random, operation: str, attempt: int) -> str | None:
    rates = dict(RATES)
    if operation in WRITES:
        rates |= RATES_OF_WRITES
    if operation == "transact_write_items":
        rates |= RATES_OF_TRANSACTIONS
    point = play.random() * 1000 / (SECOND_ATTEMPT_TIMES if attempt else 1)
    for fault, rate in rates.items():
        point -= rate
        if point < 0:
            return fault
    return None


def _effects(operation: str, arguments: dict[str, Any]) -> list[Effect]:
    """What a write that took effect did to leases, read from the request itself."""
    if operation == "update_item":
        values = arguments["ExpressionAttributeValues"]
        return [Effect(values[":lease"]["S"], int(values[":until"]["N"]))] if ":until" in values else []
    if operation != "transact_write_items":
        return []
    items = [next(iter(item.values())) for item in arguments["TransactItems"]]
    until = [values[":until"] for item in items if ":until" in (values := item.get("ExpressionAttributeValues", {}))]
    opened = [item["Item"] for item in items if item.get("Item", {}).get("pk", {}).get("S", "").startswith("history#")]
    return [
        Effect(
            line["lease_id"]["S"],
            int(until[0]["N"]),
            line["pk"]["S"].removeprefix("history#"),
            line["visitor_id"]["S"],
            int(line["leased_at"]["N"]),
        )
        for line in opened
        if "until" not in line
    ]
