"""A site whose amoCRM is the double: its hooks worked, its API read and reconciled, over moto's DynamoDB and Secrets Manager and a
lake in memory. Two clocks: the account's (a test moves it) and the beat of calls (waiting moves it, and nobody waits)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from functions.crm_webhook.amocrm import adapter
from functions.crm_webhook.amocrm import api as amocrm_api
from functions.crm_webhook.api.crm import Tools
from functions.crm_webhook.api.http import Http
from functions.crm_webhook.api.pace import Pace
from functions.crm_webhook.outcome import Arrival, Outcome, Pointer
from functions.crm_webhook.reconcile.marks import Marks
from functions.crm_webhook.reconcile.reconciler import Progress, Reconciler
from functions.crm_webhook.writing import Writing
from infra.doubles.amocrm import AmoServer, Hooks
from infra.shop.amocrm import LOST, WON
from shared.aws import client
from shared.lake import Lake
from shared.records import CRM_EVENT, PAYMENT
from shared.secrets import Secrets
from shared.settings import parse_settings, published
from tests.api.dynamo import dynamodb
from tests.fakes import FakeClients

KEY = b"identity key of the tests"
START = datetime(2026, 10, 12, 8, 0, tzinfo=UTC)
SECRET = "skvoz/test/kvartal/crm-amocrm"
WORKING, QUALIFIED = "58113406", "58113408"
STREAMS = {CRM_EVENT.name: "crm-events", PAYMENT.name: "payments"}


class Beat:
    """The clock that calls are paced by: waiting moves it."""

    def __init__(self) -> None:
        self.seconds = 1_000_000.0

    def millis(self) -> int:
        return int(self.seconds * 1000)

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds


class World:
    """`amo` is the double. Its hooks are worked as they come where `is_worked`, what they point at is read."""

    def __init__(self, hooks: Hooks | None = None, *, is_worked: bool = True, **settings: Any) -> None:
        self.now = START
        self.beat = Beat()
        self.fakes = FakeClients()
        self.queued: list[str] = []  # tasks of the regular check
        self.deliveries = 0
        hooks = hooks or Hooks()
        if is_worked:
            hooks.deliver = lambda body, headers: self.hear(body.encode())
        self.amo = AmoServer(lambda: self.now, hooks, seconds=lambda: self.beat.seconds)
        self.account = self.amo.account
        lake = Lake(self.fakes.firehose, self.fakes.s3, "lake", STREAMS)
        self.writing = Writing(lake, _nobody, _nobody)
        self.tools = self.new_tools()
        amo = {"api": {"url": self.amo.url}, "customers": True, **settings}
        raw = {"site_id": "kvartal", "name": "Квартал", "hosts": ["kvartal.example"], "crm": {"amocrm": amo}}
        self.site: Mapping[str, Any] = published(parse_settings(raw))
        client("secretsmanager").create_secret(Name=SECRET, SecretString=json.dumps(self.amo.keys.secret()))

    def new_tools(self) -> Tools:
        """Another process's."""
        pace = Pace(lambda: client("dynamodb"), "crm", self.beat.millis, self.beat.sleep)
        secrets = Secrets(lambda name: None)
        return Tools(Http(), pace, secrets, lambda: self.now, "test", lambda: client("secretsmanager"))

    def after(self, **duration: float) -> None:
        self.now += timedelta(**duration)

    def hear(self, body: bytes) -> None:
        """One delivery of a hook."""
        self.deliveries += 1
        arrival = self.arrival(f"delivery-{self.deliveries}")
        outcome = adapter.records_of(body, arrival, self.site, "amocrm")
        self.write(outcome, arrival)
        if outcome.to_read:
            self.read(outcome.to_read, arrival)

    def read(self, pointers: Sequence[Pointer], arrival: Arrival | None = None) -> Outcome:
        arrival = arrival or self.arrival("read")
        outcome = amocrm_api.reader(self.site, self.tools).read(pointers, arrival)
        self.write(outcome, arrival)
        return outcome

    def reconcile(self, tools: Tools | None = None, holder: str = "one", has_time: Callable[[], bool] = lambda: True) -> Progress:
        return self.reconciler(tools, holder).check(self.site, "amocrm", has_time)

    def reconciler(self, tools: Tools | None = None, holder: str = "one") -> Reconciler:
        marks = Marks(client("dynamodb"), "crm", holder)
        return Reconciler(marks, self.writing, tools or self.tools, lambda now: KEY, self.queued.append)

    def arrival(self, webhook_id: str) -> Arrival:
        return Arrival("kvartal", webhook_id, self.now, KEY)

    def write(self, outcome: Outcome, arrival: Arrival) -> None:
        self.writing.write(outcome, "crm-amocrm", self.site, arrival, "batch", "place", self.now)

    @property
    def records(self) -> list[dict[str, Any]]:
        """What the lake has, each record once."""
        return list({one["record_id"]: one for one in map(json.loads, self.fakes.firehose.lines("crm-events"))}.values())

    @property
    def payments(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.fakes.firehose.lines("payments")]

    @property
    def rejects(self) -> list[dict[str, Any]]:
        keys = self.fakes.s3.keys("lake", "rejected/")
        return [json.loads(line) for key in keys for line in self.fakes.s3.body("lake", key).splitlines()]


@contextmanager
def world(hooks: Hooks | None = None, *, is_worked: bool = True, **settings: Any) -> Iterator[World]:
    """A world of its own; `settings` are more of crm.amocrm."""
    with dynamodb(("crm",)):
        made = World(hooks, is_worked=is_worked, **settings)
        with made.amo:
            yield made


def stories(records: Sequence[dict[str, Any]]) -> dict[str, list[tuple[Any, ...]]]:
    """Each deal's way as functions/attribution/sql/deal_states.sql walks it: (time, pipeline, stage, sum, deleted, merged into)
    after each moment that changed any of them."""
    ways: dict[str, list[tuple[Any, ...]]] = {}
    ordered = sorted(records, key=lambda one: (one["occurred_at"], one["record_id"][:13], one["received_at"], one["record_id"]))
    stands: dict[str, dict[str, Any]] = {}
    for one in ordered:
        stand = stands.setdefault(one["deal_id"], {})
        stand |= {name: one[name] for name in ("pipeline", "stage", "amount", "is_deleted", "merged_into") if name in one}
        if "is_deleted" not in one and "stage" in one:
            stand["is_deleted"] = False
        now = tuple(stand.get(name) for name in ("pipeline", "stage", "amount", "is_deleted", "merged_into"))
        way = ways.setdefault(one["deal_id"], [])
        if way and way[-1][0] == one["occurred_at"]:
            way.pop()
        if not way or way[-1][1:] != now:
            way.append((one["occurred_at"], *now))
    return ways


def clients(records: Sequence[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """What each deal's latest records tell of its client, source and fields."""
    told: dict[str, dict[str, Any]] = {}
    for one in sorted(records, key=lambda one: (one["occurred_at"], one["record_id"][:13], one["received_at"], one["record_id"])):
        kept = {name: value for name, value in one.items() if name in _KEPT}
        told.setdefault(one["deal_id"], {}).update(kept)
    return told


_KEPT = {
    "deal_created_at", "phone_hash", "email_hash", "contact_id", "request_id", "tags", "manager", "utm_source",
    "is_handmade",
}  # fmt: skip


def _nobody() -> Any:
    raise AssertionError("these sites keep no vault and no managers")


__all__ = ["LOST", "QUALIFIED", "WON", "WORKING", "World", "clients", "stories", "world"]
