"""Fifty webhooks a second for twenty seconds, all CRMs mixed, over HTTP through the local gateway: the door answers within its 200
ms and loses none. (amoCRM gives an answer two seconds and switches a hook off after a hundred bad ones in two hours.)"""

from __future__ import annotations

import http.client
import threading
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from functions.crm_webhook import handler
from infra.local.clock import RealClock
from infra.local.stack import LocalStack
from tests.api.crm_senders import PROVIDERS, Hook, drained, hook, kept, open_doors

pytestmark = pytest.mark.proof

RATE, SECONDS, SENDERS = 50, 20, 10
OWN_SECONDS = 0.2
ROUNDS, HELD = 3, 1.1


@pytest.fixture
def own(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds that the door's handler took for each call, its stores included; waiting for its turn is the gateway's."""
    took: list[float] = []
    answer = handler.lambda_handler

    def timed(event: Any, context: Any) -> Any:
        began = time.perf_counter()
        try:
            return answer(event, context)
        finally:
            took.append(time.perf_counter() - began)

    monkeypatch.setattr(handler, "lambda_handler", timed)
    return took


@pytest.fixture
def stack(tmp_path: Path, own: list[float]) -> Iterator[LocalStack]:
    with LocalStack(tmp_path, RealClock()) as stack:
        open_doors(stack)
        yield stack


class Drain:
    """Takes messages out as the worker does: the local queue grows slower with every message that waits in it."""

    def __init__(self, stack: LocalStack) -> None:
        self._stack, self._stop = stack, threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.keys: list[str] = []

    def __enter__(self) -> Drain:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(0.5):
            self.keys += drained(self._stack)


class Senders:
    """Ten connections that send each hook at its own moment, however long the others take."""

    def __init__(self, host: str, hooks: list[Hook]) -> None:
        self._host, self._hooks = host, hooks
        self.statuses: Counter[int] = Counter()
        self.waited: list[float] = []

    def run(self) -> float:
        """Seconds from the first to the last answer."""
        began = time.perf_counter() + 0.2
        threads = [threading.Thread(target=self._send, args=(began, number)) for number in range(SENDERS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(SECONDS * 5)
        return time.perf_counter() - began

    def _send(self, began: float, number: int) -> None:
        connection = http.client.HTTPConnection(self._host, timeout=30)
        for place in range(number, len(self._hooks), SENDERS):
            due = began + place / RATE
            time.sleep(max(due - time.perf_counter(), 0))
            one = self._hooks[place]
            connection.request("POST", one.path, one.body, dict(one.headers))
            answer = connection.getresponse()
            answer.read()
            self.statuses[answer.status] += 1
            self.waited.append(time.perf_counter() - due)
        connection.close()


def at(seconds: list[float], share: float) -> float:
    """The value that this share of them does not exceed."""
    return sorted(seconds)[int(share * (len(seconds) - 1))]


def test_fifty_webhooks_a_second_are_answered_in_time_and_none_is_lost(stack: LocalStack, own: list[float]) -> None:
    """The door's own bound holds in every round. That fifty a second are handled here, by one execution environment, is shown by
    one round of three: neighbours on a shared machine may take its cores for a while."""
    host = stack.url.removeprefix("http://")
    sent: list[bytes] = []
    keys: list[str] = []
    for number in range(ROUNDS):
        own.clear()
        now = datetime.now(UTC) + timedelta(seconds=10)  # signatures hold for five minutes
        first = number * RATE * SECONDS
        hooks = [hook(PROVIDERS[deal % len(PROVIDERS)], deal, now, host) for deal in range(first, first + RATE * SECONDS)]
        senders = Senders(host, hooks)
        with Drain(stack) as drain:
            took = senders.run()
        keys += drain.keys
        sent += [one.body for one in hooks]
        assert senders.statuses == {202: RATE * SECONDS}
        assert len(own) == RATE * SECONDS
        own_99, waited_99 = (at(values, 0.99) for values in (own, senders.waited))
        print(
            f"p99: the door {own_99:.3f} s (median {at(own, 0.5):.3f} s), with the gateway {waited_99:.3f} s; all in {took:.1f} s"
        )
        assert own_99 <= OWN_SECONDS
        if took <= SECONDS * HELD:
            break
    else:
        pytest.fail(f"{RATE} a second were not handled in {ROUNDS} rounds; the last one took {took:.1f} s")
    assert kept(stack, keys) == sorted(sent)
