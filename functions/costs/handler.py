"""S3 events of `costs/inbox/{site}/…` in the files bucket. Wiring; the rules are in inbox.py and parse.py."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any
from urllib.parse import unquote_plus

from functions.costs.inbox import Inbox, Upload
from shared.aws import client, env
from shared.lake import Lake
from shared.log import count, logger
from shared.sites import Sites, object_reader
from shared.times import parse_instant


@cache
def inbox() -> Inbox:
    """The inbox, made on first use."""
    s3 = client("s3")
    return Inbox(s3, Sites(object_reader(s3, env("FILES_BUCKET"))), Lake(None, s3, env("LAKE_BUCKET"), {}))


def upload_of(record: Mapping[str, Any]) -> Upload:
    """One record of an S3 event; keys come form-encoded, `mark` is what S3 gives: version, else sequencer, else etag."""
    stored = record["s3"]["object"]
    etag = str(stored.get("eTag") or "")
    version = str(stored.get("versionId") or "").removeprefix("null")  # "null": put while versions were off
    return Upload(
        bucket=record["s3"]["bucket"]["name"],
        key=unquote_plus(stored["key"]),
        size=int(stored.get("size") or 0),
        etag=etag.strip('"'),
        version=version,
        mark=version or str(stored.get("sequencer") or "") or etag,
        uploaded_at=parse_instant(record["eventTime"]),
    )


def lambda_handler(event: Mapping[str, Any], context: Any) -> None:
    """S3 event → imports. Raises after all files were tried when a store failed for one: S3's event comes again."""
    failures: list[Exception] = []
    for record in event.get("Records", []):
        if not str(record.get("eventName", "")).removeprefix("s3:").startswith("ObjectCreated"):
            continue
        try:
            inbox().take(upload_of(record))
        except Exception as error:
            logger().exception("cost import failed; it will be tried again")
            count({"ImportFailed": 1}, Door="costs")
            failures.append(error)
    if failures:
        raise failures[0]
