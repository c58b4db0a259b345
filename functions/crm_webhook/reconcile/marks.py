"""How far each CRM has been read: items of the table `crm`, one a walk. A walk is held by one reader at a time.

Items: pk `walk#{site}`, sk `{provider}` (the regular check) or `{provider}#{first day}:{last day}` (a backfill); `done_until` (all
that changed before it has been read), the span being walked `span_first`, `span_last`, `span_by`, its `cursor`, `deals` so far,
`held_by` and `held_until` (unix milliseconds), `failed` and `failed_at` (why the last try stopped; gone after a good one).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from functions.crm_webhook.api.crm import Span
from shared.times import parse_instant, to_millis

HOLD_SECONDS = 900  # longer than one page takes: deals of hundreds of moves at two calls a second


@dataclass(frozen=True, slots=True)
class Walk:
    """One item. `span` None: nothing is being walked."""

    site_id: str
    name: str
    done_until: datetime | None = None
    span: Span | None = None
    cursor: str = ""
    deals: int = 0
    failed: str = ""
    failed_at: str = ""

    @property
    def provider(self) -> str:
        return self.name.partition("#")[0]


class Marks:
    """`dynamodb` is a client; `holder` names this reader."""

    def __init__(self, dynamodb: Any, table: str, holder: str) -> None:
        self._dynamodb, self._table, self._holder = dynamodb, table, holder

    def take(self, site_id: str, name: str, now: datetime) -> Walk | None:
        """Hold the walk; as it stands, or None while another reader holds it."""
        millis = to_millis(now)
        try:
            answer = self._dynamodb.update_item(
                TableName=self._table,
                Key=_key(site_id, name),
                UpdateExpression="SET held_by = :me, held_until = :until",
                ConditionExpression="attribute_not_exists(held_until) OR held_until < :now OR held_by = :me",
                ExpressionAttributeValues={
                    ":me": {"S": self._holder},
                    ":until": {"N": str(millis + HOLD_SECONDS * 1000)},
                    ":now": {"N": str(millis)},
                },
                ReturnValues="ALL_NEW",
            )
        except self._dynamodb.exceptions.ConditionalCheckFailedException:
            return None
        return _walk(site_id, name, answer["Attributes"])

    def keep(self, walk: Walk, now: datetime, *, is_over: bool = False) -> bool:
        """Store how far the walk is, and hold it on (or let go of it: `is_over`). False where another reader took it meanwhile."""
        item = {
            **_key(walk.site_id, walk.name),
            "deals": {"N": str(walk.deals)},
            **{name: {"S": text} for name, text in _texts(walk).items() if text},
            **({} if is_over else {"held_by": {"S": self._holder}, "held_until": {"N": str(to_millis(now) + HOLD_SECONDS * 1000)}}),
        }
        try:
            self._dynamodb.put_item(
                TableName=self._table,
                Item=item,
                ConditionExpression="held_by = :me",
                ExpressionAttributeValues={":me": {"S": self._holder}},
            )
        except self._dynamodb.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def all(self, site_id: str) -> list[Walk]:
        """Every walk of a site, the regular ones and the backfills."""
        answer = self._dynamodb.query(
            TableName=self._table,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": {"S": f"walk#{site_id}"}},
        )
        return [_walk(site_id, item["sk"]["S"], item) for item in answer["Items"]]


def failed(walk: Walk, why: str, now: datetime) -> Walk:
    """The walk as it stands after a try that stopped."""
    return replace(walk, failed=why, failed_at=now.isoformat())


def _texts(walk: Walk) -> dict[str, str]:
    span = walk.span
    return {
        "done_until": walk.done_until.isoformat() if walk.done_until else "",
        "span_first": span.first.isoformat() if span else "",
        "span_last": span.last.isoformat() if span else "",
        "span_by": span.by if span else "",
        "cursor": walk.cursor,
        "failed": walk.failed,
        "failed_at": walk.failed_at,
    }


def _walk(site_id: str, name: str, item: dict[str, Any]) -> Walk:
    def text(column: str) -> str:
        return str(item.get(column, {}).get("S", ""))

    span = None
    if text("span_first"):
        by = "created" if text("span_by") == "created" else "changed"
        span = Span(
            parse_instant(text("span_first")), parse_instant(text("span_last")), "created" if by == "created" else "changed"
        )
    done = parse_instant(text("done_until")) if text("done_until") else None
    deals = int(item.get("deals", {}).get("N", "0"))
    return Walk(site_id, name, done, span, text("cursor"), deals, text("failed"), text("failed_at"))


def _key(site_id: str, name: str) -> dict[str, Any]:
    return {"pk": {"S": f"walk#{site_id}"}, "sk": {"S": name}}
