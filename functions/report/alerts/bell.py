"""What has rung already, and how far a site was checked: DynamoDB `ledger`, pk `alerts#{site}`.

Items: sk `checked` (the refresh that was judged), `tried` (how often a refresh was judged in vain), `rang#{recipient hash}#{kind}#
{digest of the subject}`: when its last mail went, its `state` and its `mark`. An alert is claimed before its mail is sent, so that
no 24 hours have it twice, whatever dies in between: `sent` rests for the days of its kind (checks.py, RESTS), `sending`, whose mail
may have gone out or not, for one day, as does one whose mark has changed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from functions.report.alerts.checks import RESTS, Alert
from shared.times import from_lake_text, lake_text

DAY = timedelta(days=1)
MOST_TRIES = 3  # of one refresh; the next one is judged anew


Key = tuple[str, tuple[str, ...]]


class Standing(NamedTuple):
    """A site's last complete refresh: what arrived before `started_at` is in the marts, but for what was still on its way."""

    refresh_id: str
    started_at: datetime
    is_between: bool  # another one has begun to rewrite the marts


class Bell:
    """`table` is the ledger."""

    def __init__(self, dynamodb: Any, table: str) -> None:
        self._dynamodb, self._table = dynamodb, table

    def standing(self, site_id: str) -> Standing | None:
        """None before the first complete refresh."""
        last, begun = self._get(f"refresh#{site_id}", "last"), self._get(f"refresh#{site_id}", "begun")
        if last is None:
            return None
        refresh_id, started_at = last["refresh_id"]["S"], last.get("started_at", last["completed_at"])["S"]
        return Standing(refresh_id, from_lake_text(started_at), begun is not None and begun["refresh_id"]["S"] != refresh_id)

    def is_checked(self, site_id: str, refresh_id: str) -> bool:
        """Whether everything that this refresh brought was judged and told."""
        item = self._get(f"alerts#{site_id}", "checked")
        return item is not None and item["refresh_id"]["S"] == refresh_id

    def mark_checked(self, site_id: str, refresh_id: str) -> None:
        item = {**_key(f"alerts#{site_id}", "checked"), "refresh_id": {"S": refresh_id}}
        self._dynamodb.put_item(TableName=self._table, Item=item)

    def gives_up(self, site_id: str, refresh_id: str) -> bool:
        """Note that a refresh was not judged or told as a whole; whether that was often enough."""
        tried = self._get(f"alerts#{site_id}", "tried")
        tries = 1 + (int(tried["tries"]["N"]) if tried and tried["refresh_id"]["S"] == refresh_id else 0)
        item = {**_key(f"alerts#{site_id}", "tried"), "refresh_id": {"S": refresh_id}, "tries": {"N": str(tries)}}
        self._dynamodb.put_item(TableName=self._table, Item=item)
        return tries >= MOST_TRIES

    def resting(self, site_id: str, recipient: str, alerts: Collection[Alert], now: datetime) -> set[Key]:
        """Of these alerts those that may not ring now, as `key_of` names them."""
        asked = {
            "KeyConditionExpression": "pk = :pk AND begins_with(sk, :rang)",
            "ExpressionAttributeValues": {":pk": {"S": f"alerts#{site_id}"}, ":rang": {"S": f"rang#{recipient}#"}},
        }
        pages = self._dynamodb.get_paginator("query").paginate(TableName=self._table, ConsistentRead=True, **asked)
        rang = {item["sk"]["S"]: item for page in pages for item in page["Items"]}
        found = set()
        for alert in alerts:
            item = rang.get(_rang(site_id, recipient, alert)["sk"]["S"])
            if item is not None and not _may_ring(item, alert, now):
                found.add(key_of(alert))
        return found

    def claim(self, site_id: str, recipient: str, alert: Alert, now: datetime) -> bool:
        """Take an alert for one recipient's mail; False where it rang of late. Of two that race for it, one has it."""
        told = {":rested": now - RESTS[alert.kind] * DAY, ":day": now - DAY}
        try:
            self._dynamodb.put_item(
                TableName=self._table,
                Item={
                    **_rang(site_id, recipient, alert),
                    "at": {"S": lake_text(now)},
                    "state": {"S": "sending"},
                    "mark": {"S": alert.mark},
                    # Long after it has rested, the table's time to live clears it away.
                    "expires_at": {"N": str(int((now + (RESTS[alert.kind] + 30) * DAY).timestamp()))},
                },
                ConditionExpression="attribute_not_exists(#at) OR #at <= :rested "
                "OR (#at <= :day AND (#state = :sending OR #mark <> :mark))",
                ExpressionAttributeNames={"#at": "at", "#state": "state", "#mark": "mark"},
                ExpressionAttributeValues={
                    **{name: {"S": lake_text(at)} for name, at in told.items()},
                    ":sending": {"S": "sending"},
                    ":mark": {"S": alert.mark},
                },
            )
        except self._dynamodb.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def mark_sent(self, site_id: str, recipient: str, alert: Alert) -> None:
        """The mail was handed over."""
        self._dynamodb.update_item(
            TableName=self._table,
            Key=_rang(site_id, recipient, alert),
            UpdateExpression="SET #state = :sent",
            ExpressionAttributeNames={"#state": "state"},
            ExpressionAttributeValues={":sent": {"S": "sent"}},
        )

    def release(self, site_id: str, recipient: str, alert: Alert, now: datetime) -> None:
        """No mail went out for certain: the next run may try again at once. Only the claim made at `now` is given back."""
        try:
            self._dynamodb.delete_item(
                TableName=self._table,
                Key=_rang(site_id, recipient, alert),
                ConditionExpression="#state = :sending AND #at = :now",
                ExpressionAttributeNames={"#state": "state", "#at": "at"},
                ExpressionAttributeValues={":sending": {"S": "sending"}, ":now": {"S": lake_text(now)}},
            )
        except self._dynamodb.exceptions.ConditionalCheckFailedException:
            return

    def _get(self, pk: str, sk: str) -> dict[str, Any] | None:
        found: dict[str, Any] | None = self._dynamodb.get_item(TableName=self._table, Key=_key(pk, sk), ConsistentRead=True).get(
            "Item"
        )
        return found


def key_of(alert: Alert) -> Key:
    """What tells an alert from others of the same reader."""
    return (alert.kind, alert.subject)


def _may_ring(item: dict[str, Any], alert: Alert, now: datetime) -> bool:
    """As `claim` asks DynamoDB."""
    at = from_lake_text(item["at"]["S"])
    is_open = item["state"]["S"] == "sending" or item["mark"]["S"] != alert.mark
    return at <= now - RESTS[alert.kind] * DAY or (is_open and at <= now - DAY)


def _rang(site_id: str, recipient: str, alert: Alert) -> dict[str, dict[str, str]]:
    digest = hashlib.sha256(repr(alert.subject).encode()).hexdigest()[:32]  # repr keeps parts apart and escapes lone surrogates
    return _key(f"alerts#{site_id}", f"rang#{recipient}#{alert.kind}#{digest}")


def _key(pk: str, sk: str) -> dict[str, dict[str, str]]:
    return {"pk": {"S": pk}, "sk": {"S": sk}}
