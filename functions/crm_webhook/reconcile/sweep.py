"""New requests that lie in the quarantine and that nobody ever began: the door died, or the queue refused, between the two. Each is
put into the queue again, once; done again, it is the same request (functions/crm_webhook/requests/sent.py).

Items of the table `crm`: pk `swept`, sk the key of an object that was looked at; kept as long as the object.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import orjson

from functions.crm_webhook.requests.request import whose_of
from functions.crm_webhook.requests.sent import SentStore, place_of
from shared.log import count, logger
from shared.new_requests import ANYBODYS_DOOR, DOOR, HASHES, PLACE, message
from shared.times import to_millis

OLD = timedelta(minutes=15)  # a message that was sent has been tried by then
REACH = timedelta(hours=6)  # of hours that are looked through: so long the check itself may fail
KEPT = timedelta(days=30)
MOST = 1000  # objects of one check; the next one goes on with those that are left


class Sweep:
    """`s3` is a client, `bucket` the lake's; `queue(body)` puts a message into the queue of tasks."""

    def __init__(self, s3: Any, bucket: str, dynamodb: Any, table: str, queue: Callable[[str], None]) -> None:
        self._s3, self._bucket, self._dynamodb, self._table, self._queue = s3, bucket, dynamodb, table, queue

    def sweep(self, now: datetime) -> int:
        """How many requests were put into the queue again. An object that cannot be read is logged and left for its alarm."""
        store = SentStore(lambda: self._dynamodb, self._table, lambda: now)
        swept = looked = 0
        for key in self._keys(now):
            if self._is_swept(key):
                continue
            looked += 1
            if looked > MOST:
                break
            try:
                swept += self._again(key, store, now)
            except (ValueError, KeyError, TypeError):
                logger().warning("no new request lies here", extra={"key": key})
                self._mark(key, now)
        if swept:
            count({"RequestsSwept": swept})
        return swept

    def _again(self, key: str, store: SentStore, now: datetime) -> int:
        data = orjson.loads(self._s3.get_object(Bucket=self._bucket, Key=key)["Body"].read())["data"]
        site_id, request_id = str(data["site_id"]), str(data["request_id"])
        place = place_of(str(data.get("contact_channel", "")), request_id, is_anybodys=data.get(DOOR) == ANYBODYS_DOOR)
        whose = whose_of({name: data[name] for name in HASHES if isinstance(data.get(name), str)})
        is_begun = store.is_begun(site_id, place, whose)
        if not is_begun:
            self._queue(message(site_id, key, request_id, now))
        self._mark(key, now)  # after the queue has it: twice is harmless, never is not
        return 0 if is_begun else 1

    def _keys(self, now: datetime) -> Iterator[str]:
        """Objects of the last hours that are old enough, the oldest first."""
        hours = int(REACH / timedelta(hours=1))
        for back in range(hours, -1, -1):
            prefix = f"{PLACE}{now - timedelta(hours=back):%Y/%m/%d/%H}/"
            for page in self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix):
                for entry in page.get("Contents", ()):
                    if entry["LastModified"] <= now - OLD:
                        yield str(entry["Key"])

    def _is_swept(self, key: str) -> bool:
        found = self._dynamodb.get_item(TableName=self._table, Key=_key(key))
        return "Item" in found

    def _mark(self, key: str, now: datetime) -> None:
        expires_at = {"N": str(to_millis(now + KEPT) // 1000)}
        self._dynamodb.put_item(TableName=self._table, Item={**_key(key), "expires_at": expires_at})


def _key(key: str) -> dict[str, dict[str, str]]:
    """One place for all sites: a key names its site only as a part of itself."""
    return {"pk": {"S": "swept"}, "sk": {"S": key}}
