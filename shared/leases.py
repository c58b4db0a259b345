"""Leased numbers as they lie in DynamoDB `numbers` (pk, sk), and the renewal that two functions make: `collect`, where a renewal
rides in a batch of hits, and `numberpool`. Rules: docs/method.md, numbers and calls.

Items:
- `pool#{site}#{pool}` / E.164 number: the number and its current or last lease (`lease_id`, `visitor_id`, `leased_at`, `until`,
  `is_confirmed`, `prefix`, `marks`), `added_at`; `awaits_test` until its test call came, `retired_at` where it was retired,
  `is_over` where its visitor got another number since: no sign of life prolongs that lease; instants in unix milliseconds;
- `visitor#{site}#{pool}#{visitor id}` / `guard`: the visitor's latest `lease_id`; who did not see it waits until `until`;
- `prefix#{site}#{pool}#{address prefix}` / `guard`: the same for the leases of one address prefix;
- `history#{number}` / `{leased_at, 13 digits}#{lease id}`: one assignment (`site_id`, `pool`, `visitor_id`, `marks`: utm columns
  of the visit that asked), closed by the number's next lease (`until`, `is_confirmed`); kept 400 days;
- `way#{site}` / visitor id: where the visitor came from (shared/ways.py), written with each new lease of a site that hands calls
  over to its CRM; kept 400 days;
- `uploaded#{site}` / call: that it is on its way to UIS (functions/numberpool/pbx/uploading.py); kept 60 days;
- `number#{number}` / `owner`: the one pool of the number (`site_id`, `pool`, `awaits_test`, `tested_at`, `retired_at`);
- `caller#{site}#{phone hash}` / `{called_at, 13 digits}#{call}`: that he called (`called`), and the visitor that the call was
  resolved to, with the `marks` of his visit where they are known; kept 31 days, one that a correction emptied for a day;
- `call#{site}#{call}` / `events`: the call's events that came (`events`, marks of them), what they tell together (`state`, without
  a plain phone), the first of them that told the caller of a known incoming call (`first`), and the key of its item above
  (`caller`, `place`); `call` is its request id; kept 32 days after its last event, of Twilio's calls, which tell no time, 400;
- `recording#{site}` / {call}: where its recording can be had (shared/recordings.py); kept 400 days;
- `client#{site}`, `deal#{site}`: who leads whose deals (shared/clients.py); kept 400 days;
- `code#{site}` / six digits: the visitor who may dictate them (`visitor_id`), until when, `marks` of his visit;
- `client#{site}` and `deal#{site}`: who leads a client's deals (shared/clients.py);
- `asked#{site}`: how many forms went to the CRM (functions/collect/people/bounds.py); kept two hours.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from shared.identity import normal_phone
from shared.ids import is_uuid
from shared.times import to_millis

Item = Mapping[str, Mapping[str, Any]]
POOL = "main"  # whom no pool of the settings takes
LEASE_SECONDS = 300  # of settings published before they had numbers
_POOL_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_MINE = "lease_id = :lease AND visitor_id = :visitor AND attribute_not_exists(is_over)"


class Held(NamedTuple):
    """What a tracker says it holds: the number and the lease's id, both given by us."""

    number: str
    lease_id: str
    pool: str = POOL


def code_key(site_id: str) -> str:
    """Partition of a site's visitor codes."""
    return f"code#{site_id}"


def pool_key(site_id: str, pool: str = POOL) -> str:
    """Partition of a pool's numbers."""
    return f"pool#{site_id}#{pool}"


def is_pool_name(text: str) -> bool:
    """Up to 40 of a-z, 0-9 and hyphens, as the settings name pools."""
    return _POOL_NAME.fullmatch(text) is not None


def lease_seconds(site: Mapping[str, Any], pool: str) -> int:
    """How long a sign of life prolongs a lease of the pool: its own span, else the site's, else the settings' default. Seconds."""
    numbers = site.get("numbers") or {}
    own = next((own.get("lease_seconds") for own in numbers.get("pools") or () if own["name"] == pool), None)
    return int(own or numbers.get("lease_seconds", LEASE_SECONDS))


def renew(dynamodb: Any, table: str, site_id: str, held: Held, visitor_id: str, now: datetime, lease: timedelta) -> bool:
    """A sign of life: the lease lasts `lease` from `now`. One conditional write.

    False when the lease is over, was given to another, never was the visitor's, or is made up: he must lease anew (and gets his
    number back while it is free). Errors of the store are raised. Never shortens a lease: a late sign of life, or one in the middle
    of a longer first lease, leaves its end where it is and confirms it.
    """
    if normal_phone(held.number) != held.number or not is_uuid(held.lease_id) or not is_pool_name(held.pool):
        return False
    until = to_millis(now + lease)
    mine = {":lease": {"S": held.lease_id}, ":visitor": {"S": visitor_id}}
    update = {
        "TableName": table,
        "Key": {"pk": {"S": pool_key(site_id, held.pool)}, "sk": {"S": held.number}},
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }
    try:
        dynamodb.update_item(
            **update,
            UpdateExpression="SET #until = :until, is_confirmed = :yes",
            ConditionExpression=f"{_MINE} AND #until >= :now AND #until < :until",
            ExpressionAttributeNames={"#until": "until"},
            ExpressionAttributeValues={
                **mine,
                ":until": {"N": str(until)},
                ":yes": {"BOOL": True},
                ":now": {"N": str(to_millis(now))},
            },
        )
    except dynamodb.exceptions.ConditionalCheckFailedException as error:
        item: Item = error.response.get("Item") or {}
        if item.get("lease_id") != mine[":lease"] or item.get("visitor_id") != mine[":visitor"] or int(item["until"]["N"]) < until:
            return False
        return item.get("is_confirmed") == {"BOOL": True} or _confirm(dynamodb, update, mine)
    return True


def _confirm(dynamodb: Any, update: Mapping[str, Any], mine: Item) -> bool:
    """The end stays: the lease is still longer than the sign of life would make it."""
    try:
        dynamodb.update_item(
            **update,
            UpdateExpression="SET is_confirmed = :yes",
            ConditionExpression=_MINE,
            ExpressionAttributeValues={**mine, ":yes": {"BOOL": True}},
        )
    except dynamodb.exceptions.ConditionalCheckFailedException:
        return False  # given to another between the two writes
    return True
