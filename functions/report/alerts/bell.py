"""What has rung already, and how far a site was checked: DynamoDB `ledger`, pk `alerts#{site}`.

Items: sk `checked` (the refresh that was judged), `rang#{recipient hash}#{kind}#{digest of the subject}` with the site's day of the
last mail and its `state`. An alert is claimed before its mail is sent, so that no day has it twice, whatever dies in between:
`sent` rests for the days of its kind (checks.py, RESTS), `sending`, whose mail may have gone out or not, until the next day.
"""

from __future__ import annotations

import hashlib
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from functions.report.alerts.checks import RESTS, Alert
from shared.times import from_lake_text


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

    def claim(self, site_id: str, recipient: str, alert: Alert, today: date) -> bool:
        """Take an alert for one recipient's mail of the day; False where it rang of late. Of two that race for it, one has it."""
        rested = today - timedelta(days=RESTS[alert.kind])
        try:
            self._dynamodb.put_item(
                TableName=self._table,
                Item={**_rang(site_id, recipient, alert), "day": {"S": today.isoformat()}, "state": {"S": "sending"}},
                ConditionExpression="attribute_not_exists(pk) OR #day <= :rested OR (#state = :sending AND #day < :today)",
                ExpressionAttributeNames={"#day": "day", "#state": "state"},
                ExpressionAttributeValues={
                    ":rested": {"S": rested.isoformat()},
                    ":today": {"S": today.isoformat()},
                    ":sending": {"S": "sending"},
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

    def release(self, site_id: str, recipient: str, alert: Alert) -> None:
        """The mail was refused for certain: the next run may try again at once."""
        self._dynamodb.delete_item(TableName=self._table, Key=_rang(site_id, recipient, alert))

    def _get(self, pk: str, sk: str) -> dict[str, Any] | None:
        found: dict[str, Any] | None = self._dynamodb.get_item(TableName=self._table, Key=_key(pk, sk), ConsistentRead=True).get(
            "Item"
        )
        return found


def _rang(site_id: str, recipient: str, alert: Alert) -> dict[str, dict[str, str]]:
    digest = hashlib.sha256(repr(alert.subject).encode()).hexdigest()[:32]  # repr keeps parts apart and escapes lone surrogates
    return _key(f"alerts#{site_id}", f"rang#{recipient}#{alert.kind}#{digest}")


def _key(pk: str, sk: str) -> dict[str, dict[str, str]]:
    return {"pk": {"S": pk}, "sk": {"S": sk}}
