"""What SQS and CloudWatch tell of the CRM's queues."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

from shared.aws import client


def dead_letters_url(url: str) -> str | None:
    """Address of a queue's dead-letter queue; None where it has none."""
    sqs = client("sqs")
    told = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["RedrivePolicy"]).get("Attributes", {}).get("RedrivePolicy")
    if told is None:
        return None
    name = json.loads(told)["deadLetterTargetArn"].rpartition(":")[2]
    return str(sqs.get_queue_url(QueueName=name)["QueueUrl"])


def waiting(url: str) -> tuple[int, int]:
    """Messages that wait, and that are being worked on or were put off."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    told = client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return int(told[names[0]]), int(told[names[1]])


def oldest(url: str) -> timedelta | None:
    """Age of the oldest message by CloudWatch, at most a quarter of an hour old itself; None where it says nothing."""
    now = datetime.now(UTC)
    told = client("cloudwatch").get_metric_statistics(
        Namespace="AWS/SQS",
        MetricName="ApproximateAgeOfOldestMessage",
        Dimensions=[{"Name": "QueueName", "Value": url.rpartition("/")[2]}],
        StartTime=now - timedelta(minutes=15),
        EndTime=now,
        Period=300,
        Statistics=["Maximum"],
    )
    points = sorted(told.get("Datapoints", ()), key=lambda point: point["Timestamp"])
    return timedelta(seconds=points[-1]["Maximum"]) if points else None
