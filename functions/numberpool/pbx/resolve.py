"""Who a call belongs to (docs/method.md, numbers and calls): who held the number at the call's start, else whose code the caller
told, else who held the number lately, else the caller's own past, else the number's source, else nothing. Events may come days
late: the history decides, never what is now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple

from functions.numberpool.codes import dictated
from functions.numberpool.pbx.assembly import known_caller
from functions.numberpool.rules import Rules
from functions.numberpool.store import Store
from shared.log import count
from shared.times import to_millis

ResolvedBy = Literal["lease", "code", "late_lease", "caller", "number", "nothing"]
_TRIES = 3


class Caller(NamedTuple):
    """What is known of the other side: his hash (None: hidden) and the code that he told (None: none)."""

    phone_hash: str | None
    code: str | None = None


class Candidate(NamedTuple):
    """A visitor whom a rule names. `visit`: utm columns of the visit that leased the number, was shown the code, or is that of the
    caller's earlier call."""

    by: ResolvedBy
    visitor_id: str
    lease_id: str | None = None
    visit: Mapping[str, str] = {}


class Resolved(NamedTuple):
    """`marks`: the utm columns of a static number; they are its own, whoever the caller turned out to be. `other`: the visitor whom
    the next best rule names, where that is another one."""

    by: ResolvedBy
    visitor_id: str | None = None
    lease_id: str | None = None
    marks: dict[str, Any] = {}  # noqa: RUF012 (a tuple's default; nobody changes it)
    visit: Mapping[str, str] = {}
    other: Candidate | None = None


def resolve(
    store: Store,
    site_id: str,
    rules: Rules,
    number: str,
    caller: Caller,
    at: datetime,
    *,
    is_incoming: bool = True,
    call: str = "",
    needs_other: bool = True,
) -> Resolved:
    """Resolve a call that began at `at`. Errors of the store are raised.

    The holder of the number is asked for incoming calls only: nobody rang the number of an outgoing one. `call`: its id in the
    table, where it may have been told before; it is not its own past. Without `needs_other` the reads end with the first rule that
    names somebody: while it rings, every one counts.
    """
    static = rules.static_of(number) if is_incoming else None
    marks: dict[str, Any] = dict(static.marks) if static else {}
    chosen: Candidate | None = None
    for candidate in _candidates(store, site_id, rules, number, caller, at, is_incoming, call):
        if chosen is None:
            chosen = candidate
            if not needs_other:
                break
        elif candidate.visitor_id != chosen.visitor_id:
            return Resolved(*chosen[:3], marks, chosen.visit, candidate)
    if chosen:
        return Resolved(*chosen[:3], marks, chosen.visit)
    return Resolved("number", marks=marks) if marks else Resolved("nothing")


def _candidates(
    store: Store, site_id: str, rules: Rules, number: str, caller: Caller, at: datetime, is_incoming: bool, call: str
) -> Iterator[Candidate]:
    """The best first."""
    held = _holder(store, site_id, rules, number, at) if is_incoming else None
    if held and held.by == "lease":
        yield held
    if caller.code and (told := dictated(store, site_id, caller.code, at)):
        yield Candidate("code", told.visitor_id, None, told.marks)
    if held and held.by == "late_lease":
        yield held
    if caller.phone_hash:
        known = known_caller(store, site_id, caller.phone_hash, at, timedelta(seconds=rules.repeat_caller_seconds), call)
        if known is not None:
            yield Candidate("caller", str(known.visitor_id), None, known.visit)


def _holder(store: Store, site_id: str, rules: Rules, number: str, at: datetime) -> Candidate | None:
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
        late = rules.of_pool(assignment.pool).late_seconds * 1000
        if instant > until + late:
            return None
        by: ResolvedBy = "lease" if instant <= until else "late_lease"
        return Candidate(by, assignment.visitor_id, assignment.lease_id, dict(assignment.marks))
    count({"LeaseHistoryBroken": 1})  # an open assignment without its number: nobody but a hand in the table makes one
    return None
