"""A sign of life, on moto: one conditional write that prolongs the lease of him who has it, and nothing else.

The same cases run on DynamoDB Local (tests/proof/test_dynamodb_leases.py): `CASES`.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import pytest

from shared.leases import Held, pool_key, renew
from shared.times import to_millis
from tests.api.numbers_door import TABLE, moto_dynamodb

NOW = datetime(2026, 10, 12, 7, 40, 28, tzinfo=UTC)
NUMBER = "+74950000031"
LEASE, OTHER_LEASE = (f"0199d7a1-5c40-7000-8000-00000000000{n}" for n in (1, 2))
FIVE_MINUTES = 300


class Case(NamedTuple):
    """A renewal at NOW of a lease that lasts `left` seconds more; `ends` is what it then lasts, `is_kept` the answer."""

    name: str
    left: float = 60
    is_confirmed: bool = False
    number: str = NUMBER
    lease_id: str = LEASE
    visitor: str = "me"
    is_kept: bool = True
    ends: float = FIVE_MINUTES
    is_confirmed_then: bool = True


def lost(name: str, left: float = 60, **told: Any) -> Case:
    return Case(name, left, is_kept=False, ends=left, is_confirmed_then=False, **told)


CASES = [
    Case("prolongs a lease and confirms it"),
    Case("prolongs a confirmed lease", is_confirmed=True),
    Case("takes a sign of life in the last millisecond", left=0),
    lost("is too late a millisecond after the end", left=-0.001),
    lost("is lost when another has the number", lease_id=OTHER_LEASE),
    lost("is lost when another visitor tells the lease's id", visitor="another"),
    lost("is lost for a number of nobody", number="+74950000099"),
    lost("is lost for what is no number", number="x" * 2000),
    lost("is lost for an empty number", number=""),
    lost("is lost for an id that is none", lease_id="x" * 500_000),
    Case("never shortens a longer first lease, but confirms it", left=600, ends=600),
    Case("changes nothing where a later sign of life came first", left=301, is_confirmed=True, ends=301),
    Case("is the same when repeated in the same millisecond", left=FIVE_MINUTES, is_confirmed=True),
]


def put(dynamodb: Any, case: Case) -> None:
    """The number as it was before the case."""
    until = to_millis(NOW + timedelta(seconds=case.left))
    item = {"lease_id": {"S": LEASE}, "visitor_id": {"S": "me"}, "leased_at": {"N": "1"}, "until": {"N": str(until)}}
    key = {"pk": {"S": pool_key("shop")}, "sk": {"S": NUMBER}}
    dynamodb.put_item(TableName=TABLE, Item={**key, **item, "is_confirmed": {"BOOL": case.is_confirmed}, "prefix": {"S": ""}})


def assert_renewal(dynamodb: Any, case: Case) -> None:
    """Renew as the case says, and look at the number."""
    put(dynamodb, case)
    answer = renew(dynamodb, TABLE, "shop", Held(case.number, case.lease_id), case.visitor, NOW, timedelta(seconds=FIVE_MINUTES))
    key = {"pk": {"S": pool_key("shop")}, "sk": {"S": NUMBER}}
    item = dynamodb.get_item(TableName=TABLE, Key=key, ConsistentRead=True)["Item"]
    assert answer is case.is_kept
    assert int(item["until"]["N"]) == to_millis(NOW + timedelta(seconds=case.ends))
    assert item["is_confirmed"]["BOOL"] is case.is_confirmed_then
    assert (item["lease_id"]["S"], item["visitor_id"]["S"]) == (LEASE, "me")


@pytest.fixture
def dynamodb(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    with moto_dynamodb(monkeypatch) as client:
        yield client


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_sign_of_life(dynamodb: Any, case: Case) -> None:
    assert_renewal(dynamodb, case)


def test_a_sign_of_life_is_one_write(dynamodb: Any) -> None:
    put(dynamodb, CASES[0])
    calls: list[str] = []

    def note(model: Any, **_: Any) -> None:
        calls.append(model.name)

    dynamodb.meta.events.register("before-call.dynamodb", note)
    try:
        assert renew(dynamodb, TABLE, "shop", Held(NUMBER, LEASE), "me", NOW, timedelta(seconds=FIVE_MINUTES))
    finally:
        dynamodb.meta.events.unregister("before-call.dynamodb", note)
    assert calls == ["UpdateItem"]


def test_a_table_that_fails_is_the_callers_to_handle(dynamodb: Any) -> None:
    with pytest.raises(dynamodb.exceptions.ResourceNotFoundException):
        renew(dynamodb, "no-such-table", "shop", Held(NUMBER, LEASE), "me", NOW, timedelta(seconds=FIVE_MINUTES))
