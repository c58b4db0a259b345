"""Nothing missed: walks over a CRM's deals, page by page, that go on where they stopped. The CRM is the test's, marks are real."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import orjson
import pytest

from functions.crm_webhook.api.crm import Page, Span
from functions.crm_webhook.api.http import CrmBusy
from functions.crm_webhook.deals import DealState, state_record
from functions.crm_webhook.outcome import Arrival, Outcome, Pointer
from functions.crm_webhook.reconcile import reconciler as module
from functions.crm_webhook.reconcile.marks import HOLD_SECONDS, Marks
from functions.crm_webhook.reconcile.reconciler import FIRST_REACH, OVERLAP, Reconciler
from functions.crm_webhook.tasks.orders import Order, order_of
from functions.crm_webhook.writing import Writing
from shared.lake import Lake
from tests.api.dynamo import dynamodb
from tests.fakes import FakeClients

NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)
SITE: Mapping[str, Any] = {"site_id": "shop", "time_zone": "Europe/Moscow", "crm": {}}
DEALS_A_PAGE = 2


@dataclass
class Crm:
    """Deals by the time of their last change; `failing` calls raise, `before` runs before each page."""

    deals: dict[str, datetime]
    failing: int = 0
    left: tuple[Pointer, ...] = ()  # what every page leaves for later
    pages: list[tuple[Span, str]] = field(default_factory=list)

    def read(self, pointers: Sequence[Pointer], arrival: Arrival) -> Outcome:
        raise AssertionError("nothing is pointed at here")

    def page(self, span: Span, cursor: str, arrival: Arrival) -> Page:
        self.pages.append((span, cursor))
        if self.failing:
            self.failing -= 1
            raise CrmBusy("the CRM answered 503")
        inside = sorted((at, deal) for deal, at in self.deals.items() if span.first <= at < span.last)
        begin = int(cursor or 0)
        some = inside[begin : begin + DEALS_A_PAGE]
        records = [state_record(DealState(deal_id=deal, told_at=at, via="api"), "amocrm", arrival) for at, deal in some]
        following = begin + DEALS_A_PAGE
        return Page(Outcome(records, to_read=list(self.left)), str(following) if following < len(inside) else "", len(some))


@dataclass
class Desk:
    """A clock, stores and a CRM."""

    dynamodb: Any
    stores: FakeClients
    crm: Crm
    now: datetime = NOW
    queued: list[str] = field(default_factory=list)

    def reconciler(self, holder: str = "one") -> Reconciler:
        tools: Any = self
        lake = Lake(self.stores.firehose, self.stores.s3, "lake", {"crm_event": "crm-events", "payment": "payments"})
        never: Any = None
        return Reconciler(
            Marks(self.dynamodb, "crm", holder), Writing(lake, never, never), tools, lambda now: b"key", self.queued.append
        )

    def clock(self) -> datetime:
        return self.now

    def told(self) -> list[str]:
        return [orjson.loads(line)["deal_id"] for line in self.stores.firehose.lines("crm-events")]


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    with dynamodb(("crm",)) as client:
        made = Desk(client, FakeClients(), Crm({str(n): NOW - timedelta(hours=n) for n in range(1, 6)}))
        monkeypatch.setattr(module, "reader_of", lambda site, provider, tools: made.crm)
        yield made


def always() -> bool:
    return True


def test_the_first_check_reaches_thirty_days_back(desk: Desk) -> None:
    desk.crm.deals = {"new": NOW - FIRST_REACH, "old": NOW - FIRST_REACH - timedelta(seconds=1)}
    progress = desk.reconciler().check(SITE, "amocrm", always)
    assert (progress.deals, progress.is_done) == (1, True)
    assert desk.told() == ["new"]


def test_the_next_check_begins_at_the_last_good_mark_and_a_little_before(desk: Desk) -> None:
    desk.reconciler().check(SITE, "amocrm", always)
    desk.now += timedelta(minutes=15)
    desk.crm.deals["6"] = NOW + timedelta(minutes=3)
    desk.reconciler().check(SITE, "amocrm", always)
    assert desk.crm.pages[-1][0] == Span(NOW - OVERLAP, desk.now)
    assert desk.told()[-1] == "6"


def test_a_run_without_time_goes_on_where_it_stopped(desk: Desk) -> None:
    time = iter([True, False])
    progress = desk.reconciler().check(SITE, "amocrm", lambda: next(time))
    assert (progress.deals, progress.is_done) == (2, False)
    desk.now += timedelta(minutes=15)
    assert desk.reconciler("another").check(SITE, "amocrm", always).is_done
    assert sorted(desk.told()) == ["1", "2", "3", "4", "5"]
    assert len(desk.told()) == 5  # no page was read twice


def test_a_crm_that_is_down_keeps_the_mark_and_says_why(desk: Desk) -> None:
    desk.reconciler().check(SITE, "amocrm", always)
    desk.now += timedelta(minutes=15)
    desk.crm.failing = 1
    progress = desk.reconciler().check(SITE, "amocrm", always)
    assert (progress.deals, progress.is_done) == (0, False)
    (walk,) = Marks(desk.dynamodb, "crm", "looker").all("shop")
    assert (walk.done_until, walk.failed) == (NOW, "the CRM answered 503")
    desk.now += timedelta(minutes=15)
    assert desk.reconciler().check(SITE, "amocrm", always).is_done
    (walk,) = Marks(desk.dynamodb, "crm", "looker").all("shop")
    assert (walk.done_until, walk.failed) == (NOW + timedelta(minutes=15), "")


def test_a_page_that_the_lake_refuses_is_read_again(desk: Desk) -> None:
    desk.stores.firehose.fail("put_record")
    desk.stores.s3.fail("put_object")
    desk.reconciler().check(SITE, "amocrm", always)
    assert desk.told() == []
    desk.stores.firehose.heal()
    desk.stores.s3.heal()
    assert desk.reconciler().check(SITE, "amocrm", always).is_done
    assert len(desk.told()) == 5


def test_what_a_page_leaves_for_later_is_queued_before_the_mark_goes_on(desk: Desk) -> None:
    desk.crm.left = (Pointer("deal", "77"), Pointer("deal", "78"))

    class Refusing(list[str]):
        def append(self, text: str) -> None:
            raise RuntimeError("the queue refuses")

    desk.queued = Refusing()
    with pytest.raises(RuntimeError):
        desk.reconciler().check(SITE, "amocrm", always)
    (walk,) = Marks(desk.dynamodb, "crm", "looker").all("shop")
    assert walk.done_until is None
    desk.queued = []
    assert desk.reconciler().check(SITE, "amocrm", always).is_done
    orders = [order_of(text) for text in desk.queued]
    told = [(one.task, one.provider, one.pointers) for one in orders if isinstance(one, Order)]
    assert told == [("read", "amocrm", desk.crm.left)] * 3  # a page each


def test_a_run_that_dies_loses_no_deal(desk: Desk) -> None:
    class Dead(BaseException):
        """The function was stopped."""

    reconciler, pages = desk.reconciler("dead"), iter([True, True])

    def until_death() -> bool:
        if next(pages, None) is None:
            raise Dead
        return True

    with pytest.raises(Dead):
        reconciler.check(SITE, "amocrm", until_death)
    # It still holds the walk: nobody goes on before its hold is over.
    desk.now += timedelta(seconds=HOLD_SECONDS - 1)
    assert desk.reconciler("other").check(SITE, "amocrm", always).walk is None
    desk.now += timedelta(seconds=2)
    assert desk.reconciler("other").check(SITE, "amocrm", always).is_done
    assert sorted(set(desk.told())) == ["1", "2", "3", "4", "5"]


def test_a_reader_whose_walk_was_taken_writes_no_mark(desk: Desk) -> None:
    slow, quick = desk.reconciler("slow"), desk.reconciler("quick")
    turns = 0

    def taken_after_the_first_page() -> bool:
        nonlocal turns
        turns += 1
        if turns == 2:
            desk.now += timedelta(seconds=HOLD_SECONDS + 1)
            assert quick.check(SITE, "amocrm", always).is_done
        return True

    progress = slow.check(SITE, "amocrm", taken_after_the_first_page)
    assert progress.walk is None
    (walk,) = Marks(desk.dynamodb, "crm", "looker").all("shop")
    assert (walk.span, walk.done_until) == (None, NOW)


def test_a_backfill_walks_by_creation_in_the_sites_own_days_and_is_done_once(desk: Desk) -> None:
    first, last = date(2026, 10, 1), date(2026, 10, 31)
    desk.crm.deals = {"a": datetime(2026, 9, 30, 21, tzinfo=UTC), "b": datetime(2026, 10, 31, 21, tzinfo=UTC)}
    assert desk.reconciler().backfill(SITE, "amocrm", first, last, always).is_done
    assert desk.told() == ["a"]
    (span, _) = desk.crm.pages[0]
    assert span.by == "created"
    assert desk.reconciler().backfill(SITE, "amocrm", first, last, always).is_done
    assert len(desk.crm.pages) == 1  # walked whole already


def test_a_backfill_and_the_regular_check_do_not_disturb_each_other(desk: Desk) -> None:
    time = iter([True, False])
    desk.reconciler("a").backfill(SITE, "amocrm", date(2026, 11, 1), date(2026, 11, 2), lambda: next(time))
    desk.reconciler("b").check(SITE, "amocrm", always)
    names = {walk.name: walk.span is None for walk in Marks(desk.dynamodb, "crm", "looker").all("shop")}
    assert names == {"amocrm": True, "amocrm#2026-11-01:2026-11-02": False}


def test_what_is_read_twice_makes_the_same_records(desk: Desk) -> None:
    desk.reconciler().check(SITE, "amocrm", always)
    desk.crm.pages.clear()
    desk.reconciler().backfill(SITE, "amocrm", date(2026, 11, 1), date(2026, 11, 2), always)
    ids = [orjson.loads(line)["record_id"] for line in desk.stores.firehose.lines("crm-events")]
    assert len(ids) == 10
    assert len(set(ids)) == 5
