"""What a list does not show: is it gone, or not shown yet? And deletions that amoCRM told no time of.

A read follows a new lead's hook within a second, and amoCRM's lists may be behind. So what a list lacks is asked for by its own
address; what is not there either is gone where it is older than `LATE`, by its events or because something newer of its kind is.

Such a deletion is told at the arrival T, and T is kept. Whoever reads the deal alive afterwards tells so at the same T, one place
later: read once or often, in whatever order, the same T gives the same two records, and the deal lives from then on.
Items (table `crm`): pk `gone#{site}`, sk `amocrm#{deal}`; `told_at` in unix milliseconds, `is_back` once it was read alive.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from functions.crm_webhook.amocrm.v4.answers import id_of
from functions.crm_webhook.amocrm.v4.history import MERGE_RANK, MOST_EVENTS
from functions.crm_webhook.amocrm.v4.line import Query, by_ids, embedded
from functions.crm_webhook.api.line import Line
from functions.crm_webhook.api.pace import Pace
from functions.crm_webhook.deals import DealState
from shared.times import from_millis, to_millis

LATE = timedelta(minutes=5)  # what amoCRM shows late it shows within that time
GONE_RANK, BACK_RANK = MERGE_RANK + 1, MERGE_RANK + 2
_KEPT = timedelta(days=400)


class Shown(NamedTuple):
    """What amoCRM shows of the ids that were asked for, and ids that it does not."""

    found: dict[str, dict[str, Any]]
    missing: list[str]


def shown(line: Line, name: str, ids: Iterable[str], with_: str) -> Shown:
    """By the list, then each by its own address."""
    ids = list(dict.fromkeys(ids))
    found = {id_of(one): one for one in by_ids(line, name, ids, with_)}
    doubted = [one for one in ids if one not in found]
    for one in doubted:
        told = line.get(f"/api/v4/{name}/{one}", [("with", with_)], may_be_missing=True)
        if isinstance(told, dict) and id_of(told) == one:
            found[one] = told
    return Shown(found, [one for one in ids if one not in found])


def may_be_young(line: Line, name: str, ids: Sequence[str], now: datetime) -> list[str]:
    """Those that may have been made within `LATE`: ids grow with time, and nothing older has a greater one, deleted or not."""
    until, kind = int((now - LATE).timestamp()), name.removesuffix("s")
    shown_before: Query = [("filter[created_at][to]", until), ("order[id]", "desc"), ("limit", 1)]
    made_before: Query = [
        ("filter[entity]", kind), ("filter[type]", f"{kind}_added"), ("filter[created_at][to]", until), ("limit", MOST_EVENTS),
    ]  # fmt: skip
    young = list(ids)
    for path, what, query in ((name, "id", shown_before), ("events", "entity_id", made_before)):
        if young:
            told = embedded(line.get(f"/api/v4/{path}", query), path)
            newest = max((one[what] for one in told if type(one.get(what)) is int), default=0)
            young = [one for one in young if int(one) > newest]
    return young


class Deletions:
    """Of one site, told without a time; as they stand in the table when they are first asked for."""

    def __init__(self, pace: Pace, site_id: str) -> None:
        self._pace, self._site_id = pace, site_id
        self._known: dict[str, tuple[int, bool]] | None = None

    def gone(self, deal: str, arrival: datetime) -> DealState:
        """Deleted, as far as is known since the arrival."""
        at = to_millis(arrival)
        self._keep(deal, at, is_back=False)
        return _state(deal, at, GONE_RANK, is_deleted=True)

    def back(self, deal: str) -> list[DealState]:
        """The deal was read alive: so much for its deletion, where one was told."""
        if deal not in self._all():
            return []
        at, is_back = self._all()[deal]
        if not is_back:
            self._keep(deal, at, is_back=True)
        return [_state(deal, at, BACK_RANK, is_deleted=False)]

    def was_back_after(self, deal: str, deleted_at: datetime) -> bool:
        """A deletion of that time would stand before what `back` told."""
        at, is_back = self._all().get(deal, (0, False))
        return is_back and at >= to_millis(deleted_at)

    def _all(self) -> dict[str, tuple[int, bool]]:
        if self._known is None:
            dynamodb, table = self._pace.table()
            asked: dict[str, Any] = {
                "TableName": table,
                "KeyConditionExpression": "pk = :pk",
                "ExpressionAttributeValues": {":pk": {"S": f"gone#{self._site_id}"}},
                "ConsistentRead": True,
            }
            self._known = {}
            while True:
                answer = dynamodb.query(**asked)
                for item in answer["Items"]:
                    deal = item["sk"]["S"].partition("#")[2]
                    self._known[deal] = (int(item["told_at"]["N"]), bool(item.get("is_back", {}).get("BOOL")))
                if "LastEvaluatedKey" not in answer:
                    break
                asked["ExclusiveStartKey"] = answer["LastEvaluatedKey"]
        return self._known

    def _keep(self, deal: str, at: int, *, is_back: bool) -> None:
        """Nothing where a later deletion is kept already."""
        dynamodb, table = self._pace.table()
        expires_at = at // 1000 + int(_KEPT.total_seconds())
        try:
            dynamodb.update_item(
                TableName=table,
                Key={"pk": {"S": f"gone#{self._site_id}"}, "sk": {"S": f"amocrm#{deal}"}},
                UpdateExpression="SET told_at = :at, is_back = :is_back, expires_at = :expires_at",
                ConditionExpression="attribute_not_exists(told_at) OR told_at <= :at",
                ExpressionAttributeValues={
                    ":at": {"N": str(at)}, ":is_back": {"BOOL": is_back}, ":expires_at": {"N": str(expires_at)},
                },
            )  # fmt: skip
        except dynamodb.exceptions.ConditionalCheckFailedException:
            return
        if self._known is not None:
            self._known[deal] = (at, is_back)


def _state(deal: str, at: int, rank: int, *, is_deleted: bool) -> DealState:
    return DealState(deal_id=deal, told_at=from_millis(at), rank=rank, via="api", values={"is_deleted": is_deleted})
