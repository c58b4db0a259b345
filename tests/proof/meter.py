"""A client of DynamoDB that keeps what each request consumed and how long it took."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

UNIT_BYTES = 1024
TRANSACTION_TIMES = 2  # a write in a transaction costs twice a plain one (DynamoDB's pricing)
WRITES = frozenset({"put_item", "update_item", "delete_item"})


class Asked(NamedTuple):
    """A request to the table: its operation, its arguments, the units that the engine counted, and seconds with the client."""

    operation: str
    arguments: dict[str, Any]
    units: float
    seconds: float

    @property
    def read_units(self) -> float:
        return 0.0 if self.operation in WRITES or self.operation == "transact_write_items" else self.units

    @property
    def write_units(self) -> float:
        """As counted by the engine, for a transaction by DynamoDB's rule: DynamoDB Local says the same for one item as for five
        (tests/proof/test_dynamodb_units.py)."""
        if self.operation == "transact_write_items":
            return TRANSACTION_TIMES * sum(map(plain_units, self.arguments["TransactItems"]))
        return self.units if self.operation in WRITES else 0.0


class Meter:
    """Wraps a client. `take` gives what was asked since the last time. A refused request is kept without units."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._asked: list[Asked] = []
        self.exceptions, self.meta = client.exceptions, client.meta

    def __getattr__(self, operation: str) -> Any:
        def call(**arguments: Any) -> Any:
            began, units = time.perf_counter(), 0.0
            try:
                answer = getattr(self._client, operation)(**arguments, ReturnConsumedCapacity="TOTAL")
                consumed = answer["ConsumedCapacity"]
                units = sum(part["CapacityUnits"] for part in (consumed if isinstance(consumed, list) else [consumed]))
            finally:
                self._asked.append(Asked(operation, arguments, units, time.perf_counter() - began))
            return answer

        return call

    def take(self) -> list[Asked]:
        taken, self._asked = self._asked, []
        return taken


def plain_units(item: Mapping[str, Any]) -> int:
    """Write units of one item of a transaction if it were written by itself: one for each begun KB (DynamoDB's pricing). What an
    update leaves in place is not counted: its items are small."""
    told: Mapping[str, Any] = next(iter(item.values()))
    written = told.get("Item") or {**told["Key"], **told.get("ExpressionAttributeValues", {})}
    return -(-sum(_sizes(written)) // UNIT_BYTES)


def _sizes(value: Any) -> Iterator[int]:
    """Bytes of names and values, a little more than DynamoDB counts."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield len(name.encode())
            yield from _sizes(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _sizes(inner)
    else:
        yield len(str(value).encode())
