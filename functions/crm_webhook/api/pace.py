"""The pace of calls that a CRM allows, kept by all who speak to it: workers, the regular check, a backfill on somebody's machine.

A leaky bucket as one number in DynamoDB (table `crm`): the time at which the bucket is empty again. Every call puts `1 /
per_second` seconds into it; more than `at_once` of them do not fit, and the caller waits. One conditional write a call.
Items: pk `pace#{site}`, sk the provider; `empty_at` in unix milliseconds.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from math import ceil
from typing import Any

from functions.crm_webhook.api.http import CrmBusy

LONGEST_WAIT = 20.0  # seconds for one call
_TRIES = 50  # others may write between our read and our write
_KEPT = 86_400  # seconds


class Pace:
    """`dynamodb` is a client, `table` the name of `crm`. `now` gives unix milliseconds, `sleep` waits for seconds."""

    def __init__(
        self,
        dynamodb: Callable[[], Any],
        table: str,
        now: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._dynamodb, self._table, self._now, self._sleep = dynamodb, table, now, sleep
        self._seen: dict[tuple[str, str], int] = {}

    def take(self, site_id: str, provider: str, per_second: float, at_once: int = 1) -> None:
        """Wait until a call may be made. CrmBusy where that takes longer than 20 s."""
        step = ceil(1000 / per_second)
        key = (site_id, provider)
        for _ in range(_TRIES):
            now, seen = self._now(), self._seen.get(key, 0)
            new = max(seen, now) + step
            wait = new - now - step * at_once
            if wait > LONGEST_WAIT * 1000:
                raise CrmBusy("the CRM's limit of calls is used up by others; tried again later", wait / 1000)
            if self._is_written(key, seen, new, now):
                if wait > 0:
                    self._sleep(wait / 1000)
                return
        raise CrmBusy("the CRM's limit of calls is used by too many at once; tried again later", 1)

    def hold(self, site_id: str, provider: str, seconds: float) -> None:
        """The CRM said to wait: nobody calls it for so long; a longer wait that was said before stands."""
        now, dynamodb = self._now(), self._dynamodb()
        until = now + int(min(seconds, 3600) * 1000)
        try:
            dynamodb.update_item(
                TableName=self._table,
                Key=_key(site_id, provider),
                UpdateExpression="SET empty_at = :until, expires_at = :expires_at",
                ConditionExpression="attribute_not_exists(empty_at) OR empty_at < :until",
                ExpressionAttributeValues={":until": {"N": str(until)}, ":expires_at": {"N": str(now // 1000 + _KEPT)}},
            )
        except dynamodb.exceptions.ConditionalCheckFailedException:
            return
        self._seen[site_id, provider] = until

    def alone(self, site_id: str, what: str, seconds: float) -> int | None:
        """Do `what` of a site alone for so long; gives the hold, for `release`. None while somebody else does it.

        Items: pk `alone#{site}`, sk `what`; `until` in unix milliseconds.
        """
        now, dynamodb = self._now(), self._dynamodb()
        until = now + int(seconds * 1000)
        try:
            dynamodb.put_item(
                TableName=self._table,
                Item={**_alone(site_id, what), "until": {"N": str(until)}, "expires_at": {"N": str(until // 1000 + _KEPT)}},
                ConditionExpression="attribute_not_exists(pk) OR #until < :now",
                ExpressionAttributeNames={"#until": "until"},
                ExpressionAttributeValues={":now": {"N": str(now)}},
            )
        except dynamodb.exceptions.ConditionalCheckFailedException:
            return None
        return until

    def release(self, site_id: str, what: str, hold: int) -> None:
        """Let others do it; nothing where the hold ran out and somebody else has it."""
        dynamodb = self._dynamodb()
        try:
            dynamodb.delete_item(
                TableName=self._table,
                Key=_alone(site_id, what),
                ConditionExpression="#until = :hold",
                ExpressionAttributeNames={"#until": "until"},
                ExpressionAttributeValues={":hold": {"N": str(hold)}},
            )
        except dynamodb.exceptions.ConditionalCheckFailedException:
            return

    def table(self) -> tuple[Any, str]:
        """DynamoDB's client and the name of `crm`: what else is kept of a site's CRM lies beside its pace."""
        return self._dynamodb(), self._table

    def rest(self, seconds: float) -> None:
        """Wait, by the clock that calls are paced with."""
        self._sleep(seconds)

    def _is_written(self, key: tuple[str, str], seen: int, new: int, now: int) -> bool:
        dynamodb = self._dynamodb()
        try:
            dynamodb.update_item(
                TableName=self._table,
                Key=_key(*key),
                UpdateExpression="SET empty_at = :new, expires_at = :expires_at",
                ConditionExpression="attribute_not_exists(empty_at) OR empty_at = :seen OR empty_at < :now",
                ExpressionAttributeValues={
                    ":new": {"N": str(new)},
                    ":seen": {"N": str(seen)},
                    ":now": {"N": str(now if seen <= now else 0)},
                    ":expires_at": {"N": str(new // 1000 + _KEPT)},
                },
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except dynamodb.exceptions.ConditionalCheckFailedException as error:
            self._seen[key] = int(error.response["Item"]["empty_at"]["N"])
            return False
        self._seen[key] = new
        return True


def _alone(site_id: str, what: str) -> dict[str, Any]:
    return {"pk": {"S": f"alone#{site_id}"}, "sk": {"S": what}}


def _key(site_id: str, provider: str) -> dict[str, Any]:
    return {"pk": {"S": f"pace#{site_id}"}, "sk": {"S": provider}}
