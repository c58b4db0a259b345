"""The queue of tasks: what is read together, what waits how long, and who is held up by whom."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.crm_webhook.api.http import CrmBusy, NotYet
from functions.crm_webhook.outcome import Pointer
from functions.crm_webhook.tasks.handler import LONGEST_WAIT, SECONDS, Tasks
from functions.crm_webhook.tasks.orders import MOST_POINTERS, Order, order_of, read_orders
from functions.crm_webhook.writing import Writing
from shared.lake import Lake, Rejected
from shared.new_requests import message
from shared.sites import Sites
from tests.fakes import FakeClients

NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)
KEY = "quarantine/crm-requests/2026/11/02/09/r1.json"


@dataclass
class Desk:
    """Tasks over recording ends: `down` sites raise, `refused` requests come back with a reason."""

    down: set[str] = field(default_factory=set)
    refused: set[str] = field(default_factory=set)
    reads: list[tuple[str, str, list[Pointer]]] = field(default_factory=list)
    sent: list[str] = field(default_factory=list)
    waits: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    stores: FakeClients = field(default_factory=FakeClients)

    def read(self, site: Mapping[str, Any], provider: str, orders: Sequence[Order], now: datetime) -> None:
        self._speak(str(site["site_id"]))
        self.reads.append((str(site["site_id"]), provider, [pointer for order in orders for pointer in order.pointers]))

    def send(self, site: Mapping[str, Any], order: Order) -> Rejected | None:
        self._speak(order.site_id)
        if order.cause in self.refused:
            return Rejected("refused_by_crm", "never", order.key)
        self.sent.append(order.cause)
        return None

    def _speak(self, site_id: str) -> None:
        self.seconds += 1
        if site_id in self.down:
            raise CrmBusy("the CRM answered 503")

    def work(self, *messages: dict[str, Any]) -> list[str]:
        """Ids of the messages that come back."""
        lake = Lake(self.stores.firehose, self.stores.s3, "lake", {})
        ends: Any = self
        never: Any = None
        sites = Sites(lambda key: orjson.dumps({"site_id": key.split("/")[1]}) if "gone" not in key else None)
        tasks = Tasks(sites, Writing(lake, never, never), ends, ends, self.waits.__setitem__, lambda: NOW, lambda: self.seconds)
        return [str(one["messageId"]) for one in tasks.work(messages)]

    def rejects(self) -> list[dict[str, Any]]:
        keys = self.stores.s3.keys("lake", "rejected/")
        return [json.loads(line) for key in keys for line in self.stores.s3.body("lake", key).splitlines()]


def queued(name: str, body: str, tries: int = 1) -> dict[str, Any]:
    attributes = {"SentTimestamp": str(int(NOW.timestamp() * 1000)), "ApproximateReceiveCount": str(tries)}
    return {"messageId": name, "receiptHandle": f"receipt-{name}", "body": body, "attributes": attributes}


def reading(name: str, *ids: str, site: str = "shop", provider: str = "bitrix24", tries: int = 1) -> dict[str, Any]:
    (text,) = read_orders(site, provider, [Pointer("deal", one) for one in ids], name, NOW)
    return queued(name, text, tries)


def sending(name: str, site: str = "shop") -> dict[str, Any]:
    return queued(name, message(site, KEY, name, NOW))


def test_reads_of_one_crm_go_together() -> None:
    desk = Desk()
    assert desk.work(reading("a", "1", "2"), reading("b", "2", "3"), reading("c", "9", provider="amocrm")) == []
    assert sorted(desk.reads) == [
        ("shop", "amocrm", [Pointer("deal", "9")]),
        ("shop", "bitrix24", [Pointer("deal", one) for one in ("1", "2", "2", "3")]),
    ]


def test_a_crm_that_is_down_holds_up_what_goes_to_it_and_nothing_else() -> None:
    desk = Desk(down={"shop"})
    assert sorted(desk.work(sending("a"), sending("b"), sending("c", site="other"))) == ["a", "b"]
    assert desk.sent == ["c"]
    assert desk.seconds == 2  # the second request of the site was not begun


def test_a_crm_that_cannot_be_read_does_not_hold_up_requests_that_go_elsewhere() -> None:
    desk = Desk()
    desk.read = closed  # type: ignore[method-assign]
    assert desk.work(reading("a", "1"), reading("b", "2"), sending("c")) == ["a", "b"]
    assert desk.sent == ["c"]


def closed(*told: Any) -> None:
    raise CrmBusy("the CRM answered 503")


def test_one_order_that_cannot_be_read_does_not_take_its_neighbours_along() -> None:
    desk = Desk()
    real = desk.read

    def poisoned(site: Mapping[str, Any], provider: str, orders: Sequence[Order], now: datetime) -> None:
        if any(pointer.id == "666" for order in orders for pointer in order.pointers):
            raise ValueError("nobody expected this")
        real(site, provider, orders, now)

    desk.read = poisoned  # type: ignore[method-assign]
    assert desk.work(reading("a", "1"), reading("b", "666"), reading("c", "3")) == ["b"]
    assert [pointers for _, _, pointers in desk.reads] == [[Pointer("deal", "1")], [Pointer("deal", "3")]]


def test_one_deal_that_must_wait_holds_up_nobody_else() -> None:
    desk = Desk()
    real = desk.read

    def waiting(site: Mapping[str, Any], provider: str, orders: Sequence[Order], now: datetime) -> None:
        if any(pointer.id == "9" for order in orders for pointer in order.pointers):
            raise NotYet("asked again later")
        real(site, provider, orders, now)

    desk.read = waiting  # type: ignore[method-assign]
    assert desk.work(reading("a", "9"), reading("b", "1")) == ["a"]
    assert [pointers for _, _, pointers in desk.reads] == [[Pointer("deal", "1")]]


def test_what_is_read_together_is_bounded() -> None:
    desk = Desk()
    many = [[str(number * 50 + one) for one in range(50)] for number in range(5)]
    assert desk.work(*(reading(f"m{number}", *ids) for number, ids in enumerate(many))) == []
    assert [len(pointers) for _, _, pointers in desk.reads] == [100, 100, 50]


@pytest.mark.parametrize(("tries", "seconds"), [(1, 30), (2, 60), (5, 480), (8, 3600), (60, LONGEST_WAIT)])
def test_what_fails_waits_longer_each_time(tries: int, seconds: int) -> None:
    desk = Desk(down={"shop"})
    desk.work(reading("a", "1", tries=tries))
    assert desk.waits == {"receipt-a": seconds}


def test_sixty_tries_take_more_than_two_days() -> None:
    desk = Desk(down={"shop"})
    total = 0
    for tries in range(1, 61):
        desk.work(reading("a", "1", tries=tries))
        total += desk.waits["receipt-a"]
    assert total > 48 * 3600


def test_nothing_is_begun_when_the_time_is_over_and_that_is_no_failure() -> None:
    desk = Desk(seconds=0)
    real = desk.read

    def slow(*told: Any) -> None:
        real(*told)
        desk.seconds += SECONDS

    desk.read = slow  # type: ignore[method-assign]
    assert desk.work(reading("a", "1", site="a-shop"), reading("b", "1", site="b-shop")) == ["b"]


def test_a_request_that_the_crm_never_takes_is_kept_with_its_reason() -> None:
    desk = Desk(refused={"r1"})
    assert desk.work(sending("r1"), sending("r2")) == []
    (reject,) = desk.rejects()
    assert (reject["reason"], reject["content"]) == ("refused_by_crm", KEY)
    assert desk.sent == ["r2"]


def test_tasks_of_a_site_that_is_no_more_end() -> None:
    desk = Desk()
    assert desk.work(reading("a", "1", site="gone")) == []
    assert desk.reads == []


@pytest.mark.parametrize(
    "body",
    [
        "", "{", "[]", "null", '{"task":"read"}', '{"task":"walk","site_id":"shop","webhook_id":"w","received_at":"2026-11-02"}',
        '{"task":"read","site_id":"shop","webhook_id":"w","received_at":"2026-11-02T09:00:00Z","provider":"../x","pointers":[]}',
        '{"task":"read","site_id":"shop","webhook_id":"w","received_at":"2026-11-02T09:00:00Z","provider":"amocrm","pointers":[["a"]]}',
        '{"task":"send","site_id":"shop","webhook_id":"w","received_at":"2026-11-02T09:00:00Z","key":"raw/hit/x"}',
    ],
)  # fmt: skip
def test_what_is_no_task_is_rejected_and_leaves_the_queue(body: str) -> None:
    desk = Desk()
    assert desk.work(queued("a", body)) == []
    (reject,) = desk.rejects()
    assert reject["reason"] == "bad_message"
    assert desk.waits == {}


@given(st.text(max_size=200) | st.dictionaries(st.sampled_from(["task", "site_id", "provider"]), st.text()).map(json.dumps))
def test_any_text_is_an_order_or_rejected(text: str) -> None:
    assert isinstance(order_of(text), (Order, Rejected))


def test_many_pointers_make_several_messages_and_none_is_lost() -> None:
    pointers = [Pointer("deal", str(number)) for number in range(MOST_POINTERS * 2 + 1)]
    orders = [order_of(text) for text in read_orders("shop", "bitrix24", [*pointers, *pointers], "w", NOW)]
    assert [pointer for order in orders if isinstance(order, Order) for pointer in order.pointers] == pointers
