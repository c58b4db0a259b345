"""Who a call belongs to (docs/method.md, numbers and calls): who held the number at the call's start, else the caller's own past,
else the number's source, else nothing. Events may come days late: the history decides, never what is now."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple

from functions.numberpool.pbx.callers import known_caller
from functions.numberpool.rules import Rules
from functions.numberpool.store import Store
from shared.log import count
from shared.times import to_millis

ResolvedBy = Literal["lease", "late_lease", "caller", "number", "nothing"]
_TRIES = 3


class Resolved(NamedTuple):
    """`marks`: the utm columns of a static number; they are its own, whoever the caller turned out to be."""

    by: ResolvedBy
    visitor_id: str | None = None
    lease_id: str | None = None
    marks: dict[str, Any] = {}  # noqa: RUF012 (a tuple's default; nobody changes it)


def resolve(
    store: Store,
    site_id: str,
    rules: Rules,
    number: str,
    caller_hash: str | None,
    at: datetime,
    *,
    is_incoming: bool = True,
    call: str = "",
) -> Resolved:
    """Resolve a call that began at `at`. Errors of the store are raised.

    The holder of the number is asked for incoming calls only: nobody rang the number of an outgoing one. `caller_hash` None:
    a caller without a number has no past. `call`: its id in the table, where it may have been told before; it is not its own past.
    """
    static = rules.static_of(number) if is_incoming else None
    marks: dict[str, Any] = dict(static.marks) if static else {}
    if is_incoming and (held := _holder(store, site_id, rules, number, at)):
        return held._replace(marks=marks)
    if caller_hash is not None:
        known = known_caller(store, site_id, caller_hash, at, timedelta(seconds=rules.repeat_caller_seconds), call)
        if known is not None:
            return Resolved("caller", known, marks=marks)
    return Resolved("number", marks=marks) if marks else Resolved("nothing")


def _holder(store: Store, site_id: str, rules: Rules, number: str, at: datetime) -> Resolved | None:
    """The last lease that began before the call, if it lasted until then or ended within the late-call window."""
    instant = to_millis(at)
    for _ in range(_TRIES):
        assignment = store.assignment(number, instant)
        if assignment is None or assignment.site_id != site_id:
            return None
        until = assignment.until
        if until is None:
            now = store.number(site_id, number, assignment.pool)
            if now is None or now.lease_id != assignment.lease_id:
                continue  # leased anew between the two reads, which closed the assignment
            until = now.until
        if instant <= until:
            return Resolved("lease", assignment.visitor_id, assignment.lease_id)
        if instant <= until + rules.late_seconds * 1000:
            return Resolved("late_lease", assignment.visitor_id, assignment.lease_id)
        return None
    count({"LeaseHistoryBroken": 1})  # an open assignment without its number: nobody but a hand in the table makes one
    return None
