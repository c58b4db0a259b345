"""HubSpot's API and webhooks, as far as they concern deals: `with HubSpot(clock) as crm: crm.url; crm.account.put_deal(…)`.

Its paging, its ends (100 objects a batch, 50 with history, 200 a search page, 10,000 results a search) and its limits of calls by
the given clock. `drop(number)` and `repeat(number)` decide about the webhook of that number (from 1): whether it is lost, and how
often it comes again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from functions.crm_webhook.hubspot.proof import signature
from infra.doubles.hubspot.account import Account, Thing, iso
from infra.doubles.listening import Answered, Asked, Listening, Window
from shared.times import EPOCH, to_millis

TOKEN, CLIENT_SECRET = "pat-double-hubspot", "double-hubspot-client-secret"  # fakes
MOST_RESULTS = 10_000
Deliver = Callable[[str, Mapping[str, str]], None]


class HubSpot(Listening):
    """`hook_url` is the address that its webhooks go to, which their signatures cover; without `deliver` they are kept in
    `hooks`."""

    def __init__(
        self,
        clock: Callable[[], datetime],
        deliver: Deliver | None = None,
        hook_url: str = "https://skvoz.example/v1/crm/hubspot/shop/token",
        drop: Callable[[int], bool] = lambda number: False,
        repeat: Callable[[int], int] = lambda number: 0,
    ) -> None:
        self.account = Account(clock, self._told)
        self.hooks: list[tuple[str, dict[str, str]]] = []
        self.calls: list[str] = []
        self.refused = 0  # calls beyond a limit
        self.failing: list[Answered] = []  # answers to the next calls, whatever they ask
        self.refused_ids: set[str] = set()  # a batch with one of them is refused whole
        self.token = TOKEN
        self._clock, self._deliver, self._hook_url, self._drop, self._repeat = clock, deliver, hook_url, drop, repeat
        self._events = 0
        seconds = lambda: (clock() - EPOCH).total_seconds()  # noqa: E731
        self._calls, self._searches = Window(100, 10, seconds), Window(4, 1, seconds)
        super().__init__()

    def _told(self, events: list[dict[str, Any]]) -> None:
        """One webhook, signed at the moment at which it is sent."""
        self._events += 1
        if self._drop(self._events):
            return
        body, stamp = json.dumps(events), str(to_millis(self._clock()))
        mac = signature(f"POST{self._hook_url}{body}{stamp}".encode(), CLIENT_SECRET).decode()
        headers = {"content-type": "application/json", "x-hubspot-signature-v3": mac, "x-hubspot-request-timestamp": stamp}
        for _ in range(1 + self._repeat(self._events)):
            self.hooks.append((body, headers))
            if self._deliver is not None:
                self._deliver(body, headers)

    def _answer(self, asked: Asked) -> Answered:
        self.calls.append(f"{asked.method} {asked.path}")
        if asked.headers.get("authorization") != f"Bearer {self.token}":
            return Answered(
                401, {"status": "error", "message": "Authentication credentials not found.", "category": "INVALID_AUTHENTICATION"}
            )
        if self._calls.is_full() or (asked.path.endswith("/search") and self._searches.is_full()):
            self.refused += 1
            told = {"status": "error", "message": "You have reached your secondly limit.", "errorType": "RATE_LIMIT"}
            return Answered(429, {**told, "policyName": "SECONDLY"}, {"retry-after": "1"})
        if self.failing:
            return self.failing.pop(0)
        match (asked.method, asked.path.strip("/").split("/")):
            case "GET", ["crm", "v3", "pipelines", "deals"]:
                return Answered(200, {"results": self.account.pipelines})
            case "GET", ["crm", "v3", "objects", "deals"]:
                return self._listed(asked)
            case "POST", ["crm", "v3", "objects", ("deals" | "contacts") as kind, "search"]:
                return self._searched(kind, asked.body)
            case "POST", ["crm", "v3", "objects", ("deals" | "contacts") as kind, "batch", "read"]:
                return self._batch(kind, asked)
            case "POST", ["crm", "v4", "associations", one, other, "batch", "read"]:
                return self._linked(one, other, asked.body["inputs"])
        return Answered(404, {"status": "error", "message": "no such endpoint"})

    def _searched(self, kind: str, body: Mapping[str, Any]) -> Answered:
        limit, after = int(body.get("limit", 10)), int(body.get("after", 0))
        if limit > 200 or after + limit > MOST_RESULTS:
            return _invalid("search ends at 10,000 results and 200 a page")
        filters = body["filterGroups"][0]["filters"]
        if kind == "contacts" and any(one["propertyName"] == "hs_lastmodifieddate" for one in filters):
            return _invalid("contacts have no hs_lastmodifieddate")
        things = self.account.deals if kind == "deals" else self.account.contacts
        found = [thing for thing in things.values() if thing.archived_at is None]
        for one in filters:
            found = [thing for thing in found if _fits(thing, one)]
        for order in body.get("sorts", []):
            found.sort(key=lambda thing: _number(thing.value(order["propertyName"])), reverse=order["direction"] == "DESCENDING")
        page = found[after : after + limit]
        answer: dict[str, Any] = {"total": len(found), "results": [_object(one, body.get("properties", [])) for one in page]}
        if after + limit < len(found):
            answer["paging"] = {"next": {"after": str(after + limit)}}
        return Answered(200, answer)

    def _listed(self, asked: Asked) -> Answered:
        limit, after = int(asked.query.get("limit", 10)), int(asked.query.get("after", 0))
        if limit > 100:
            return _invalid("100 a page")
        is_archived = asked.query.get("archived") == "true"
        found = sorted(
            (d for d in self.account.deals.values() if (d.archived_at is not None) == is_archived), key=lambda d: int(d.id)
        )
        rest = [deal for deal in found if int(deal.id) > after]
        names = asked.query.get("properties", "").split(",")
        answer: dict[str, Any] = {"results": [_object(deal, names) for deal in rest[:limit]]}
        if len(rest) > limit:
            answer["paging"] = {"next": {"after": rest[limit - 1].id}}
        return Answered(200, answer)

    def _batch(self, kind: str, asked: Asked) -> Answered:
        ids, history = [str(one["id"]) for one in asked.body["inputs"]], asked.body.get("propertiesWithHistory", [])
        if len(ids) > (50 if history else 100):
            return _invalid("too many inputs")
        if self.refused_ids.intersection(ids):
            return _invalid("an id cannot be read")
        things = self.account.deals if kind == "deals" else self.account.contacts
        is_archived = asked.query.get("archived") == "true"
        found = {id_: thing for id_ in ids if (thing := things.get(self.account.merged.get(id_, id_)))}
        found = {id_: thing for id_, thing in found.items() if (thing.archived_at is not None) == is_archived}
        results = [_object(thing, asked.body.get("properties", []), history) for thing in found.values()]
        return _partly(results, [id_ for id_ in ids if id_ not in found], f"Could not get some {kind}")

    def _linked(self, one: str, other: str, inputs: list[dict[str, str]]) -> Answered:
        if len(inputs) > 1000:
            return _invalid("too many inputs")
        results, missing = [], []
        for asked in inputs:
            if one == "deals":
                found = self.account.links.get(asked["id"], [])
            else:
                found = [deal for deal, contacts in self.account.links.items() if asked["id"] in contacts]
            if found:
                to = [{"toObjectId": int(id_), "associationTypes": [{"category": "HUBSPOT_DEFINED", "typeId": 3}]} for id_ in found]
                results.append({"from": {"id": asked["id"]}, "to": to})
            else:
                missing.append(asked["id"])
        return _partly(results, missing, f"No {other} is associated with {one}")


def _partly(results: list[Any], missing: list[str], message: str) -> Answered:
    """200 for all; 207 where some are missing."""
    if not missing:
        return Answered(200, {"status": "COMPLETE", "results": results})
    error = {"status": "error", "category": "OBJECT_NOT_FOUND", "message": message, "context": {"ids": missing}}
    return Answered(207, {"status": "COMPLETE", "results": results, "numErrors": 1, "errors": [error]})


def _invalid(message: str) -> Answered:
    return Answered(400, {"status": "error", "message": message, "category": "VALIDATION_ERROR"})


def _object(thing: Thing, names: list[str], history: list[str] | None = None) -> dict[str, Any]:
    told: dict[str, Any] = {
        "id": thing.id,
        "properties": {name: thing.value(name) or None for name in ["hs_object_id", "createdate", "hs_lastmodifieddate", *names]},
        "createdAt": iso(thing.created_at),
        "updatedAt": iso(thing.changed_at),
        "archived": thing.archived_at is not None,
    }
    if thing.archived_at is not None:
        told["archivedAt"] = iso(thing.archived_at)
    if history:
        told["propertiesWithHistory"] = {
            name: [{"value": one.value, "timestamp": iso(one.at), "sourceType": "CRM_UI"} for one in thing.history.get(name, [])]
            for name in history
        }
    return told


def _fits(thing: Thing, one: Mapping[str, str]) -> bool:
    told, wanted = _number(thing.value(one["propertyName"])), int(one["value"])
    return {"GTE": told >= wanted, "GT": told > wanted, "LT": told < wanted, "LTE": told <= wanted, "EQ": told == wanted}[
        one["operator"]
    ]


def _number(told: str) -> int:
    """Ids as they are, times in milliseconds."""
    return int(told) if told.isdigit() else to_millis(datetime.fromisoformat(told))
