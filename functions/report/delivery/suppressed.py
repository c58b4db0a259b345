"""Who gets no more mail of the installation, because his mailbox does not exist, or because he called a report spam.

Items of DynamoDB `ledger`: `suppressed#recipients` / `{recipient hash}#{what}#{lake time}#{event id}`, one an event. Events are
added and never changed, so that their order and repeats do not matter, and what adds them needs no right to read. `lifted` is an
event too: what was before it counts no more. Addresses are kept masked.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from email.utils import parseaddr
from typing import Any, Literal, NamedTuple

from functions.report.mail import ascii_address, recipient_hash
from shared.times import from_lake_text, lake_text

What = Literal["bounce", "complaint", "transient", "lifted"]
PARTITION = "suppressed#recipients"
MOST_TRANSIENT, WITHIN = 5, timedelta(days=7)
TRANSIENT_FOR = timedelta(days=30)  # a full mailbox is tried again after so long


class Suppression(NamedTuple):
    """Why a recipient gets no mail: `bounce` (there is no such mailbox), `complaint`, or `transient` (refused again and again)."""

    reason: What
    at: datetime
    address: str


class Event(NamedTuple):
    recipient: str
    what: str
    at: datetime
    address: str


class Suppressed:
    """The events of all recipients."""

    def __init__(self, dynamodb: Any, table: str) -> None:
        self._dynamodb, self._table = dynamodb, table

    def note(self, address: str, what: What, at: datetime, event_id: str) -> None:
        """Keep one event. ValueError for an address that no mail could have gone to."""
        digest = hashlib.sha256(event_id.encode()).hexdigest()[:32]
        item: dict[str, dict[str, str]] = {
            "pk": {"S": PARTITION},
            "sk": {"S": f"{address_hash(address)}#{what}#{lake_text(at)}#{digest}"},
            "address": {"S": masked(address)},
        }
        if what == "transient":
            item["expires_at"] = {"N": str(int((at + TRANSIENT_FOR).timestamp()))}
        self._dynamodb.put_item(TableName=self._table, Item=item)

    def all(self, now: datetime) -> dict[str, Suppression]:
        """Recipient hash → why he gets no mail now."""
        events: dict[str, list[Event]] = {}
        for event in self._events():
            events.setdefault(event.recipient, []).append(event)
        judged = {recipient: judge(told, now) for recipient, told in events.items()}
        return {recipient: found for recipient, found in judged.items() if found is not None}

    def _events(self) -> Iterable[Event]:
        more: dict[str, Any] = {}
        while True:
            answer = self._dynamodb.query(
                TableName=self._table,
                KeyConditionExpression="pk = :pk",
                ExpressionAttributeValues={":pk": {"S": PARTITION}},
                ConsistentRead=True,
                **more,
            )
            for item in answer.get("Items", ()):
                recipient, what, at, _ = item["sk"]["S"].split("#", 3)
                yield Event(recipient, what, from_lake_text(at), item["address"]["S"])
            if not (last := answer.get("LastEvaluatedKey")):
                return
            more = {"ExclusiveStartKey": last}


def judge(events: Iterable[Event], now: datetime) -> Suppression | None:
    """What one recipient's events come to. Pure. A bounce for good or a complaint holds until it is lifted; five passing bounces
    within seven days hold for thirty days after the last of them."""
    told = sorted(events, key=lambda event: event.at)
    lifted = max((event.at for event in told if event.what == "lifted"), default=None)
    counted = [event for event in told if event.what != "lifted" and (lifted is None or event.at > lifted)]
    for event in counted:
        if event.what in ("bounce", "complaint"):
            return Suppression("bounce" if event.what == "bounce" else "complaint", event.at, event.address)
    passing = [event for event in counted if event.at > now - TRANSIENT_FOR]
    for first, last in zip(passing, passing[MOST_TRANSIENT - 1 :], strict=False):
        if last.at - first.at <= WITHIN:
            return Suppression("transient", last.at, last.address)
    return None


def address_hash(address: str) -> str:
    """The recipient's hash, from his address as settings write it or as a mail server does (its domain in ASCII)."""
    return recipient_hash(ascii_address(parseaddr(address)[1] or address))


def masked(address: str) -> str:
    """`o***@host`: enough for who knows the address, nothing for who does not."""
    local, _, host = (parseaddr(address)[1] or address).rpartition("@")
    return f"{local[:1]}***@{host}"


def suppression_of(found: Mapping[str, Suppression], address: str) -> Suppression | None:
    """Why that reader gets no mail; None also for an address that cannot be written, which its sending tells."""
    try:
        return found.get(address_hash(address))
    except ValueError:
        return None
