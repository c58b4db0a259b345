"""New requests that got stuck between quarantine and queue: every check finds them, puts them into the queue once, and they are
handed over once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import orjson
import pytest
from botocore.exceptions import ClientError

from functions.crm_webhook.reconcile import handler
from functions.crm_webhook.reconcile.sweep import OLD, Sweep
from functions.crm_webhook.tasks.orders import Order, order_of
from infra.doubles.amocrm.server import AmoServer
from tests.api.new_requests import LAKE, QUEUE, REQUEST, Amo, World, world


class Shelf:
    """The world's S3, with the times that listings tell."""

    def __init__(self, world: World) -> None:
        self._world, self._seen = world, {}  # type: ignore[var-annotated]

    def get_paginator(self, _: str) -> Shelf:
        return self

    def paginate(self, *, Bucket: str, Prefix: str) -> Iterator[dict[str, Any]]:
        keys = self._world.clients.s3.keys(Bucket, Prefix)
        yield {"Contents": [{"Key": key, "LastModified": self._seen.setdefault(key, self._world.now)} for key in keys[:1]]}
        yield {"Contents": [{"Key": key, "LastModified": self._seen.setdefault(key, self._world.now)} for key in keys[1:]]}

    def get_object(self, **asked: Any) -> Any:
        return self._world.clients.s3.get_object(**asked)


class Desk:
    """A world whose amoCRM is the double, and its check. `shelf` sees objects when it first lists them."""

    def __init__(self, world: World, amo: Amo) -> None:
        self.world, self.amo, self.shelf = world, amo, Shelf(world)
        amo.settle(channels=["form"])

    def stuck(self, request_id: str = REQUEST, **told: Any) -> None:
        """The queue refuses: the object lies there, no message does."""
        self.world.clients.sqs.fail("send_message", 1)
        with pytest.raises(ClientError):
            self.world.put(request_id, **told)
        self.world.clients.sqs.heal()
        assert self.sweep() == 0  # too young

    def sweep(self) -> int:
        def queue(body: str) -> None:
            self.world.clients.sqs.send_message(QueueUrl=QUEUE, MessageBody=body)

        return Sweep(self.shelf, LAKE, self.world.dynamodb, "crm", queue).sweep(self.world.now)

    def orders(self) -> list[Order]:
        found = [order_of(body) for body in self.world.clients.sqs.messages.get(QUEUE, [])]
        assert all(isinstance(order, Order) for order in found)
        return [order for order in found if isinstance(order, Order)]


@pytest.fixture
def desk() -> Iterator[Desk]:
    with world() as made, AmoServer(lambda: made.now) as server:
        yield Desk(made, Amo(made, server))


def test_a_request_that_the_queue_refused_is_handed_over_by_the_next_check(desk: Desk) -> None:
    desk.stuck()
    desk.world.now += OLD
    assert desk.sweep() == 1
    (order,) = desk.orders()
    assert desk.world.until_done(order) is None
    assert len(desk.amo.leads) == 1


def test_it_is_put_into_the_queue_once(desk: Desk) -> None:
    desk.stuck()
    desk.world.now += OLD
    assert [desk.sweep() for _ in range(3)] == [1, 0, 0]
    assert len(desk.orders()) == 1


def test_a_request_on_its_way_is_left_alone(desk: Desk) -> None:
    order = desk.world.put()
    assert desk.sweep() == 0
    assert desk.world.until_done(order) is None
    desk.world.now += OLD + timedelta(minutes=1)
    assert desk.sweep() == 0
    assert len(desk.orders()) == 1


def test_one_that_waits_in_the_queue_and_comes_twice_is_still_one_lead(desk: Desk) -> None:
    order = desk.world.put()
    desk.sweep()
    desk.world.now += OLD
    assert desk.sweep() == 1  # nobody began it: nothing tells it from a lost one
    again = desk.orders()[-1]
    assert desk.world.until_done(again) is None
    assert desk.world.until_done(order) is None
    assert len(desk.amo.leads) == 1


def test_two_visitors_with_one_id_are_both_handed_over(desk: Desk) -> None:
    first = desk.world.put(door="hits", email="", visitor_id="0199d7a1-5c2e-7b6a-9c11-2f6d3e4a5b61")
    assert desk.world.until_done(first) is None
    desk.stuck(door="hits", phone="+79000000018", visitor_id="0199d7a1-5c2e-7b6a-9c11-2f6d3e4a5b62")
    desk.world.now += OLD
    assert desk.sweep() == 1
    assert desk.world.until_done(desk.orders()[-1]) is None
    assert len(desk.amo.leads) == 2


def test_what_is_no_request_stops_nothing(desk: Desk) -> None:
    place = f"quarantine/crm-requests/{desk.world.now:%Y/%m/%d/%H}/"
    for name, body in {"a": b"{", "b": b'{"data": []}', "c": orjson.dumps({"data": {"site_id": "kvartal"}})}.items():
        desk.world.clients.s3.put_object(Bucket=LAKE, Key=f"{place}{name}.json", Body=body)
    desk.stuck()
    desk.world.now += OLD
    assert desk.sweep() == 1


def test_an_hour_that_was_missed_is_looked_through(desk: Desk) -> None:
    desk.stuck()
    desk.world.now += timedelta(hours=5, minutes=50)
    assert desk.sweep() == 1


def test_trouble_with_it_holds_up_no_check(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        def __getattr__(self, name: str) -> Any:
            raise OSError("down")

    for name in ("LAKE_BUCKET", "FILES_BUCKET", "CRM_TABLE", "CRM_TASK_QUEUE_URL"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setattr(handler, "client", lambda service: Broken())
    monkeypatch.setattr(handler, "list_sites", lambda s3, bucket: {})
    assert handler.lambda_handler({}, None) == {"checked": [], "swept": 0}
