"""What was handed to the CRM: an item of the table `crm` for each new request. It lets one invocation at a time work on a request,
and remembers what the CRM made of it, so that nothing is made twice.

Items: pk `sent#{site}`, sk the request id; `state` begun or made; `deal` (the CRM's id of the lead or deal; `told` for an address),
`contact` (of the contact that it was made with), `done` (what else was written to it: note, trace), `to` (whom it was handed to),
`begun_at`; `held_until` (unix milliseconds) while somebody works on it. Kept 400 days.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from shared.errors import TryLater
from shared.times import to_millis

HOLD = timedelta(seconds=310)  # an invocation lives 300
KEPT = timedelta(days=400)

Item = dict[str, dict[str, Any]]


@dataclass(slots=True)
class Sent:
    """One request's item. `is_again`: somebody began it before, and nobody knows what became of that."""

    site_id: str
    request_id: str
    is_again: bool
    deal: str = ""
    contact: str = ""
    done: frozenset[str] = frozenset()


class SentStore:
    """`dynamodb` gives a client; `clock` the present."""

    def __init__(self, dynamodb: Callable[[], Any], table: str, clock: Callable[[], datetime]) -> None:
        self._dynamodb, self._table, self._clock = dynamodb, table, clock

    def begin(self, site_id: str, request_id: str, to: str) -> Sent:
        """Hold the request. TryLater while another invocation holds it."""
        now, dynamodb = self._clock(), self._dynamodb()
        try:
            answer = dynamodb.update_item(
                TableName=self._table,
                Key=_key(site_id, request_id),
                UpdateExpression=(
                    "SET held_until = :until, #to = :to, expires_at = :expires_at, #state = if_not_exists(#state, :begun),"
                    " begun_at = if_not_exists(begun_at, :at)"
                ),
                ConditionExpression="attribute_not_exists(held_until) OR held_until < :now",
                ExpressionAttributeNames={"#state": "state", "#to": "to"},
                ExpressionAttributeValues={
                    ":until": {"N": str(to_millis(now + HOLD))},
                    ":now": {"N": str(to_millis(now))},
                    ":at": {"S": now.isoformat()},
                    ":to": {"S": to},
                    ":begun": {"S": "begun"},
                    ":expires_at": {"N": str(to_millis(now + KEPT) // 1000)},
                },
                ReturnValues="ALL_OLD",
            )
        except dynamodb.exceptions.ConditionalCheckFailedException as error:
            raise TryLater("another invocation is handing this request over") from error
        item: Item = answer.get("Attributes") or {}
        done = frozenset(item.get("done", {}).get("SS", ()))
        return Sent(site_id, request_id, bool(item), _text(item, "deal"), _text(item, "contact"), done)

    def found_contact(self, sent: Sent, contact: str) -> None:
        """The contact that the deal is to be made with: known or made just now."""
        sent.contact = contact
        self._set(sent, "SET contact = :value", contact)

    def made(self, sent: Sent, deal: str) -> None:
        """The CRM has it, under this id."""
        sent.deal = deal
        self._set(sent, "SET deal = :value, #state = :made", deal, {"#state": "state"}, {":made": {"S": "made"}})

    def did(self, sent: Sent, what: str) -> None:
        """Something else was written to the deal."""
        sent.done |= {what}
        self._update(sent, "ADD done :done", {}, {":done": {"SS": [what]}})

    def let_go(self, sent: Sent) -> None:
        """Whoever comes next may begin."""
        self._update(sent, "REMOVE held_until", {}, {})

    def _set(self, sent: Sent, expression: str, value: str, names: dict[str, str] | None = None, more: Item | None = None) -> None:
        self._update(sent, expression, names or {}, {":value": {"S": value}, **(more or {})})

    def _update(self, sent: Sent, expression: str, names: dict[str, str], values: Item) -> None:
        self._dynamodb().update_item(
            TableName=self._table,
            Key=_key(sent.site_id, sent.request_id),
            UpdateExpression=expression,
            **({"ExpressionAttributeNames": names} if names else {}),
            **({"ExpressionAttributeValues": values} if values else {}),
        )


def _text(item: Item, name: str) -> str:
    return str(item.get(name, {}).get("S", ""))


def _key(site_id: str, request_id: str) -> Item:
    return {"pk": {"S": f"sent#{site_id}"}, "sk": {"S": request_id}}
