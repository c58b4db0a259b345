"""Functions of the small template that the local stack's own tests run: they behave as the event tells them to."""

from __future__ import annotations

import os
import sys
from typing import Any

from shared.aws import client, env

CALLS: list[tuple[str, Any]] = []


def echo(event: Any, context: Any) -> Any:
    """Answers with the event; `?return=…` asks for other answers."""
    query = event.get("queryStringParameters", {})
    match query.get("return"):
        case "crash":
            raise RuntimeError("a secret detail")
        case "junk":
            return {"statusCode": "two hundred"}
        case "bytes":
            return {"statusCode": 200, "headers": {"Content-Type": "image/gif"}, "body": "R0lGOA==", "isBase64Encoded": True}
        case "cookies":
            return {"statusCode": 204, "cookies": ["a=1; Path=/", "b=2"]}
        case "plain":
            return {"hello": "world"}
    return {"statusCode": 200, "headers": {"Content-Type": "application/json"}, "body": __import__("json").dumps(event)}


def store(event: Any, context: Any) -> Any:
    """Puts the body into the stream, as the hit door does."""
    client("firehose").put_record(DeliveryStreamName=env("HIT_STREAM"), Record={"Data": event["body"].encode() + b"\n"})
    return {"statusCode": 202}


def show_environment(event: Any, context: Any) -> Any:
    """What this function can see of its variables."""
    seen = ("SERVICE", "HIT_STREAM", "LAKE_BUCKET", "STAGE")
    return {"variables": {name: os.environ.get(name) for name in seen}, "listed": sorted(set(seen) & set(os.environ))}


def shout(event: Any, context: Any) -> Any:
    """Prints."""
    print("heard from inside")
    return {"statusCode": 200, "on": type(sys.stdout).__name__}


def send(event: Any, context: Any) -> Any:
    """Hands the body over to the queue."""
    client("sqs").send_message(QueueUrl=env("QUEUE_URL"), MessageBody=event["body"])
    return {"statusCode": 202}


def work(event: Any, context: Any) -> Any:
    """Queue worker: messages that begin with `bad` fail, `crash` brings the whole batch down."""
    CALLS.append(("work", event))
    if any(record["body"] == "crash" for record in event["Records"]):
        raise RuntimeError("the batch is lost")
    failed = [record["messageId"] for record in event["Records"] if record["body"].startswith("bad")]
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}


def take_file(event: Any, context: Any) -> None:
    """Inbox worker: fails for keys with `broken` in them."""
    CALLS.append(("file", event))
    if "broken" in event["Records"][0]["s3"]["object"]["key"]:
        raise ValueError("cannot read it")


def advance(state: Any, context: Any) -> Any:
    """A refresh of three steps, one of which must be polled."""
    CALLS.append(("advance", state))
    turn = state.get("turn", 0) + 1
    status = {1: "next", 2: "running"}.get(turn, "complete")
    return {"status": status, "turn": turn, "wait_seconds": 0}


def report(event: Any, context: Any) -> Any:
    """Sends a mail."""
    raw = f"From: {env('MAIL_FROM')}\r\nTo: boss@shop.example\r\nSubject: report\r\n\r\nПривет".encode()
    client("sesv2").send_email(
        FromEmailAddress=env("MAIL_FROM"), Destination={"ToAddresses": ["boss@shop.example"]}, Content={"Raw": {"Data": raw}}
    )
    CALLS.append(("report", event))
    return {"sent": 1}
