"""One form that two doors tell, the tracker and the import, is one lead; its id and a contact must agree for that."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from functions.crm_webhook.requests.sent import SentStore
from functions.crm_webhook.tasks.orders import Order
from infra.doubles.amocrm.server import AmoServer
from tests.api.new_requests import EMAIL, PHONE, REQUEST, Amo, World, world
from tests.api.test_crm_requests_hostile import Address

OTHER, OTHERS_VISITOR = "+79006660066", "0199d7a1-5c2e-7b6a-9c11-2f6d3e4a5b99"


@pytest.fixture
def made() -> Iterator[World]:
    with world() as one:
        yield one


@pytest.fixture
def amo(made: World) -> Iterator[Amo]:
    with AmoServer(lambda: made.now) as server:
        double = Amo(made, server)
        double.settle(channels=["form"])
        yield double


@pytest.fixture
def address(made: World, monkeypatch: pytest.MonkeyPatch) -> Address:
    return Address(made, monkeypatch)


def tracked(made: World, **told: Any) -> Order:
    return made.put(door="hits", **told)


def imported(made: World, **told: Any) -> Order:
    return made.put(visitor_id="", **told)


@pytest.mark.parametrize("is_import_first", [True, False])
def test_a_form_that_tracker_and_import_tell_is_one_lead_whoever_comes_first(made: World, amo: Amo, is_import_first: bool) -> None:
    orders = [tracked(made), imported(made)]
    for order in orders[::-1] if is_import_first else orders:
        assert made.until_done(order) is None
    assert (len(amo.leads), len(amo.notes)) == (1, 1)
    before = len(amo.server.limit.calls)
    assert [made.send(order) for order in orders] == [None, None]
    assert len(amo.server.limit.calls) == before


def test_both_doors_at_once_make_one_lead(made: World, amo: Amo) -> None:
    first, second = tracked(made), imported(made)
    outcomes: list[Any] = []

    def meanwhile(method: str, path: str) -> None:
        if method == "POST" and path.endswith("/complex"):
            outcomes.append(made.send(second))

    amo.before = meanwhile
    assert made.send(first) is None
    assert outcomes == ["later"]
    assert made.until_done(second) is None
    assert (len(amo.leads), len(amo.notes)) == (1, 1)


@pytest.mark.parametrize("write", range(5))
def test_both_doors_between_any_two_of_their_writes_settle_on_one_place(
    made: World, amo: Amo, monkeypatch: pytest.MonkeyPatch, write: int
) -> None:
    """The other door's task runs whole before the n-th write of the first one's."""
    first, second = tracked(made), imported(made)
    update, left = made.dynamodb.update_item, [write]

    def interrupted(**call: Any) -> Any:
        if call["TableName"] == "crm" and call["Key"]["pk"]["S"].startswith(("sent#", "same#")):
            left[0] -= 1
            if left[0] == -1:
                made.send(second)
        return update(**call)

    monkeypatch.setattr(made.dynamodb, "update_item", interrupted)
    made.send(first)
    assert left[0] < 0
    assert [made.until_done(first), made.until_done(second)] == [None, None]
    assert (len(amo.leads), len(amo.notes)) == (1, 1)


def test_another_contact_under_the_same_id_is_a_lead_of_its_own(made: World, amo: Amo) -> None:
    assert made.send(tracked(made, phone=OTHER)) is None
    assert made.send(imported(made)) is None
    assert len(amo.leads) == 2
    assert all(OTHER not in note and PHONE not in note for note in amo.notes)


def test_the_same_contact_under_another_id_is_a_lead_of_its_own(made: World, amo: Amo) -> None:
    assert made.send(tracked(made)) is None
    assert made.send(imported(made, request_id="kv-18")) is None
    assert len(amo.leads) == 2


@pytest.mark.parametrize("channel", ["call", "email"])
def test_a_form_never_takes_the_place_of_another_channels_request(made: World, amo: Amo, channel: str) -> None:
    amo.settle(channels=["form", "call", "email"])
    assert made.send(tracked(made)) is None
    assert made.send(imported(made, channel=channel)) is None
    assert len(amo.leads) == 2


def test_a_door_that_knows_more_contacts_tells_them_and_one_that_knows_fewer_tells_nothing(made: World, amo: Amo) -> None:
    assert made.send(tracked(made)) is None
    assert made.send(imported(made, email=EMAIL)) is None
    assert len(amo.leads) == 1
    assert len([note for note in amo.notes if EMAIL in note]) == 1
    assert made.send(imported(made, request_id="kv-18", email=EMAIL)) is None
    before = len(amo.notes)
    assert made.send(tracked(made, request_id="kv-18")) is None
    assert (len(amo.leads), len(amo.notes)) == (2, before)


def test_the_second_visitor_of_an_id_and_his_import_are_one_lead_beside_the_first_ones(made: World, amo: Amo) -> None:
    assert made.send(tracked(made)) is None
    assert made.send(tracked(made, phone=OTHER, visitor_id=OTHERS_VISITOR)) is None
    assert made.send(imported(made, phone=OTHER)) is None
    assert len(amo.leads) == 2
    assert all("Другой контакт" not in note for note in amo.notes)


def test_an_address_hears_of_such_a_form_once(made: World, address: Address) -> None:
    for order in (tracked(made), imported(made)):
        assert made.send(order) is None
    assert [data["request_id"] for _, data in address.came] == [REQUEST]


def test_the_check_finds_both_tellings_begun(made: World, amo: Amo) -> None:
    """Else it would queue the second one again and again."""
    for order in (tracked(made), imported(made)):
        assert made.send(order) is None
    store = SentStore(lambda: made.dynamodb, "crm", lambda: made.now)
    (asker,) = made.item(REQUEST, "hits")["askers"]
    assert all(store.is_begun("kvartal", place, asker) for place in (f"hits#{REQUEST}", f"form#{REQUEST}"))
