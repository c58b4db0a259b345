"""Leased numbers as they lie in DynamoDB `numbers` (pk, sk), and the renewal that two functions make: `collect`, where a renewal
rides in a batch of hits, and `numberpool`. Rules: docs/method.md, numbers and calls.

Items:
- `pool#{site}#{pool}` / E.164 number: the number and its current or last lease (`lease_id`, `visitor_id`, `leased_at`, `until`,
  `is_confirmed`, `prefix`), instants in unix milliseconds;
- `visitor#{site}#{pool}#{visitor id}` / `guard`: no second lease for the visitor until `until`;
- `history#{number}` / `{leased_at, 13 digits}#{lease id}`: one assignment, closed by the number's next lease; kept 400 days;
- `number#{number}` / `owner`: the one pool of the number;
- `caller#{site}#{phone hash}` / `last`: the visitor of the caller's last call.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from shared.times import to_millis

Item = Mapping[str, Mapping[str, Any]]
POOL = "main"  # the pool of a site that has one


class Held(NamedTuple):
    """What a tracker says it holds: the number and the lease's id, both given by us."""

    number: str
    lease_id: str


def pool_key(site_id: str, pool: str = POOL) -> str:
    """Partition of a pool's numbers."""
    return f"pool#{site_id}#{pool}"


def renew(
    dynamodb: Any, table: str, site_id: str, held: Held, visitor_id: str, now: datetime, lease: timedelta, pool: str = POOL
) -> bool:
    """A sign of life: the lease lasts `lease` from `now`. One conditional write.

    False when the lease is over, was given to another, or never was the visitor's: he must lease anew (and gets his number back
    while it is free). Errors of the store are raised. Never shortens a lease: a late sign of life changes nothing.
    """
    until = to_millis(now + lease)
    try:
        dynamodb.update_item(
            TableName=table,
            Key={"pk": {"S": pool_key(site_id, pool)}, "sk": {"S": held.number}},
            UpdateExpression="SET #until = :until, is_confirmed = :yes",
            ConditionExpression="lease_id = :lease AND visitor_id = :visitor AND #until >= :now AND #until < :until",
            ExpressionAttributeNames={"#until": "until"},
            ExpressionAttributeValues={
                ":until": {"N": str(until)},
                ":yes": {"BOOL": True},
                ":lease": {"S": held.lease_id},
                ":visitor": {"S": visitor_id},
                ":now": {"N": str(to_millis(now))},
            },
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
    except dynamodb.exceptions.ConditionalCheckFailedException as error:
        item: Item = error.response.get("Item") or {}
        mine = item.get("lease_id") == {"S": held.lease_id} and item.get("visitor_id") == {"S": visitor_id}
        return mine and int(item["until"]["N"]) >= until  # a later sign of life came first
    return True
