"""Pipedrive's API and webhooks, as far as they concern deals: `with Pipedrive(clock) as crm: crm.url; crm.company.put_deal(…)`.

Its cursors, its ends (500 a page, 100 ids, 30 days of deleted deals are the caller's: `purge`) and its limit of 20 calls in 2
seconds by the given clock. `drop(number)` and `repeat(number)` decide about the webhook of that number (from 1): whether it is
lost, and how often it comes again.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from infra.doubles.listening import Answered, Asked, Listening, Window
from infra.doubles.pipedrive.company import Company, Event
from shared.times import EPOCH

TOKEN, PASSWORD = "double-pipedrive-token", "shop:double-pipedrive-password"  # fakes
Deliver = Callable[[str, Mapping[str, str]], None]


class Pipedrive(Listening):
    """Without `deliver` its webhooks are kept in `hooks`."""

    def __init__(
        self,
        clock: Callable[[], datetime],
        deliver: Deliver | None = None,
        drop: Callable[[int], bool] = lambda number: False,
        repeat: Callable[[int], int] = lambda number: 0,
    ) -> None:
        self.company = Company(clock, self._told)
        self.hooks: list[tuple[str, dict[str, str]]] = []
        self.calls: list[str] = []
        self.refused = 0  # calls beyond a limit
        self.failing: list[Answered] = []  # answers to the next calls, whatever they ask
        self.refused_ids: set[int] = set()  # deals whose changelog, and persons whose lists, are refused (410)
        self.token = TOKEN
        self._deliver, self._drop, self._repeat, self._events = deliver, drop, repeat, 0
        self._calls = Window(20, 2, lambda: (clock() - EPOCH).total_seconds())
        super().__init__()

    def _told(self, event: Event) -> None:
        self._events += 1
        if self._drop(self._events):
            return
        headers = {"content-type": "application/json", "user-agent": "Pipedrive-Webhook"}
        headers["authorization"] = "Basic " + base64.b64encode(PASSWORD.encode()).decode()
        for attempt in range(1, 2 + self._repeat(self._events)):
            body = json.dumps({**event, "meta": {**event["meta"], "attempt": attempt}}, ensure_ascii=False)
            self.hooks.append((body, headers))
            if self._deliver is not None:
                self._deliver(body, headers)

    def _answer(self, asked: Asked) -> Answered:
        self.calls.append(f"{asked.method} {asked.path}")
        if "api_token" in asked.query or asked.headers.get("x-api-token") != self.token:
            return Answered(401, {"success": False, "error": "unauthorized access", "errorCode": 401})
        if self._calls.is_full():
            self.refused += 1
            return Answered(429, {"success": False, "error": "request over limit"}, {"retry-after": "2", "x-ratelimit-reset": "2"})
        if self.failing:
            return self.failing.pop(0)
        match (asked.method, asked.path.strip("/").split("/")):
            case "GET", ["api", "v2", "deals"]:
                return _listed(self._deals(asked.query, is_archived=False), asked.query)
            case "GET", ["api", "v2", "deals", "archived"]:
                return _listed(self._deals(asked.query, is_archived=True), asked.query)
            case "GET", ["api", "v2", "deals", id_]:
                deal = self.company.deals.get(int(id_))
                return Answered(200, {"success": True, "data": deal}) if deal else _not_found()
            case "GET", ["api", "v2", "persons"] if "ids" not in asked.query:
                return _listed(list(self.company.persons.values()), asked.query)
            case "GET", ["api", "v2", "persons"] if self.refused_ids.intersection(_ids(asked.query)):
                return _refused()
            case "GET", ["api", "v1", "deals", id_, "changelog"] if int(id_) in self.refused_ids:
                return _refused()
            case "GET", ["api", "v2", "persons"]:
                return _page([one for id_ in _ids(asked.query) if (one := self.company.persons.get(id_))], asked.query)
            case "GET", ["api", "v1", "deals", id_, "changelog"]:
                if int(id_) not in self.company.deals:
                    return _not_found()
                return _page(self.company.log.get(int(id_), []), asked.query)
        return _not_found()

    def _deals(self, query: Mapping[str, str], is_archived: bool) -> list[dict[str, Any]]:
        statuses = query.get("status", "open,won,lost").split(",")
        found = [one for one in self.company.deals.values() if one["status"] in statuses and one["is_archived"] is is_archived]
        if "ids" in query:
            found = [one for one in found if one["id"] in _ids(query)]
        for name in ("person_id", "org_id"):
            if name in query:
                found = [one for one in found if one[name] == int(query[name])]
        return found


def _listed(found: list[dict[str, Any]], query: Mapping[str, str]) -> Answered:
    """A page of deals or persons."""
    if "updated_since" in query:
        found = [one for one in found if one["update_time"] >= query["updated_since"]]
    if "updated_until" in query:
        found = [one for one in found if one["update_time"] < query["updated_until"]]
    by, is_down = query.get("sort_by", "id"), query.get("sort_direction") == "desc"
    found = sorted(found, key=lambda one: (one[by], one["id"]), reverse=is_down)
    if "cursor" in query:  # tells the last one seen, not a place: deals may leave the span meanwhile
        last = tuple(json.loads(base64.urlsafe_b64decode(query["cursor"])))
        found = [one for one in found if ((one[by], one["id"]) < last if is_down else (one[by], one["id"]) > last)]
    limit = int(query.get("limit", 100))
    page = found[:limit]
    after = base64.urlsafe_b64encode(json.dumps([page[-1][by], page[-1]["id"]]).encode()).decode() if found[limit:] else None
    return Answered(200, {"success": True, "data": page, "additional_data": {"next_cursor": after}})


def _ids(query: Mapping[str, str]) -> list[int]:
    return [int(one) for one in query["ids"].split(",")][:100]


def _page(found: list[Any], query: Mapping[str, str]) -> Answered:
    limit, start = int(query.get("limit", 100)), int(query.get("cursor", "0").removeprefix("at-"))
    if limit > 500:
        return Answered(400, {"success": False, "error": "limit must not be greater than 500"})
    after = f"at-{start + limit}" if start + limit < len(found) else None
    return Answered(200, {"success": True, "data": found[start : start + limit], "additional_data": {"next_cursor": after}})


def _refused() -> Answered:
    return Answered(410, {"success": False, "error": "gone"})


def _not_found() -> Answered:
    return Answered(404, {"success": False, "error": "not found"})
