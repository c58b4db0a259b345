"""What the doors cost on DynamoDB Local, in requests and units: a renewal is one conditional write of one unit, a new lease one
query and one transaction. And the cases of a renewal on the real engine."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from shared.times import to_millis
from tests.api.numbers_door import SETTINGS, TABLE, Numbers
from tests.proof.meter import TRANSACTION_TIMES, Meter, plain_units
from tests.proof.numbers_server import Server, started
from tests.unit.test_leases import CASES, Case, assert_renewal

pytestmark = [pytest.mark.proof, pytest.mark.dynamodb_local]

COUNTED_FOR_ANY = 4.0


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with started() as running:
        yield running


@pytest.fixture
def meter(server: Server) -> Meter:
    return Meter(server.dynamodb)


@pytest.fixture
def numbers(monkeypatch: pytest.MonkeyPatch, meter: Meter) -> Numbers:
    door = Numbers(monkeypatch, meter)
    door.fill("+74950000031")
    meter.take()
    return door


def test_a_renewal_is_one_conditional_write_of_one_unit(numbers: Numbers, meter: Meter) -> None:
    given = numbers.lease(1)
    meter.take()
    numbers.later(seconds=60)
    assert numbers.renew(1, given)
    (renewal,) = meter.take()
    assert renewal.operation == "update_item"
    assert renewal.arguments["ConditionExpression"]
    assert renewal.units == 1


def test_a_new_lease_is_one_query_and_one_transaction_of_five_small_items(numbers: Numbers, meter: Meter) -> None:
    """Number, two guards, its line of history, and the end of the former line: 10 write units."""
    for visitor in (2, 3):
        numbers.later(hours=2)
        assert numbers.lease(visitor)["kind"] == "dynamic"
        query, transaction = meter.take()
        assert (query.operation, transaction.operation) == ("query", "transact_write_items")
        assert query.units == 1
        written = transaction.arguments["TransactItems"]
        assert [units_by_engine(meter, item) for item in written] == [plain_units(item) for item in written] == [1] * 5
        assert transaction.write_units == TRANSACTION_TIMES * 5 == 10


def test_the_first_lease_of_a_number_has_no_former_one_to_close(numbers: Numbers, meter: Meter) -> None:
    number = "+74950000032"
    numbers.fill(number)
    numbers.dynamodb.update_item(
        TableName=TABLE,
        Key={"pk": {"S": "pool#kvartal#main"}, "sk": {"S": "+74950000031"}},
        UpdateExpression="SET retired_at = :one",
        ExpressionAttributeValues={":one": {"N": "1"}},
    )
    meter.take()
    numbers.later(days=1)
    assert numbers.lease(4)["number"] == number
    assert meter.take()[1].write_units == 8


def test_where_the_visitor_came_from_is_one_small_item_more_of_the_same_transaction(numbers: Numbers, meter: Meter) -> None:
    numbers.publish({**SETTINGS, "pii": "vault", "crm": {"new_requests": {"url": "https://crm.example/new", "channels": ["call"]}}})
    numbers.fill("+74950000033")
    numbers.later(days=2)
    meter.take()
    page = {
        "url": "https://kvartal.example/?utm_source=yandex&utm_medium=cpc&yclid=18446744073709551617",
        "ref": "https://yandex.ru/",
    }
    first = {"t": to_millis(numbers.now), **page}
    assert numbers.lease(5, first=first, page_url=page["url"], ref=page["ref"])["kind"] == "dynamic"
    query, transaction = meter.take()
    assert (query.operation, transaction.operation) == ("query", "transact_write_items")
    assert transaction.write_units == TRANSACTION_TIMES * len(transaction.arguments["TransactItems"])
    assert [i["Put"]["Item"]["pk"]["S"] for i in transaction.arguments["TransactItems"] if "Put" in i][-1] == "way#kvartal"


def units_by_engine(meter: Meter, item: dict[str, Any]) -> float:
    """Units of an item of a transaction when the engine writes it by itself, without its condition."""
    ((kind, told),) = item.items()
    bare = {name: value for name, value in told.items() if name != "ConditionExpression"}
    if kind == "Put":
        bare = {"TableName": bare["TableName"], "Item": bare["Item"]}
    else:
        used = {name: value for name, value in bare["ExpressionAttributeValues"].items() if name in bare["UpdateExpression"]}
        bare["ExpressionAttributeValues"] = used
    meter.take()
    getattr(meter, "put_item" if kind == "Put" else "update_item")(**bare)
    (written,) = meter.take()
    return written.units


def test_the_engine_says_the_same_for_every_transaction_so_its_count_is_not_used(meter: Meter) -> None:
    """AWS counts two units an item (of up to 1 KB). When this fails, a newer engine counts right: take its figure above."""
    for items in (1, 2, 5):
        puts = [{"Put": {"TableName": TABLE, "Item": {"pk": {"S": f"units-{items}-{n}"}, "sk": {"S": "a"}}}} for n in range(items)]
        meter.transact_write_items(TransactItems=puts)
        assert meter.take()[0].units == COUNTED_FOR_ANY


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_sign_of_life_is_the_same_on_the_real_engine(server: Server, case: Case) -> None:
    assert_renewal(server.dynamodb, case)
