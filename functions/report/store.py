"""What the report keeps: the send ledger and page tokens (DynamoDB `ledger`), pages and their figures (files bucket).

Items: `refresh#{site}` / `begun` and `last` (written by the refresh), `report#{site}` / `send#{period}#{recipient hash}`,
`page#{sha256 of the token}` / `page`.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple

from shared.security import token_sha256
from shared.times import from_lake_text, lake_text, to_millis

LEASE = timedelta(minutes=15)
Claim = Literal["claimed", "sent", "busy"]


class Refresh(NamedTuple):
    """The last complete refresh of a site."""

    refresh_id: str
    completed_at: datetime
    data_to: datetime


class Ledger:
    """Sends and page tokens. Every write that two runs could race for is conditional."""

    def __init__(self, dynamodb: Any, table: str) -> None:
        self._dynamodb, self._table = dynamodb, table

    def last_refresh(self, site_id: str) -> Refresh | None:
        """None before the first complete refresh."""
        item = self._get(f"refresh#{site_id}", "last")
        if item is None:
            return None
        return Refresh(item["refresh_id"]["S"], from_lake_text(item["completed_at"]["S"]), from_lake_text(item["data_to"]["S"]))

    def is_between(self, site_id: str, last: Refresh) -> bool:
        """Whether a refresh began to rewrite the site's marts and has not completed: no figure is read from such marts."""
        begun = self._get(f"refresh#{site_id}", "begun")
        return begun is not None and begun["refresh_id"]["S"] != last.refresh_id

    def is_sent(self, site_id: str, send: str) -> bool:
        """Whether that send is over."""
        item = self._get(f"report#{site_id}", f"send#{send}")
        return item is not None and item["state"]["S"] == "sent"

    def claim(self, site_id: str, send: str, now: datetime) -> Claim:
        """Take a send before doing it. `sent`: done before; `busy`: another run holds it, at most 15 minutes.

        A run that died in between leaves `sending`, which the next run takes over after the lease.
        """
        try:
            self._dynamodb.put_item(
                TableName=self._table,
                Item={
                    **_key(f"report#{site_id}", f"send#{send}"),
                    "state": {"S": "sending"},
                    "claimed_at": {"S": lake_text(now)},
                    "lease_until": {"N": str(to_millis(now + LEASE))},
                },
                ConditionExpression="attribute_not_exists(pk) OR (#state = :sending AND lease_until < :now)",
                ExpressionAttributeNames={"#state": "state"},
                ExpressionAttributeValues={":sending": {"S": "sending"}, ":now": {"N": str(to_millis(now))}},
            )
        except self._dynamodb.exceptions.ConditionalCheckFailedException:
            return "sent" if self.is_sent(site_id, send) else "busy"
        return "claimed"

    def mark_sent(self, site_id: str, send: str, message_id: str, now: datetime) -> None:
        """The mail was handed over; from here on nobody sends it again."""
        self._dynamodb.update_item(
            TableName=self._table,
            Key=_key(f"report#{site_id}", f"send#{send}"),
            UpdateExpression="SET #state = :sent, sent_at = :at, message_id = :id REMOVE lease_until",
            ExpressionAttributeNames={"#state": "state"},
            ExpressionAttributeValues={":sent": {"S": "sent"}, ":at": {"S": lake_text(now)}, ":id": {"S": message_id}},
        )

    def release(self, site_id: str, send: str, now: datetime) -> None:
        """The mail was refused for certain: the next run may try at once. Only the claim made at `now` is given back."""
        try:
            self._dynamodb.delete_item(
                TableName=self._table,
                Key=_key(f"report#{site_id}", f"send#{send}"),
                ConditionExpression="#state = :sending AND claimed_at = :at",
                ExpressionAttributeNames={"#state": "state"},
                ExpressionAttributeValues={":sending": {"S": "sending"}, ":at": {"S": lake_text(now)}},
            )
        except self._dynamodb.exceptions.ConditionalCheckFailedException:
            return

    def keep_token(self, token: str, site_id: str, object_key: str, now: datetime) -> None:
        """Let a token open a page; only its hash is stored."""
        item = {"site_id": {"S": site_id}, "object_key": {"S": object_key}, "created_at": {"S": lake_text(now)}}
        self._dynamodb.put_item(TableName=self._table, Item={**_key(f"page#{token_sha256(token)}", "page"), **item})

    def page_key(self, token: str) -> str | None:
        """Object that a token opens; None for any other text."""
        item = self._get(f"page#{token_sha256(token)}", "page")
        return None if item is None else str(item["object_key"]["S"])

    def _get(self, pk: str, sk: str) -> dict[str, Any] | None:
        item: dict[str, Any] | None = self._dynamodb.get_item(TableName=self._table, Key=_key(pk, sk), ConsistentRead=True).get(
            "Item"
        )
        return item


class Files:
    """The files bucket: pages and their figures."""

    def __init__(self, s3: Any, bucket: str) -> None:
        self._s3, self._bucket = s3, bucket

    def keep_page(self, site_id: str, page_id: str, page: str, figures: bytes) -> str:
        """Store the page and the figures it shows; gives the page's key."""
        key = f"reports/{site_id}/{page_id}.html"
        self._put(f"reports/{site_id}/{page_id}.json", figures, "application/json")
        self._put(key, page.encode(), "text/html; charset=utf-8")
        return key

    def page(self, key: str) -> bytes | None:
        """A stored page; None when it was deleted."""
        try:
            body: bytes = self._s3.get_object(Bucket=self._bucket, Key=key)["Body"].read()
            return body
        except self._s3.exceptions.NoSuchKey:
            return None

    def _put(self, key: str, body: bytes, content_type: str) -> None:
        self._s3.put_object(Bucket=self._bucket, Key=key, Body=body, ContentType=content_type)


def _key(pk: str, sk: str) -> dict[str, dict[str, str]]:
    return {"pk": {"S": pk}, "sk": {"S": sk}}
