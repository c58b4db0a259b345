"""Who calls, from which ad, and where the call should go: in time, or not at all. While it rings, whatever asks waits a second or
two and then goes on without us; an answer that comes later would move a call that went its way.

Reads of the table, while nobody leases that very number: of one that is held, the last assignment (a query) and the number;
of any other, the assignment, the caller's past (a query) and whose number it is. A code told is one read more, and so is the
client's manager, for sites that say where managers answer (`calls.managers`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, Literal, NamedTuple
from zoneinfo import ZoneInfo

from functions.numberpool.pbx.adapter import Question
from functions.numberpool.pbx.clients import manager_of
from functions.numberpool.pbx.resolve import Caller, ResolvedBy, resolve
from functions.numberpool.pbx.routing import Found, Kind, route_of
from functions.numberpool.rules import Rules, rules_of
from functions.numberpool.store import Store
from shared.aws import PATIENCE
from shared.http import Request
from shared.identity import phone_hash
from shared.log import count, logger
from shared.secrets import Secrets

LONGEST_READ = PATIENCE["question"].longest


class Late(Exception):
    """The answer would come too late."""


class Deadline(NamedTuple):
    """`at`, on `clock`: seconds from any beginning."""

    clock: Callable[[], float]
    at: float

    @property
    def left(self) -> float:
        """Seconds until then; less than nothing afterwards."""
        return self.at - self.clock()


class InTime:
    """A DynamoDB client whose reads begin only while there is time for one to fail: Late otherwise."""

    def __init__(self, dynamodb: Any, deadline: Deadline) -> None:
        self._dynamodb, self._deadline = dynamodb, deadline

    def get_item(self, **asked: Any) -> Any:
        self._check()
        return self._dynamodb.get_item(**asked)

    def query(self, **asked: Any) -> Any:
        self._check()
        return self._dynamodb.query(**asked)

    def _check(self) -> None:
        if self._deadline.left < LONGEST_READ:
            raise Late


class Answers:
    """`client()` gives the DynamoDB client of questions, made with the first one; `clock` counts seconds."""

    def __init__(self, client: Callable[[], Any], table: str, secrets: Secrets, clock: Callable[[], float]) -> None:
        self._client, self._table, self._secrets, self._clock = client, table, secrets, clock

    def within(self, seconds: float) -> Deadline:
        """So long from now."""
        return Deadline(self._clock, self._clock() + seconds)

    def found(self, request: Request, site: Mapping[str, Any], question: Question, door: str, deadline: Deadline) -> Found | None:
        """The answer; None, counted and logged, where a store fails, or cannot answer before the deadline."""
        try:
            return _found(request, site, question, self._secrets, Store(InTime(self._dynamodb, deadline), self._table))
        except Late:
            not_answered(door, "late")
        except Exception as error:
            not_answered(door, "failed")
            told = {"door": door, "site_id": str(site["site_id"]), "error": type(error).__name__}
            logger().error("who calls could not be looked up", extra=told)
        return None

    @cached_property
    def _dynamodb(self) -> Any:
        return self._client()


def not_answered(door: str, reason: Literal["late", "failed", "old", "seen"]) -> None:
    """Count a question that is answered as if nothing were known."""
    count({"QuestionNotAnswered": 1}, Door=door, Reason=reason)


def _found(request: Request, site: Mapping[str, Any], question: Question, secrets: Secrets, store: Store) -> Found:
    """Errors of the stores are raised."""
    site_id, rules = str(site["site_id"]), rules_of(site)
    caller_hash = phone_hash(question.caller, secrets.identity(request.now)) if question.caller else None
    caller = Caller(caller_hash, question.code)
    resolved = resolve(store, site_id, rules, question.number, caller, request.now, needs_other=False)
    count({"NumberLookedUp": 1}, ResolvedBy=resolved.by)
    marks = resolved.marks or resolved.visit
    at = request.now.astimezone(ZoneInfo(site["time_zone"]))
    manager = manager_of(store, site, caller_hash) if caller_hash else None
    route = route_of((site.get("calls") or {}).get("routes") or (), at, question.number, marks, manager)
    kind = _kind(store, site_id, rules, question.number, resolved.by)
    return Found(question.number, kind, resolved.visitor_id, resolved.by, marks, manager, route)


def _kind(store: Store, site_id: str, rules: Rules, number: str, by: ResolvedBy) -> Kind:
    if rules.static_of(number):
        return "static"
    if number in rules.defaults or number in rules.replaces:
        return "default"
    return "dynamic" if by in ("lease", "late_lease") or store.pool_of(site_id, number) else "unknown"
