"""Calltouch: a webhook whose parameters the client chooses, as a form or a query, at a call's start, end or as a lead.

It tells little: whose number rang which tracking number and when, and whether the call was successful. `calls.calltouch.fields`
maps our names to the client's parameters; `duration` (seconds of talk) should be among them, because a call without seconds of
talk is never a target one. Its visit's source (`source`, `medium`, `utm_*`) is passed over: the visit of ours that the number
belongs to tells it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from functions.numberpool.pbx.adapter import Adapter, Heard, Reading, Refused, verify_nothing
from functions.numberpool.pbx.event import CallEvent, Outcome, by_content
from functions.numberpool.pbx.providers.bodies import parameters_of, value_of
from functions.numberpool.pbx.reading import (
    MOST_RECORDING,
    read_id,
    read_number,
    read_phone,
    read_seconds,
    read_text,
    read_time,
)
from shared.errors import NotFound
from shared.times import lake_text

NAMES = ("callerphone", "phonenumber", "calltime", "timestamp", "status", "duration", "waiting", "call_id", "recording")
SUCCESSFUL = ("successful", "true", "1")
# Of two events of a call the one that tells more counts.
BEGAN, MISSED, ANSWERED, TALKED = 0, 1, 2, 3


def _read(heard: Heard) -> Reading:
    """One call, incoming always: Calltouch tracks no others. It has no id of its own unless one is mapped: phones and time are
    it."""
    if heard.rest:
        raise NotFound("nothing comes after the token")
    parameters = parameters_of(heard.request)
    told = {name: value_of(parameters.get((heard.own.get("fields") or {}).get(name, name))) for name in NAMES}
    number, caller = read_number(told["phonenumber"], "phonenumber"), read_phone(told["callerphone"])
    name = "calltime" if told["calltime"] is not None else "timestamp"
    started = read_time(told[name], name, heard.now, heard.zone)
    if started is None:
        raise Refused("bad_time", "calltime", "is needed")
    weight, outcome, talk = _course(told)
    event = CallEvent(
        call_id=_id(told["call_id"], number, caller, started),
        event_id="",
        order=(weight, talk or 0),
        number=number,
        caller=caller,
        is_incoming=True,
        started_at=started,
        outcome=outcome,
        wait_seconds=read_seconds(told["waiting"], "waiting"),
        talk_seconds=talk,
        recording=read_text(told["recording"], MOST_RECORDING),
    )
    return Reading([by_content(event)])


def _course(told: Mapping[str, Any]) -> tuple[int, Outcome | None, int | None]:
    """Weight, outcome, seconds of talk. Talk means answered; a status that is not successful means missed, because nothing tells a
    short talk from none; no status: the call has only begun."""
    talk = read_seconds(told["duration"], "duration")
    if talk:
        return TALKED, "answered", talk
    if told["status"] is None:
        return BEGAN, None, None
    is_answered = str(told["status"]).strip().lower() in SUCCESSFUL
    return (ANSWERED, "answered", None) if is_answered else (MISSED, "missed", 0)


def _id(told: object, number: str, caller: str | None, started: datetime) -> str:
    """The call's id. Made of phones it is hashed by the door, as every id with a phone in it."""
    return read_id(told, "call_id") if told is not None else f"{caller or 'hidden'} {number} {lake_text(started)}"


CALLTOUCH = Adapter(
    name="calltouch",
    setting="calltouch",
    has_token=True,
    verify=verify_nothing,
    read=_read,
    content_type="application/x-www-form-urlencoded",
    suffix="form",
)
