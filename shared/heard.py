"""When webhooks of CRMs came to the door, by whole hours: what alerts judge stopped webhooks by. Records do not tell it: where a
webhook only points at a deal, what is then read of it looks like any other read of the CRM's API.

Items of the table `crm`: pk `hooks#{site}`, sk the hour (`2026-11-01T09`), `n` how many, `expires_at` (unix seconds).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.log import count, logger

KEPT = timedelta(days=100)  # five spans of at most two weeks are compared
_HOUR = "%Y-%m-%dT%H"


class Heard:
    """`dynamodb` gives its client, `table` the table's name; both on first use."""

    def __init__(self, dynamodb: Callable[[], Any], table: Callable[[], str]) -> None:
        self._dynamodb, self._table = dynamodb, table

    def note(self, site_id: str, received_at: datetime) -> None:
        """One webhook came. Best effort: what cannot be noted is counted, and nothing waits for it."""
        try:
            self._dynamodb().update_item(
                TableName=self._table(),
                Key={"pk": {"S": f"hooks#{site_id}"}, "sk": {"S": received_at.astimezone(UTC).strftime(_HOUR)}},
                UpdateExpression="SET expires_at = :expires_at ADD n :one",
                ExpressionAttributeValues={
                    ":one": {"N": "1"},
                    ":expires_at": {"N": str(int((received_at + KEPT).timestamp()))},
                },
            )
        except Exception:
            logger().warning("a webhook could not be noted as heard", extra={"site_id": site_id}, exc_info=True)
            count({"HookNotNoted": 1})

    def since(self, site_id: str, begins: datetime) -> Mapping[datetime, int]:
        """How many came by whole hours (UTC), from the hour of `begins` on."""
        asked = {
            "KeyConditionExpression": "pk = :pk AND sk >= :begins",
            "ExpressionAttributeValues": {
                ":pk": {"S": f"hooks#{site_id}"},
                ":begins": {"S": begins.astimezone(UTC).strftime(_HOUR)},
            },
        }
        pages = self._dynamodb().get_paginator("query").paginate(TableName=self._table(), **asked)
        return {
            datetime.strptime(item["sk"]["S"], _HOUR).replace(tzinfo=UTC): int(item["n"]["N"])
            for page in pages
            for item in page["Items"]
        }
