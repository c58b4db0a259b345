"""The table of numbers (items: shared/leases.py): the pool as it is, a new lease in one transaction, who held a number.

Nothing waits for DynamoDB's TTL, which deletes days late: every end is compared in conditions and by the readers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from functions.numberpool.choice import Number
from shared.ids import derived_id
from shared.leases import POOL, Item, pool_key
from shared.times import to_millis

GUARD_MILLIS = 60_000
HISTORY_DAYS, GUARD_DAYS = 400, 1
_MOST_SEEN = 50  # DynamoDB takes 100 operands of IN
# Another transaction was quicker, or the table had no room for this one: look again. All else is an error.
_LOOK_AGAIN = frozenset(
    {
        "ConditionalCheckFailed", "TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded",
        "TransactionConflictException", "TransactionInProgressException", "ThrottlingException",
        "ProvisionedThroughputExceededException",
    }
)  # fmt: skip


class Lease(NamedTuple):
    """A lease to be opened. `marks`: utm columns of the visit, short (a PBX is told them while it rings); `way`: shared/ways.py."""

    lease_id: str
    visitor_id: str
    prefix: str
    now: int
    until: int
    marks: Mapping[str, str] = {}
    way: Item | None = None


class Assignment(NamedTuple):
    """One line of a number's history; `until` is None while it is the number's current or last one."""

    site_id: str
    pool: str
    lease_id: str
    visitor_id: str
    until: int | None
    marks: Mapping[str, str] = {}


class Store:
    """`dynamodb` is a client. Its errors are raised, but for lost races."""

    def __init__(self, dynamodb: Any, table: str) -> None:
        self.dynamodb, self.table = dynamodb, table

    def numbers(self, site_id: str, pool: str = POOL) -> list[Number]:
        """The whole pool, consistently read: one query (pools have at most 1,000 numbers)."""
        query = {
            "TableName": self.table,
            "KeyConditionExpression": "pk = :pk",
            "ExpressionAttributeValues": {":pk": {"S": pool_key(site_id, pool)}},
            "ConsistentRead": True,
        }
        found: list[Number] = []
        while True:
            page = self.dynamodb.query(**query)
            found += map(number_of, page["Items"])
            if "LastEvaluatedKey" not in page:
                return found
            query["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    def number(self, site_id: str, number: str, pool: str = POOL) -> Number | None:
        """One number of the pool, consistently read."""
        found = self.dynamodb.get_item(TableName=self.table, Key=key(pool_key(site_id, pool), number), ConsistentRead=True)
        return number_of(found["Item"]) if "Item" in found else None

    def open(self, site_id: str, chosen: Number, lease: Lease, seen: Sequence[Number], pool: str = POOL) -> bool:
        """Open a lease on `chosen` in one transaction; False when a race was lost: look again. `seen` is the pool as it was read.

        The number must be as seen, its `until` too: a sign of life that was on its way may have prolonged the former lease.
        The guards let one lease at a time through for a visitor, and for an address prefix: whoever has not seen the latest one
        looks again. They only need to outlive what is between a query and its transaction (a Lambda lives 15 s, and `now` is the
        event's own time), so renewals do not touch them; and they never outlive a first lease (30 s at least), after which the
        number may rightly be another's.
        """
        mine = [number for number in seen if number.lease_id and number.visitor_id == lease.visitor_id]
        near = [number for number in seen if number.lease_id and number.prefix == lease.prefix]
        visitor = f"visitor#{site_id}#{pool}#{lease.visitor_id}"
        near_key = f"prefix#{site_id}#{pool}#{lease.prefix}"
        opened = Number(chosen.number, lease.lease_id, lease.visitor_id, lease.now, marks=lease.marks)
        items = [
            {"Update": self._leased(site_id, pool, chosen, lease)},
            {"Put": self._guard(visitor, lease, mine)},
            {"Put": self._guard(near_key, lease, near)},
            {"Put": self._history(site_id, pool, opened, {})},
        ]
        if chosen.lease_id:
            # Put whole, not updated: TTL may have taken the opened one.
            end: Item = {"until": {"N": str(chosen.until)}, "is_confirmed": {"BOOL": chosen.is_confirmed}}
            items.append({"Put": self._history(site_id, pool, chosen, end)})
        # A retired number of his must not come back to life, now or by a sign of life that is still on its way: nobody holds two.
        items += [{"Update": self._over(site_id, pool, other)} for other in mine if other.number != chosen.number]
        items += [{"Put": {"TableName": self.table, "Item": dict(lease.way)}}] if lease.way else []
        return self._write(items, lease.lease_id)

    def assignment(self, number: str, at: int) -> Assignment | None:
        """The last assignment of the number that began at or before an instant, whosever pool it was in."""
        page = self.dynamodb.query(
            TableName=self.table,
            KeyConditionExpression="pk = :pk AND sk < :after",
            ExpressionAttributeValues={":pk": {"S": f"history#{number}"}, ":after": {"S": f"{at + 1:013d}"}},
            ScanIndexForward=False,
            Limit=1,
            ConsistentRead=True,
        )
        for item in page["Items"]:
            until = int(item["until"]["N"]) if "until" in item else None
            site_id, pool, lease_id, visitor_id = (item[name]["S"] for name in ("site_id", "pool", "lease_id", "visitor_id"))
            return Assignment(site_id, pool, lease_id, visitor_id, until, marks_of(item))
        return None

    def pool_of(self, site_id: str, number: str) -> str | None:
        """The pool of the site that the number is in, or was in last; None where it is none of the site's."""
        owner = self._owner(number)
        return str(owner["pool"]["S"]) if owner.get("site_id") == {"S": site_id} else None

    def test_call(self, site_id: str, number: str, at: datetime, call: str) -> bool:
        """Whether a call of the number that began at `at` tests it: the first one since it was added, which lets it into its pool
        and stays the test whatever is told of it later, and all that began before it since. Errors of the store are raised."""
        owner, instant = self._owner(number), to_millis(at)
        if owner.get("site_id") != {"S": site_id} or ("awaits_test" not in owner and "tested_at" not in owner):
            return False
        if "tested_at" in owner:
            is_before = int(owner["tested_from"]["N"]) <= instant <= int(owner["tested_at"]["N"])
            return is_before or owner.get("tested_by") == {"S": call}
        if instant < int(owner["awaits_test"]["N"]):
            return False
        passed = "SET tested_from = awaits_test, tested_at = :at, tested_by = :call REMOVE awaits_test"
        values = {":since": owner["awaits_test"]}
        items = [
            {
                "Update": {
                    "TableName": self.table,
                    "Key": key(pk, sk),
                    "UpdateExpression": update,
                    "ConditionExpression": "awaits_test = :since",
                    "ExpressionAttributeValues": more,
                }
            }
            for pk, sk, update, more in (
                (f"number#{number}", "owner", passed, {**values, ":at": {"N": str(instant)}, ":call": {"S": call}}),
                (pool_key(site_id, owner["pool"]["S"]), number, "REMOVE awaits_test", values),
            )
        ]
        if self._write(items, derived_id(at, "test", number, call)):
            return True
        owner = self._owner(number)  # another call was quicker, or the number was taken away
        return owner.get("tested_by") == {"S": call}

    def _owner(self, number: str) -> dict[str, Any]:
        found = self.dynamodb.get_item(TableName=self.table, Key=key(f"number#{number}", "owner"), ConsistentRead=True)
        item: dict[str, Any] = found.get("Item", {})
        return item

    def _over(self, site_id: str, pool: str, number: Number) -> dict[str, Any]:
        seen = _as_seen(number)
        return {
            "TableName": self.table,
            "Key": key(pool_key(site_id, pool), number.number),
            "UpdateExpression": "SET is_over = :yes",
            **seen,
            "ExpressionAttributeValues": {**seen["ExpressionAttributeValues"], ":yes": {"BOOL": True}},
        }

    def _leased(self, site_id: str, pool: str, chosen: Number, lease: Lease) -> dict[str, Any]:
        condition = _as_seen(chosen)
        usable = "attribute_exists(pk) AND attribute_not_exists(retired_at) AND attribute_not_exists(awaits_test)"
        set_marks = ", marks = :marks REMOVE is_over" if lease.marks else " REMOVE marks, is_over"
        return {
            "TableName": self.table,
            "Key": key(pool_key(site_id, pool), chosen.number),
            "UpdateExpression": "SET lease_id = :lease, visitor_id = :visitor, leased_at = :now, #until = :until, "
            f"is_confirmed = :no, prefix = :prefix{set_marks}",
            "ConditionExpression": f"{usable} AND {condition['ConditionExpression']}",
            "ExpressionAttributeNames": {"#until": "until"},
            "ExpressionAttributeValues": {
                **condition.get("ExpressionAttributeValues", {}),
                ":lease": {"S": lease.lease_id},
                ":visitor": {"S": lease.visitor_id},
                ":now": {"N": str(lease.now)},
                ":until": {"N": str(lease.until)},
                ":no": {"BOOL": False},
                ":prefix": {"S": lease.prefix},
                **({":marks": map_of(lease.marks)} if lease.marks else {}),
            },
        }

    def _guard(self, pk: str, lease: Lease, seen: Sequence[Number]) -> dict[str, Any]:
        latest = sorted(seen, key=lambda number: number.leased_at)[-_MOST_SEEN:]
        known = {f":seen{place}": {"S": number.lease_id} for place, number in enumerate(latest)}
        is_known = f" OR lease_id IN ({', '.join(known)})" if known else ""
        return {
            "TableName": self.table,
            "Item": {
                **key(pk, "guard"),
                "lease_id": {"S": lease.lease_id},
                "until": {"N": str(min(lease.now + GUARD_MILLIS, lease.until))},
                **expires(lease.now, GUARD_DAYS),
            },
            "ConditionExpression": f"attribute_not_exists(pk) OR #until < :now{is_known}",
            "ExpressionAttributeNames": {"#until": "until"},
            "ExpressionAttributeValues": {":now": {"N": str(lease.now)}, **known},
        }

    def _history(self, site_id: str, pool: str, held: Number, end: Item) -> dict[str, Any]:
        last = int(end["until"]["N"]) if end else held.leased_at
        item = {
            **key(f"history#{held.number}", f"{held.leased_at:013d}#{held.lease_id}"),
            "site_id": {"S": site_id},
            "pool": {"S": pool},
            "lease_id": {"S": held.lease_id},
            "visitor_id": {"S": held.visitor_id},
            "leased_at": {"N": str(held.leased_at)},
            **({"marks": map_of(held.marks)} if held.marks else {}),
            **end,
            **expires(last, HISTORY_DAYS),
        }
        return {"TableName": self.table, "Item": item}

    def _write(self, items: list[dict[str, Any]], token: str) -> bool:
        """`token` makes a repeat by the client, after an answer that got lost, the same transaction."""
        try:
            self.dynamodb.transact_write_items(TransactItems=items, ClientRequestToken=token)
        except self.dynamodb.exceptions.ClientError as error:
            if is_lost_race(error):
                return False
            raise
        return True


def is_lost_race(error: Exception) -> bool:
    """Whether looking again may help: every reason of the refusal is a lost race or a lack of capacity."""
    answer: Mapping[str, Any] = getattr(error, "response", {})
    code = str(answer.get("Error", {}).get("Code", ""))
    if code != "TransactionCanceledException":
        return code in _LOOK_AGAIN
    reasons = {reason.get("Code") for reason in answer.get("CancellationReasons", ())} - {None, "None"}
    return bool(reasons) and reasons <= _LOOK_AGAIN


def number_of(item: Item) -> Number:
    """Item of a pool → number."""
    is_retired, awaits_test = "retired_at" in item, int(item["awaits_test"]["N"]) if "awaits_test" in item else 0
    if "lease_id" not in item:
        return Number(item["sk"]["S"], is_retired=is_retired, awaits_test=awaits_test)
    return Number(
        item["sk"]["S"],
        item["lease_id"]["S"],
        item["visitor_id"]["S"],
        int(item["leased_at"]["N"]),
        int(item["until"]["N"]),
        item["is_confirmed"]["BOOL"],
        item["prefix"]["S"],
        is_retired,
        awaits_test,
        marks_of(item),
    )


def marks_of(item: Item) -> dict[str, str]:
    """Utm columns that an item keeps of a visit."""
    return {name: value["S"] for name, value in item.get("marks", {}).get("M", {}).items()}


def map_of(marks: Mapping[str, str]) -> dict[str, Any]:
    """The same as they lie in an item."""
    return {"M": {name: {"S": text} for name, text in marks.items()}}


def _as_seen(number: Number) -> dict[str, Any]:
    if not number.lease_id:
        return {"ConditionExpression": "attribute_not_exists(lease_id)"}
    return {
        "ConditionExpression": "lease_id = :seen AND #until = :end",
        "ExpressionAttributeNames": {"#until": "until"},
        "ExpressionAttributeValues": {":seen": {"S": number.lease_id}, ":end": {"N": str(number.until)}},
    }


def key(pk: str, sk: str) -> dict[str, Any]:
    """Key of an item."""
    return {"pk": {"S": pk}, "sk": {"S": sk}}


def expires(millis: int, days: int) -> dict[str, Any]:
    """The TTL attribute: so many days after an instant."""
    return {"expires_at": {"N": str(millis // 1000 + days * 86_400)}}
