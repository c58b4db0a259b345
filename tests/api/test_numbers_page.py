"""A lease reads its whole pool: 1,000 numbers, each with all that an item may hold, are one page of the table (1 MB)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from functions.numberpool.asking.visit import MARKS, MOST_MARK_BYTES
from infra.cli.numbers import MOST_NUMBERS
from shared.ids import is_site_id
from shared.leases import is_pool_name
from tests.api.numbers_door import SETTINGS, TABLE, Numbers, moto_dynamodb

PAGE_BYTES = 1_048_576  # what one query reads at most
LONGEST = "p" + "o" * 39
FIRST = "+74950000000"


class Queries:
    """The client of a test, counting pages."""

    def __init__(self, dynamodb: Any) -> None:
        self._dynamodb, self.pages = dynamodb, 0

    def __getattr__(self, name: str) -> Any:
        self.pages += name == "query"
        return getattr(self._dynamodb, name)


@pytest.fixture
def numbers(monkeypatch: pytest.MonkeyPatch) -> Iterator[Numbers]:
    with moto_dynamodb(monkeypatch) as dynamodb:
        door = Numbers(monkeypatch, dynamodb)
        door.publish(SETTINGS, pools=[{"name": LONGEST, "hosts": ["kvartal.example"]}])
        yield door


def size(value: dict[str, Any]) -> int:
    """Bytes of names and values, rather more than DynamoDB counts: it packs the digits of a number two by two."""
    total = 0
    for name, told in value.items():
        ((kind, inner),) = told.items()
        total += len(name.encode()) + (3 + size(inner) + len(inner) if kind == "M" else len(str(inner).encode()) + 1)
    return total


def test_1000_numbers_with_full_marks_are_read_by_one_query(numbers: Numbers) -> None:
    numbers.fill(FIRST, pool=LONGEST)
    ip = "2001:db8:aaaa:bb00::1"
    page = "https://kvartal.example/"
    given = numbers.lease(1, ip, page_url=page, **dict.fromkeys(MARKS, "м" * 100))
    assert given["number"] == FIRST
    (item,) = numbers.items(f"pool#kvartal#{LONGEST}")
    assert sum(len(mark["S"].encode()) for mark in item["marks"]["M"].values()) == MOST_MARK_BYTES
    longest_site = "s" * 40
    assert is_site_id(longest_site)
    assert is_pool_name(LONGEST)
    rest = len(longest_site) - len("kvartal") + size({"awaits_test": item["leased_at"], "retired_at": item["leased_at"]}) + 10
    assert (size(item) + rest) * MOST_NUMBERS < PAGE_BYTES

    for place in range(1, MOST_NUMBERS):
        copy = {**item, "sk": {"S": f"+7495{place:07d}"}, "until": {"N": "1"}}
        numbers.dynamodb.put_item(TableName=TABLE, Item=copy)
    counting = Queries(numbers.dynamodb)
    numbers.clients.dynamodb = counting
    numbers.forget()
    assert numbers.lease(2, page_url=page)["kind"] == "dynamic"
    assert counting.pages == 1
