"""What outlives a run of the refresh, and how DynamoDB keeps it (table `ledger`, keys pk and sk)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol

import orjson

from functions.attribution.standing import State
from shared.times import to_millis

_LOCK = {"pk": {"S": "refresh"}, "sk": {"S": "lock"}}
_RUN = {"pk": {"S": "refresh"}, "sk": {"S": "run"}}


class Ledger(Protocol):
    """The lock, where the run stands, and the last complete run of each site."""

    def acquire(self, owner: str, now: datetime, until: datetime) -> bool:
        """Take or prolong the lock. False while another owner's lease runs."""
        ...

    def release(self, owner: str) -> None:
        """Give the lock back; nothing happens when it is somebody else's by now."""
        ...

    def load_run(self) -> State | None:
        """Where an unfinished run stands."""
        ...

    def save_run(self, state: State | None) -> None:
        """Remember where the run stands; None when it is complete."""
        ...

    def begin(self, site_id: str, refresh_id: str) -> None:
        """Note that a run rewrites the site's marts: until it completes, no report reads them."""
        ...

    def last_complete(self, site_id: str) -> Mapping[str, str]:
        """refresh_id, started_at, completed_at, data_to, last_arrival, fingerprint of the site's last complete run, or nothing."""
        ...

    def complete(self, site_id: str, run: Mapping[str, str]) -> None:
        """Mark a run of a site complete: from now on reports read it."""
        ...


class DynamoLedger:
    """`dynamodb` is a low-level client. The condition on the item decides who owns the lock, never a read before."""

    def __init__(self, dynamodb: Any, table: str) -> None:
        self._dynamodb, self._table = dynamodb, table

    def acquire(self, owner: str, now: datetime, until: datetime) -> bool:
        try:
            self._dynamodb.put_item(
                TableName=self._table,
                Item={**_LOCK, "owner": {"S": owner}, "leased_until": {"N": str(to_millis(until))}},
                ConditionExpression="attribute_not_exists(pk) OR #owner = :owner OR leased_until < :now",
                ExpressionAttributeNames={"#owner": "owner"},
                ExpressionAttributeValues={":owner": {"S": owner}, ":now": {"N": str(to_millis(now))}},
            )
        except self._dynamodb.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def release(self, owner: str) -> None:
        try:
            self._dynamodb.delete_item(
                TableName=self._table,
                Key=_LOCK,
                ConditionExpression="#owner = :owner",
                ExpressionAttributeNames={"#owner": "owner"},
                ExpressionAttributeValues={":owner": {"S": owner}},
            )
        except self._dynamodb.exceptions.ConditionalCheckFailedException:
            return

    def load_run(self) -> State | None:
        item = self._get(_RUN)
        return orjson.loads(item["state"]["S"]) if item else None

    def save_run(self, state: State | None) -> None:
        if state is None:
            self._dynamodb.delete_item(TableName=self._table, Key=_RUN)
        else:
            self._dynamodb.put_item(TableName=self._table, Item={**_RUN, "state": {"S": orjson.dumps(state).decode()}})

    def begin(self, site_id: str, refresh_id: str) -> None:
        key = {"pk": {"S": f"refresh#{site_id}"}, "sk": {"S": "begun"}}
        self._dynamodb.put_item(TableName=self._table, Item={**key, "refresh_id": {"S": refresh_id}})

    def last_complete(self, site_id: str) -> Mapping[str, str]:
        item = self._get(_last_key(site_id)) or {}
        return {name: value["S"] for name, value in item.items() if name not in ("pk", "sk")}

    def complete(self, site_id: str, run: Mapping[str, str]) -> None:
        item = {**_last_key(site_id), **{name: {"S": value} for name, value in run.items()}}
        self._dynamodb.put_item(TableName=self._table, Item=item)

    def _get(self, key: Mapping[str, Any]) -> dict[str, Any] | None:
        answer = self._dynamodb.get_item(TableName=self._table, Key=key, ConsistentRead=True)
        found: dict[str, Any] | None = answer.get("Item")
        return found


def _last_key(site_id: str) -> dict[str, Any]:
    return {"pk": {"S": f"refresh#{site_id}"}, "sk": {"S": "last"}}
