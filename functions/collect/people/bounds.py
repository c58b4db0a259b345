"""How many forms become new requests of the CRM: anybody may post a batch, with any Origin, and each would be a lead that people
call back. Counted in DynamoDB (table `numbers`), by conditional writes.

Items, pk `asked#{site}`: sk `{hour}#all` and `{hour}#{masked address}` with `times`; `contact#{keyed hash}` with the request that
was handed over last (`request`, `at` in unix milliseconds).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from shared.log import logger
from shared.times import to_millis

MOST_OF_ADDRESS = 20  # forms an hour; of a /24, or a /48; none for the site's own addresses
MOST_OF_SITE = 300  # forms an hour
SAME_CONTACT = timedelta(minutes=10)  # another form of the same contact is the same client, whom somebody is about to call
_HOUR = timedelta(hours=1)
_NO_ADDRESS = "-"


class Bounds:
    """`dynamodb` gives a client, on first use; `table` is the name of `numbers`."""

    def __init__(self, dynamodb: Callable[[], Any], table: str) -> None:
        self._dynamodb, self._table = dynamodb, table

    def reason_against(self, hit: Mapping[str, Any], request_id: str, whose: str, now: datetime) -> str:
        """ "" for a form that may be handed over, and is counted then; else `known_contact` or `too_many`. `hit` is the form's
        record, `whose` the keyed hash of its contact. A table that fails bounds nothing: a lead is not lost for it."""
        site_id = str(hit["site_id"])
        try:
            if not self._is_new(site_id, request_id, whose, now):
                return "known_contact"
            hour, address = f"{now:%Y-%m-%dT%H}", str(hit.get("ip_masked") or _NO_ADDRESS)
            bounds = [(f"{hour}#all", MOST_OF_SITE)]
            if not hit.get("is_own"):  # the site's own people fill in forms for those who call
                bounds.insert(0, (f"{hour}#{address}", MOST_OF_ADDRESS))
            if all(self._is_free(site_id, what, most, now) for what, most in bounds):
                return ""
            self.forget(hit, whose)
            return "too_many"
        except Exception:
            logger().exception("forms could not be counted; this one is handed over", extra={"site_id": site_id})
            return ""

    def forget(self, hit: Mapping[str, Any], whose: str) -> None:
        """The contact's form was not handed over after all: his next one may be. Nothing is raised."""
        try:
            self._dynamodb().update_item(
                TableName=self._table, Key=_key(str(hit["site_id"]), f"contact#{whose}"), UpdateExpression="REMOVE #at",
                ExpressionAttributeNames={"#at": "at"},
            )  # fmt: skip
        except Exception:
            logger().exception("a contact's mark could not be taken back", extra={"site_id": hit["site_id"]})

    def _is_new(self, site_id: str, request_id: str, whose: str, now: datetime) -> bool:
        return self._is_written(
            site_id, f"contact#{whose}", "SET #at = :now, #request = :request, expires_at = :expires_at",
            "attribute_not_exists(#at) OR #at < :since OR #request = :request", {"#at": "at", "#request": "request"},
            {
                ":now": {"N": str(to_millis(now))}, ":since": {"N": str(to_millis(now - SAME_CONTACT))},
                ":request": {"S": request_id}, ":expires_at": _expires(now),
            },
        )  # fmt: skip

    def _is_free(self, site_id: str, what: str, most: int, now: datetime) -> bool:
        return self._is_written(
            site_id, what, "SET expires_at = :expires_at ADD #times :one",
            "attribute_not_exists(#times) OR #times < :most", {"#times": "times"},
            {":one": {"N": "1"}, ":most": {"N": str(most)}, ":expires_at": _expires(now)},
        )  # fmt: skip

    def _is_written(
        self, site_id: str, what: str, update: str, condition: str, names: Mapping[str, str], values: Mapping[str, Any]
    ) -> bool:
        dynamodb = self._dynamodb()
        try:
            dynamodb.update_item(
                TableName=self._table, Key=_key(site_id, what), UpdateExpression=update, ConditionExpression=condition,
                ExpressionAttributeNames=names, ExpressionAttributeValues=values,
            )  # fmt: skip
        except dynamodb.exceptions.ConditionalCheckFailedException:
            return False
        return True


def _key(site_id: str, what: str) -> dict[str, dict[str, str]]:
    return {"pk": {"S": f"asked#{site_id}"}, "sk": {"S": what}}


def _expires(now: datetime) -> dict[str, str]:
    return {"N": str(to_millis(now + 2 * _HOUR) // 1000)}
