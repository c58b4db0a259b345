"""What was handed to the CRM: an item of the table `crm` for each new request. It lets one invocation at a time work on a request,
and remembers what the CRM made of it, so that nothing is made twice.

Items: pk `sent#{site}`, sk `{contact channel}#{request id}`, for browsers' requests `hits#{request id}`: their ids are whatever a
visitor says, and take no other door's place. Where two visitors say the same id, the second one's sk ends with `#{his contacts}`.
A form that tracker and import both tell has one place, that of whoever came first: its id and a contact agree.
`state` begun or made; `deal` (the CRM's id of the lead or deal; `told` for an address), `contact` (of the contact that it was made
with), `done` (what else was written to it: note, trace, contact#{those that it was told}), `to` (whom it was handed to),
`begun_at`; `visitor`, `askers` (contacts that came under this id; as digests), `asker` (those that a deal was last tried with);
`held_until` (unix milliseconds) while somebody works on it. Kept 400 days.
pk `same#{site}`, sk `{request id}#{keyed hash of a contact}`: `place`, the sk of the form that told both.
pk `made#{site}`, sk `{to}#{deal}`: `by`, the sk of the request that the deal was made of.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from functions.crm_webhook.api.http import NotYet
from functions.crm_webhook.requests.request import NewRequest
from shared.new_requests import FORM
from shared.times import to_millis

HOLD = timedelta(seconds=310)  # an invocation lives 300
KEPT = timedelta(days=400)

Item = dict[str, dict[str, Any]]


@dataclass(slots=True)
class Sent:
    """One request's item, `place` its sk. `is_again`: somebody began it before, and nobody knows what became of that."""

    site_id: str
    place: str
    to: str
    is_again: bool
    asker: str
    deal: str = ""
    contact: str = ""
    done: frozenset[str] = frozenset()


class _Others(Exception):
    """Another visitor's request has the same id."""


def place_of(channel: str, request_id: str, *, is_anybodys: bool) -> str:
    """A request's sk, unless another visitor's has it."""
    return f"{'hits' if is_anybodys else channel}#{request_id}"


def contact_mark(whose: str) -> str:
    """In `done`: the CRM knows these contacts."""
    return f"contact#{whose}"


class SentStore:
    """`dynamodb` gives a client; `clock` the present."""

    def __init__(self, dynamodb: Callable[[], Any], table: str, clock: Callable[[], datetime]) -> None:
        self._dynamodb, self._table, self._clock = dynamodb, table, clock

    def begin(self, request: NewRequest, to: str) -> Sent:
        """Hold the request. NotYet while another invocation holds it."""
        sent = self._own(request, to)
        if request.channel != FORM:
            return sent
        place, is_known = self._shared(request, sent.place)
        if place != sent.place:
            self.let_go(sent)
            sent = self._begun(request, to, place, only_mine=False)
            if is_known and sent.deal:
                sent.done |= {contact_mark(request.whose)}  # the other door told all these contacts, and perhaps more
        return sent

    def _own(self, request: NewRequest, to: str) -> Sent:
        place = place_of(request.channel, request.request_id, is_anybodys=request.is_anybodys)
        try:
            return self._begun(request, to, place, only_mine=request.is_anybodys)
        except _Others:
            return self._begun(request, to, f"{place}#{request.whose}", only_mine=False)

    def _shared(self, request: NewRequest, own: str) -> tuple[str, bool]:
        """The place of the form with this id and one of these contacts, whichever door told it first; and whether all of these
        contacts were told before. Nothing is made of a form before its place is settled here."""
        place, known = own, list[bool]()
        for hashed in request.hashes:
            answer = self._dynamodb().update_item(
                TableName=self._table,
                Key={"pk": {"S": f"same#{request.site_id}"}, "sk": {"S": f"{request.request_id}#{hashed}"}},
                UpdateExpression="SET place = if_not_exists(place, :place), expires_at = :expires_at",
                ExpressionAttributeValues={
                    ":place": {"S": place},
                    ":expires_at": {"N": str(to_millis(self._clock() + KEPT) // 1000)},
                },
                ReturnValues="ALL_OLD",
            )
            before = _text(answer.get("Attributes") or {}, "place")
            known.append(bool(before))
            if place == own:
                place = before or own
        return place, all(known)

    def _begun(self, request: NewRequest, to: str, place: str, *, only_mine: bool) -> Sent:
        """_Others where the item is another visitor's, who told other contacts."""
        now, dynamodb = self._clock(), self._dynamodb()
        visitor = request.told.get("visitor_id") or request.whose
        mine = " AND (attribute_not_exists(visitor) OR visitor = :visitor OR contains(askers, :asker))" if only_mine else ""
        try:
            answer = dynamodb.update_item(
                TableName=self._table,
                Key=_key(request.site_id, place),
                UpdateExpression=(
                    "SET held_until = :until, #to = :to, expires_at = :expires_at, #state = if_not_exists(#state, :begun),"
                    " begun_at = if_not_exists(begun_at, :at), visitor = if_not_exists(visitor, :visitor),"
                    " asker = if_not_exists(asker, :asker) ADD askers :askers"
                ),
                ConditionExpression=f"(attribute_not_exists(held_until) OR held_until < :now){mine}",
                ExpressionAttributeNames={"#state": "state", "#to": "to"},
                ExpressionAttributeValues={
                    ":until": {"N": str(to_millis(now + HOLD))},
                    ":now": {"N": str(to_millis(now))},
                    ":at": {"S": now.isoformat()},
                    ":to": {"S": to},
                    ":begun": {"S": "begun"},
                    ":expires_at": {"N": str(to_millis(now + KEPT) // 1000)},
                    ":visitor": {"S": visitor},
                    ":asker": {"S": request.whose},
                    ":askers": {"SS": [request.whose]},
                },
                ReturnValues="ALL_OLD",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except dynamodb.exceptions.ConditionalCheckFailedException as error:
            there: Item = error.response.get("Item") or {}
            is_mine = _text(there, "visitor") in ("", visitor) or request.whose in there.get("askers", {}).get("SS", ())
            if only_mine and not is_mine:
                raise _Others from error
            raise NotYet("another invocation is handing this request over") from error
        item: Item = answer.get("Attributes") or {}
        done = frozenset(item.get("done", {}).get("SS", ()))
        asker = _text(item, "asker") or request.whose
        return Sent(
            request.site_id, place, to, bool(item), asker, deal=_text(item, "deal"), contact=_text(item, "contact"), done=done
        )

    def is_begun(self, site_id: str, place: str, whose: str) -> bool:
        """Whether somebody began the request that has this place and these contacts."""
        for sk in (place, f"{place}#{whose}"):
            item: Item = (
                self._dynamodb().get_item(TableName=self._table, Key=_key(site_id, sk), ConsistentRead=True).get("Item") or {}
            )
            if whose in item.get("askers", {}).get("SS", ()):
                return True
        return False

    def claims(self, sent: Sent, deal: str) -> bool:
        """The deal is this request's, and no other's: whoever says so first has it."""
        answer = self._dynamodb().update_item(
            TableName=self._table,
            Key={"pk": {"S": f"made#{sent.site_id}"}, "sk": {"S": f"{sent.to}#{deal}"}},
            UpdateExpression="SET #by = if_not_exists(#by, :place), expires_at = if_not_exists(expires_at, :expires_at)",
            ExpressionAttributeNames={"#by": "by"},
            ExpressionAttributeValues={
                ":place": {"S": sent.place},
                ":expires_at": {"N": str(to_millis(self._clock() + KEPT) // 1000)},
            },
            ReturnValues="ALL_NEW",
        )
        return _text(answer["Attributes"], "by") == sent.place

    def tries(self, sent: Sent, whose: str) -> None:
        """A deal is about to be made with these contacts, after others came to nothing."""
        sent.asker, sent.contact = whose, ""
        self._update(sent, "SET asker = :asker REMOVE contact", {}, {":asker": {"S": whose}})

    def found_contact(self, sent: Sent, contact: str) -> None:
        """The contact that the deal is to be made with: known or made just now."""
        sent.contact = contact
        self._set(sent, "SET contact = :value", contact)

    def made(self, sent: Sent, deal: str) -> None:
        """The CRM has it, under this id, with the contacts that it was tried with."""
        sent.deal = deal
        sent.done |= {contact_mark(sent.asker)}
        told: Item = {":made": {"S": "made"}, ":done": {"SS": [contact_mark(sent.asker)]}}
        self._set(sent, "SET deal = :value, #state = :made ADD done :done", deal, {"#state": "state"}, told)

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
            Key=_key(sent.site_id, sent.place),
            UpdateExpression=expression,
            **({"ExpressionAttributeNames": names} if names else {}),
            **({"ExpressionAttributeValues": values} if values else {}),
        )


def _text(item: Item, name: str) -> str:
    return str(item.get(name, {}).get("S", ""))


def _key(site_id: str, place: str) -> Item:
    return {"pk": {"S": f"sent#{site_id}"}, "sk": {"S": place}}
