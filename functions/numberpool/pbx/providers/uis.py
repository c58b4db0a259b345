"""UIS, CoMagic, Novofon, CallGear: one family, told of in notifications whose JSON the client writes himself (docs/operations.md).

So there is no schema: `calls.uis.fields` maps the names of UIS's variables to the keys of the client's template. Names of event
kinds are the client's too; what an event is shows in what it tells. Paths after the token: none (a notification), `route` (UIS asks
while the call rings), `report` (rows of get.calls_report, to fill a gap), `uploaded` (what became of a call that we uploaded).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from functions.numberpool.pbx.adapter import Adapter, Heard, Question, Reading, Refused, Reply, plain_reply, verify_nothing
from functions.numberpool.pbx.event import CallEvent, Outcome, by_content
from functions.numberpool.pbx.providers.bodies import json_of, object_of, parameters_of, value_of
from functions.numberpool.pbx.providers.uis_report import events_of_report
from functions.numberpool.pbx.reading import (
    MOST_RECORDING,
    read_code,
    read_flag,
    read_id,
    read_number,
    read_phone,
    read_seconds,
    read_text,
    read_time,
)
from shared.errors import NotFound
from shared.http import Response, json_response
from shared.times import to_millis

# Our name is UIS's own name of the variable. Where the template shipped with the docs calls it otherwise: that key.
TEMPLATE_KEYS: Mapping[str, str] = {"notification_mnemonic": "event", "notification_name": "event_title"}
DIRECTIONS: Mapping[str, bool] = {"in": True, "out": False}
# Of two events of a call the one that tells more counts: a talk over an end without one, an end over a beginning.
BEGAN, ENDED, TALKED = 0, 1, 2
LOST = ("lost", "missed", "потерян", "пропущен")
UPLOADED = ("processed", "in_process", "error")
BY_SCENARIO = {"returned_code": 1}  # UIS goes on along branch 1 of its scenario: as without us


def _read(heard: Heard) -> Reading:
    if heard.rest == "route":
        return _asked(heard)
    if heard.rest == "report":
        return events_of_report(json_of(heard.request.body), heard.zone, heard.now)
    if heard.rest == "uploaded":
        return _uploaded(object_of(heard.request.body))
    if heard.rest:
        raise NotFound("after the token comes nothing (notifications), /route, /report or /uploaded")
    return _notified(heard)


def _notified(heard: Heard) -> Reading:
    """One notification. Without a direction it is an incoming call: a template without it is one for incoming calls. A notification
    that has a recording may leave out everything but the call's id."""
    told = _renamed(object_of(heard.request.body), heard.own.get("fields") or {})
    if read_flag(told.get("is_internal")):
        return Reading(passed_over="internal")
    call_id = read_id(told.get("call_session_id"), "call_session_id")
    recording = read_text(told.get("file_link"), MOST_RECORDING)
    number = told.get("virtual_phone_number")
    if number is None and recording:
        return Reading([by_content(CallEvent(call_id, "", recording=recording))])
    started = read_time(told.get("start_time"), "start_time", heard.now, heard.zone)
    if started is None:
        raise Refused("bad_time", "start_time", "is needed")
    weight, outcome, wait, talk, ended = _course(told, started)
    noted = read_time(told.get("notification_time"), "notification_time", heard.now, heard.zone)
    event = CallEvent(
        call_id=call_id,
        event_id="",
        order=(weight, to_millis(noted or ended or started)),
        number=read_number(number, "virtual_phone_number"),
        caller=read_phone(told.get("contact_phone_number")),
        is_incoming=_direction(told.get("direction")),
        started_at=started,
        ended_at=ended,
        outcome=outcome,
        wait_seconds=wait,
        talk_seconds=talk,
        answered_by=read_text(told.get("employee_full_name")) if outcome == "answered" else None,
        recording=recording,
        visitor_code=read_code(told.get("visitor_code")),
    )
    return Reading([by_content(event)])


def _course(told: Mapping[str, Any], started: datetime) -> tuple[int, Outcome | None, int | None, int | None, datetime | None]:
    """Weight, outcome, wait, talk and end. Seconds of talk mean answered, whatever the event is called; a total without talk, or
    the name of a lost call, means missed; otherwise the call has only begun."""
    talk, wait, total = (
        read_seconds(told.get(name), name) for name in ("talk_time_duration", "wait_time_duration", "total_time_duration")
    )
    ended = started + timedelta(seconds=total) if total else None
    if talk:
        return TALKED, "answered", wait, talk, ended
    if total or talk == 0 or _is_lost(told):
        return ENDED, "missed", wait, 0, ended
    return BEGAN, None, None, None, None


def _is_lost(told: Mapping[str, Any]) -> bool:
    if read_flag(told.get("is_lost")):
        return True
    name = f"{told.get('notification_mnemonic')} {told.get('notification_name')}".casefold()
    return any(word in name for word in LOST)


def _direction(told: object) -> bool:
    if told is None:
        return True
    known = DIRECTIONS.get(str(told).strip().lower())
    if known is None:
        raise Refused("bad_direction", "direction", "must be in or out")
    return known


def _renamed(body: Mapping[str, Any], fields: Mapping[str, str]) -> dict[str, Any]:
    """UIS's names → values; what is not told is None."""
    keys = {**{name: name for name in body}, **{name: key for name, key in TEMPLATE_KEYS.items() if name not in body}, **fields}
    return {name: value_of(body.get(key)) for name, key in keys.items()}


def _uploaded(told: Mapping[str, Any]) -> Reading:
    """What became of a call of another telephony (calls.uis.upload). It makes no call: the call is there already."""
    read_id(told.get("ext_id"), "ext_id")
    status = str(told.get("status")).strip().lower()
    if status not in UPLOADED:
        raise Refused("bad_event", "status", f"must be one of {', '.join(UPLOADED)}")
    return Reading(passed_over=f"upload_{status}")


def _asked(heard: Heard) -> Reading:
    """A call rings. Digits that the caller dialled may be a visitor's code: they are kept for the call, whose notifications tell
    the rest; the question alone makes no call, because nobody promises that its id is the session's."""
    told = {name: value_of(value) for name, value in parameters_of(heard.request).items()}
    number, caller = read_number(told.get("numb"), "numb"), read_phone(told.get("numa"))
    code = read_code(told.get("input_result"))
    events = []
    if code and told.get("cdr_id") is not None:
        events.append(by_content(CallEvent(read_id(told["cdr_id"], "cdr_id"), "", caller=caller, visitor_code=code)))
    return Reading(events, Question(number, caller, code))


def _reply(reply: Reply) -> Response:
    if reply.heard.rest == "report":
        bad = [{"path": refusal.path, "message": refusal.message} for refusal in reply.reading.bad]
        return json_response(200, {"calls": len({event.call_id for event in reply.reading.events}), "refused": bad})
    if reply.reading.question is None:
        return plain_reply(reply)
    route = reply.found.route if reply.found else None
    return json_response(200, {"phones": [route.removeprefix("+")]} if route else BY_SCENARIO)


UIS = Adapter(name="uis", setting="uis", has_token=True, verify=verify_nothing, read=_read, reply=_reply)
