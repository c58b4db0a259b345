"""What one event of a telephony tells of a call, and what all events of a call tell together. Pure.

Telephonies tell a call in parts, out of order and more than once. Each part is a `CallEvent`; parts are merged field by field, the
weightiest one first, so that every order of arrival and every repeat gives the same call.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple

import orjson

from shared.times import from_millis, to_millis

Outcome = Literal["answered", "missed", "abandoned", "busy", "failed"]

SECOND = timedelta(seconds=1)


class CallEvent(NamedTuple):
    """One part; fields that it does not tell are None.

    `call_id` is the telephony's, the same in every event of the call. `event_id` is equal for repeats of the event, different for
    everything else. `order`: (weight of the kind of event, place within it: a sequence number or milliseconds; None: as they
    arrive): where two events tell a field, the greater order counts. `number` is ours, as it was called, `caller` the other
    side's, both E.164; a hidden caller is None. `outcome`: `missed` (nobody answered), `abandoned` (the caller hung up first),
    `busy`, `failed`. `recording` is the telephony's id or address of the recording; `visitor_code` what the caller dictated or
    dialled. `is_whole`: it tells all of the call, so that what it leaves open takes back what lesser events told.
    """

    call_id: str
    event_id: str
    order: tuple[int, int | None] = (0, None)
    number: str | None = None
    caller: str | None = None
    is_incoming: bool | None = None
    started_at: datetime | None = None
    answered_at: datetime | None = None
    ended_at: datetime | None = None
    outcome: Outcome | None = None
    wait_seconds: int | None = None
    talk_seconds: int | None = None
    answered_by: str | None = None
    recording: str | None = None
    visitor_code: str | None = None
    is_whole: bool = False


def by_content(event: CallEvent, *more: str) -> CallEvent:
    """The event with an id made of all that it tells, and of `more`: for telephonies that give events no id, where equal content is
    a repeat, however it was spelled."""
    return event._replace(event_id="\x1f".join((*more, *map(str, event))))


class Call(NamedTuple):
    """A call as far as it is known. Incoming: `caller` rang `number`. Outgoing: we rang `caller`. `call_id` as the lake has it."""

    number: str
    caller_hash: str | None
    is_incoming: bool
    started_at: datetime
    is_answered: bool
    outcome: Outcome | None
    wait_seconds: int | None
    talk_seconds: int | None
    answered_by: str | None
    recording: str | None
    visitor_code: str | None
    call_id: str = ""


# Field → [[weight, place], value]: what is kept of a call between its events, JSON types only, the caller as his hash.
State = dict[str, list[Any]]
_TIMES = ("started_at", "answered_at", "ended_at")
_KEPT = (
    "number", "is_incoming", *_TIMES, "outcome", "wait_seconds", "talk_seconds", "answered_by", "recording", "visitor_code",
)  # fmt: skip


def merged(state: Mapping[str, Any], event: CallEvent, caller_hash: str | None) -> State:
    """The state with one more event; the same for every order of the same events."""
    told: dict[str, Any] = {name: getattr(event, name) for name in _KEPT}
    told |= {name: to_millis(told[name]) for name in _TIMES if told[name] is not None} | {"caller_hash": caller_hash}
    new: State = dict(state)
    for name, value in told.items():
        if value is not None or event.is_whole:
            new[name] = max(new.get(name, [[-1, -1], None]), [list(event.order), value], key=_rank)
    return new


def _rank(kept: list[Any]) -> tuple[list[int], bytes]:
    """Of two values told with one order the greater text counts: any rule will do, if only it is one."""
    return kept[0], orjson.dumps(kept[1])


def call_of(state: Mapping[str, Any]) -> Call | None:
    """The call as it stands; None until its number, its direction and its start are known.

    It was answered where its outcome, the time of the answer or seconds of talk say so, the outcome first. Wait: as told, else from
    the start to the answer, or to the end of a call that nobody answered. Talk: as told, else from the answer to the end; none
    without an answer, unknown where an answered call tells neither. Clocks of several machines may disagree: no span is negative.
    """
    known = {name: value for name, (_, value) in state.items() if value is not None}
    if not known.keys() >= {"number", "is_incoming", "started_at"}:
        return None
    started = from_millis(known["started_at"])
    answered, ended = (from_millis(known[name]) if name in known else None for name in ("answered_at", "ended_at"))
    outcome, talk = known.get("outcome"), known.get("talk_seconds")
    is_answered = outcome == "answered" if outcome else bool(answered or talk)
    if not outcome and (is_answered or ended):
        outcome = "answered" if is_answered else "missed"
    first = answered if is_answered else ended
    wait = known.get("wait_seconds")
    if wait is None and first:
        wait = _seconds(started, first)
    if not is_answered:
        talk = 0
    elif talk is None:
        talk = _seconds(answered, ended) if answered and ended else None
    return Call(
        known["number"], known.get("caller_hash"), known["is_incoming"], started, is_answered, outcome, wait, talk,
        known.get("answered_by"), known.get("recording"), known.get("visitor_code"), known.get("call_id", ""),
    )  # fmt: skip


def _seconds(begin: datetime, end: datetime) -> int:
    return max(0, (end - begin) // SECOND)
