"""Events of SQS, S3 and the scheduler, in the shape in which AWS hands them to a function."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote_plus

from infra.local.aws import ACCOUNT, REGION

_SCHEDULED_TIME = "<aws.scheduler.scheduled-time>"
_SCHEDULE_ARN = "<aws.scheduler.schedule-arn>"
_EXECUTION_ID = "<aws.scheduler.execution-id>"
_ATTEMPT_NUMBER = "<aws.scheduler.attempt-number>"


def instant_text(instant: datetime) -> str:
    """`2026-10-12T07:40:26.000Z`."""
    utc = instant.astimezone(UTC)
    return f"{utc:%Y-%m-%dT%H:%M:%S}.{utc.microsecond // 1000:03d}Z"


def sqs_event(queue: str, messages: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Messages as ReceiveMessage gives them (with all system attributes) → event of an SQS source."""
    return {
        "Records": [
            {
                "messageId": message["MessageId"],
                "receiptHandle": message["ReceiptHandle"],
                "body": message["Body"],
                "attributes": message["Attributes"],
                "messageAttributes": {
                    name: {"stringValue": value["StringValue"], "dataType": value["DataType"]}
                    for name, value in message.get("MessageAttributes", {}).items()
                    if "StringValue" in value
                },
                "md5OfBody": message["MD5OfBody"],
                "eventSource": "aws:sqs",
                "eventSourceARN": f"arn:aws:sqs:{REGION}:{ACCOUNT}:{queue}",
                "awsRegion": REGION,
            }
            for message in messages
        ]
    }


def s3_event(bucket: str, key: str, size: int, etag: str, sequence: int, now: datetime) -> dict[str, Any]:
    """One created object → S3's notification: the key is form-encoded (a space is `+`), the eTag has no quotes."""
    record = {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": REGION,
        "eventTime": instant_text(now),
        "eventName": "ObjectCreated:Put",
        "userIdentity": {"principalId": "local"},
        "requestParameters": {"sourceIPAddress": "127.0.0.1"},
        "responseElements": {"x-amz-request-id": f"{sequence:016X}", "x-amz-id-2": "local"},
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": "local",
            "bucket": {"name": bucket, "ownerIdentity": {"principalId": "local"}, "arn": f"arn:aws:s3:::{bucket}"},
            "object": {"key": quote_plus(key, safe="/"), "size": size, "eTag": etag.strip('"'), "sequencer": f"{sequence:016X}"},
        },
    }
    return {"Records": [record]}


def schedule_input(given: str | None, name: str, execution_id: str, now: datetime) -> Any:
    """What EventBridge Scheduler sends: the schedule's own input with its keywords filled in, or the default event."""
    arn = f"arn:aws:scheduler:{REGION}:{ACCOUNT}:schedule/default/{name}"
    time = f"{now.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    if given is None:
        return {
            "version": "0",
            "id": execution_id,
            "detail-type": "Scheduled Event",
            "source": "aws.scheduler",
            "account": ACCOUNT,
            "time": time,
            "region": REGION,
            "resources": [arn],
            "detail": "{}",
        }
    keywords = {_SCHEDULED_TIME: time, _SCHEDULE_ARN: arn, _EXECUTION_ID: execution_id, _ATTEMPT_NUMBER: "1"}
    for keyword, value in keywords.items():
        given = given.replace(keyword, value)
    return json.loads(given)
