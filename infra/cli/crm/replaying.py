"""`skvoz crm redrive --rejected REASON`: bodies that an adapter rejected go through it again, once what was wrong has been mended.

A reject of a webhook names its body in the quarantine. The body's object keeps when it came and the id of its delivery, so that
what was accepted of it the first time makes the same records again.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import orjson

from functions.crm_webhook.door import RECEIVED, WEBHOOK
from shared.aws import client, env
from shared.errors import NotFound
from shared.identity import keyed_hash
from shared.present import present
from shared.times import from_millis, parse_instant

HOUR = ["%Y-%m-%dT%H", "%Y-%m-%d"]
KEPT = timedelta(days=30)  # the quarantine (template.yaml)
_PLACE = "rejected/"
# Where the door puts a body: its name begins with the millisecond at which it came.
_BODY = re.compile(
    r"quarantine/crm-(?P<provider>[a-z][a-z0-9_]{1,19})/\d{4}/\d\d/\d\d/\d\d/"
    r"(?P<high>[0-9a-f]{8})-(?P<low>[0-9a-f]{4})-[0-9a-f-]{22}\.(?:json|form)"
)
_ID = re.compile(r"[0-9a-f]{32}")


class Reject(NamedTuple):
    """One refused item. `body` is its body's key in the quarantine, taken apart; None where it names none."""

    site_id: str
    hour: str
    reason: str
    message: str
    body: re.Match[str] | None


def replay(reason: str, site: str | None, since: datetime | None, most: int, *, dry_run: bool) -> None:
    """Show the bodies that were rejected for this reason, and put them into the queue of events again, each once."""
    first = (since or present() - KEPT).replace(tzinfo=UTC)
    bodies: dict[str, tuple[re.Match[str], Reject]] = {}
    reasons, done = Counter[str](), Counter[str]()
    more = ""
    for one in _rejects(f"{first:%Y/%m/%d/%H}"):
        if site not in (None, one.site_id):
            continue
        reasons[one.reason] += 1
        if one.reason != reason:
            continue
        if one.body is None:
            done["without a body"] += 1
        elif one.body[0] in bodies:
            continue
        elif len(bodies) == most:
            more = one.hour
            break
        else:
            bodies[one.body[0]] = (one.body, one)
    for body, one in bodies.values():
        done[_again(body, one, dry_run=dry_run)] += 1
    if not bodies:
        known = ", ".join(f"{name} {times}" for name, times in sorted(reasons.items())) or "nothing"
        print(f"rejected since {first:%Y-%m-%d %H}:00 UTC: {known}")
    print(f"{reason}: {', '.join(f'{times} {what}' for what, times in sorted(done.items())) or 'no bodies'}")
    if more:
        print(f"--most {most} was reached; go on with --since {more}")
    if dry_run and bodies:
        print("nothing was queued; mend what the messages say, then run it without --dry-run")


def _rejects(first: str) -> Iterator[Reject]:
    """Rejects of CRMs' webhooks from this hour on (YYYY/MM/DD/HH), of all doors in the order of hours."""
    s3, bucket = client("s3"), env("LAKE_BUCKET")
    pages = s3.get_paginator("list_objects_v2")
    objects: list[tuple[str, str]] = []
    for page in pages.paginate(Bucket=bucket, Prefix=f"{_PLACE}crm-", Delimiter="/"):
        for door in (one["Prefix"] for one in page.get("CommonPrefixes", [])):
            listed = pages.paginate(Bucket=bucket, Prefix=door, StartAfter=f"{door}{first}")
            objects += [(one["Key"].removeprefix(door), door) for some in listed for one in some.get("Contents", [])]
    for name, door in sorted(objects):
        for line in s3.get_object(Bucket=bucket, Key=door + name)["Body"].read().splitlines():
            yield _reject(orjson.loads(line), name)


def _reject(told: dict[str, Any], name: str) -> Reject:
    found = _BODY.fullmatch(str(told["content"]))
    body = found if found and told["site_id"] and told["door"] == f"crm-{found['provider']}" else None
    hour = "T".join(name.rpartition("/")[0].replace("/", "-").rsplit("-", 1))
    return Reject(str(told["site_id"]), hour, str(told["reason"]), str(told["message"]), body)


def _again(body: re.Match[str], one: Reject, *, dry_run: bool) -> str:
    """Into the queue, as the door put it there; what became of it."""
    try:
        order = _order(body, one.site_id)
    except NotFound:
        print(f"site {one.site_id}, {body[0]}: gone from the quarantine")
        return "gone from the quarantine"
    print(f"site {one.site_id}, {body[0]}, received {order['received_at'][:19]}; {one.message}")
    if dry_run:
        return "can be read again"
    client("sqs").send_message(QueueUrl=env("CRM_QUEUE_URL"), MessageBody=orjson.dumps(order).decode())
    return "queued again"


def _order(body: re.Match[str], site_id: str) -> dict[str, str]:
    """The door's message. NotFound where the body is gone. Bodies from before the door kept these beside them: the time stands in
    the key's own name, and the key names the delivery."""
    s3, key = client("s3"), body[0]
    try:
        kept = s3.head_object(Bucket=env("LAKE_BUCKET"), Key=key).get("Metadata", {})
    except s3.exceptions.ClientError as error:
        if error.response["Error"]["Code"] in ("404", "NoSuchKey", "NotFound"):
            raise NotFound("the body is gone") from error
        raise
    webhook_id = kept.get(WEBHOOK, "")
    return {
        "provider": body["provider"],
        "site_id": site_id,
        "key": key,
        "webhook_id": webhook_id if _ID.fullmatch(webhook_id) else keyed_hash("webhook", key, site_id.encode()),
        "received_at": _received(kept.get(RECEIVED, ""), body["high"] + body["low"]).isoformat(),
    }


def _received(told: str, millis: str) -> datetime:
    try:
        return parse_instant(told)
    except ValueError:
        return from_millis(int(millis, 16))
