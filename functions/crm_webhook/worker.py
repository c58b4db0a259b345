"""Queue → lake: reads the quarantined body, hands it to the adapter, writes what comes out.

Bad content ends as a rejected record and leaves the queue; what may work later (stores, secrets) goes back to the queue,
message by message, and to the dead-letter queue when it never does.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any

import orjson

from functions.crm_webhook.door import DOOR, QUARANTINE
from functions.crm_webhook.generic import Arrival, Record, records_of
from shared.aws import client, env
from shared.ids import derived_id, is_site_id
from shared.lake import Lake, Rejected
from shared.log import count, logger
from shared.records import CRM_EVENT, PAYMENT
from shared.secrets import Secrets, parameter_reader
from shared.times import from_millis, parse_instant


class Worker:
    """`s3` is a client, `bucket` the lake's: the quarantine lies there."""

    def __init__(self, s3: Any, bucket: str, secrets: Secrets, lake: Lake) -> None:
        self._s3, self._bucket, self._secrets, self._lake = s3, bucket, secrets, lake

    def work(self, message: Mapping[str, Any]) -> None:
        """One SQS record. Raises only what a later try may mend."""
        now = from_millis(int(message["attributes"]["SentTimestamp"]))
        order = _order(message.get("body"))
        if isinstance(order, Rejected):
            self._reject("", order, str(message["messageId"]), now)
            return
        body = self._raw(order["key"])
        if body is None:
            gone = Rejected("raw_gone", "the raw body is not in the quarantine any more; it is kept for 30 days", order["key"])
            self._reject(order["site_id"], gone, str(message["messageId"]), now)
            return
        identity_key = self._secrets.key("identity", now)
        arrival = Arrival(order["site_id"], order["webhook_id"], order["received_at"], identity_key)
        self._write(records_of(body, arrival), order, now)

    def _write(self, result: list[Record] | Rejected, order: Mapping[str, Any], now: datetime) -> None:
        batch_id = derived_id(order["received_at"], order["site_id"], order["webhook_id"])
        if isinstance(result, Rejected):
            # The body itself stays in the quarantine: it holds names, which the lake never does.
            self._reject(order["site_id"], Rejected(result.reason, result.message, order["key"]), batch_id, now)
            return
        for kind, line in result:
            self._lake.append(kind, [line], batch_id, now)
            count({"Accepted": 1}, Door=DOOR, RecordKind=kind.name)

    def _raw(self, key: str) -> bytes | None:
        try:
            body: bytes = self._s3.get_object(Bucket=self._bucket, Key=key)["Body"].read()
            return body
        except self._s3.exceptions.NoSuchKey:
            return None

    def _reject(self, site_id: str, rejected: Rejected, batch_id: str, now: datetime) -> None:
        logger().info("crm event rejected", extra={"site_id": site_id, "reason": rejected.reason, "batch_id": batch_id})
        self._lake.reject(site_id, DOOR, [rejected], batch_id, now)


def _order(text: object) -> dict[str, Any] | Rejected:
    """The door's message, checked: anything else in the queue must not circle in it."""
    try:
        message = orjson.loads(str(text))
        order = {name: message[name] for name in ("site_id", "key", "webhook_id")}
        if not all(isinstance(value, str) for value in order.values()):
            raise ValueError("a field is no text")
        if not is_site_id(order["site_id"]) or not order["key"].startswith(QUARANTINE):
            raise ValueError("site_id or key cannot be the door's")
        return {**order, "received_at": parse_instant(message["received_at"])}
    except (ValueError, KeyError, TypeError) as error:
        return Rejected("bad_message", f"the queue holds something that is not from the door ({type(error).__name__})")


@cache
def worker() -> Worker:
    """The worker, made on first use."""
    s3, bucket = client("s3"), env("LAKE_BUCKET")
    streams = {CRM_EVENT.name: env("CRM_EVENT_STREAM"), PAYMENT.name: env("PAYMENT_STREAM")}
    secrets = Secrets(parameter_reader(client("ssm"), env("STAGE")))
    return Worker(s3, bucket, secrets, Lake(client("firehose"), s3, bucket, streams))


def lambda_handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """SQS event → partial batch response: only the messages that failed come back."""
    failed = []
    for message in event.get("Records", []):
        try:
            worker().work(message)
        except Exception:
            logger().exception("crm event goes back to the queue", extra={"message_id": message.get("messageId")})
            count({"BackToQueue": 1}, Door=DOOR)
            failed.append({"itemIdentifier": message.get("messageId", "")})
    return {"batchItemFailures": failed}
