"""A new request into the quarantine and the queue of CRM tasks (shared/new_requests.py). Used by every door that takes requests."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from shared.log import count
from shared.new_requests import body_of, message, object_key


class HandingOver:
    """`s3` is a client, `bucket` the lake's. `queue` gives the client of SQS and the queue's address, on first use: most sites hand
    nothing over."""

    def __init__(self, s3: Any, bucket: str, queue: Callable[[], tuple[Any, str]]) -> None:
        self._s3, self._bucket, self._queue = s3, bucket, queue

    def put(self, at: datetime, data: Mapping[str, Any], now: datetime) -> None:
        """Hand over one request, which began at `at`. Whoever is told in it must be in the vault by now. Errors of the stores are
        raised; done again, it is the same request."""
        site_id, request_id = str(data["site_id"]), str(data["request_id"])
        key = object_key(data, now)
        self._s3.put_object(Bucket=self._bucket, Key=key, Body=body_of(at, data), ContentType="application/json")
        self.task(message(site_id, key, request_id, now))
        count({"RequestQueued": 1}, Channel=str(data["contact_channel"]))

    def task(self, text: str) -> None:
        """Put a message into the queue of CRM tasks. Errors of the queue are raised."""
        sqs, url = self._queue()
        sqs.send_message(QueueUrl=url, MessageBody=text)


def not_handed_over(reason: str, requests: int = 1) -> None:
    """Count requests that a site asks for and does not get."""
    count({"RequestNotHandedOver": requests}, Reason=reason)
