"""Reading the pool, and which refusals of a transaction are lost races."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from functions.numberpool.choice import Number
from functions.numberpool.store import Store, is_lost_race
from shared.leases import pool_key


class Pages:
    """A table whose answers hold one item each."""

    def __init__(self, *numbers: str) -> None:
        self._items = [{"pk": {"S": pool_key("shop")}, "sk": {"S": number}} for number in numbers]

    def query(self, *, ConsistentRead: bool, ExclusiveStartKey: Any = None, **_: Any) -> dict[str, Any]:
        assert ConsistentRead
        place = self._items.index(ExclusiveStartKey) + 1 if ExclusiveStartKey else 0
        more = {"LastEvaluatedKey": self._items[place]} if place + 1 < len(self._items) else {}
        return {"Items": [self._items[place]], **more}


def test_a_pool_is_read_to_its_last_page() -> None:
    numbers = ("+74950000031", "+74950000032", "+74950000033")
    assert Store(Pages(*numbers), "numbers").numbers("shop") == [Number(number) for number in numbers]


@pytest.mark.parametrize(
    ("code", "reasons", "expected"),
    [
        ("TransactionCanceledException", ["None", "ConditionalCheckFailed"], True),
        ("TransactionCanceledException", ["TransactionConflict", "ThrottlingError"], True),
        ("TransactionCanceledException", ["ConditionalCheckFailed", "ValidationError"], False),
        ("TransactionCanceledException", ["ItemCollectionSizeLimitExceeded"], False),
        ("TransactionCanceledException", [], False),
        ("TransactionConflictException", [], True),
        ("ThrottlingException", [], True),
        ("IdempotentParameterMismatchException", [], False),
        ("ResourceNotFoundException", [], False),
        ("InternalServerError", [], False),
    ],
)
def test_only_races_and_lack_of_capacity_are_worth_another_look(code: str, reasons: list[str], expected: bool) -> None:
    answer: Any = {"Error": {"Code": code, "Message": ""}, "CancellationReasons": [{"Code": reason} for reason in reasons]}
    assert is_lost_race(ClientError(answer, "TransactWriteItems")) is expected


def test_a_table_that_cannot_be_reached_is_no_lost_race() -> None:
    assert not is_lost_race(EndpointConnectionError(endpoint_url="x"))
