"""Mango Office: a form with key, signature and JSON text, posted to `…/events/call`, `…/events/summary` and others.

The signature is made over the JSON text as it was sent. It has no time of sending: a body that comes again changes nothing, because
all that it tells is known (proofs.py). The summary tells the whole call and outweighs the events that came while it rang; these are
read for incoming calls only, because only the summary says which way a call went. The end of a leg is not the end of the call, so
that is the summary's too. A route is not part of the answer: Mango is told by its API.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import orjson

from functions.numberpool.pbx.adapter import Adapter, Heard, Question, Reading, Refused, refused
from functions.numberpool.pbx.event import CallEvent, Outcome, by_content
from functions.numberpool.pbx.proofs import FRESH, check_age, fits, form_of, key_pairs
from functions.numberpool.pbx.providers.mango_route import tell_route
from functions.numberpool.pbx.reading import MOST_RECORDING, read_code, read_flag, read_id, read_phone, read_text, read_time
from shared.http import Request
from shared.secrets import Secrets
from shared.times import to_millis

DOOR = "calls-mango"
_WHILE_RINGING, _SUMMARY, _BESIDE = 1, 2, 3  # weights; what comes beside a call no summary takes back
_EARLIEST = 10**15  # places count down from here: of several legs the first to appear, and to be answered, counts
_ENDED_BY_CALLER = "1110"
_RECORDED = "1000"
_DIRECTIONS: Mapping[str, bool] = {"1": True, "2": False}


def _fields(body: bytes) -> dict[str, str]:
    return dict(form_of(body, DOOR))


def _verify(request: Request, site: Mapping[str, Any], secrets: Secrets, rest: str) -> str:
    told = _fields(request.body)
    given_key, given_sign, text = (told.get(name, "") for name in ("vpbx_api_key", "sign", "json"))
    pairs = [(key, salt) for key, salt in key_pairs(secrets, site, DOOR, request.now) if key]
    signs = [hashlib.sha256(f"{key}{text}{salt}".encode()).hexdigest() for key, salt in pairs]
    if not any([fits(given_key, [key]) & fits(given_sign, [sign]) for (key, _), sign in zip(pairs, signs, strict=True)]):
        raise refused(DOOR, "signature", "vpbx_api_key and sign fit none of the site's secrets")
    return given_sign


def _read(heard: Heard) -> Reading:
    reader = _READERS.get(heard.rest.strip("/"))
    if reader is None:
        return Reading(passed_over="other_event")
    try:
        told = orjson.loads(_fields(heard.request.body).get("json", ""))
    except orjson.JSONDecodeError as error:
        raise Refused("bad_body", "json", f"is not valid JSON: {error.msg} (column {error.colno})") from error
    if not isinstance(told, dict):
        raise Refused("bad_body", "json", "must be a JSON object, one event")
    return reader(heard, told)


def _call(heard: Heard, told: dict[str, Any]) -> Reading:
    """A leg of a call appeared or was connected. What an employee starts (an extension rings out, a call back by the API) is told
    by its summary alone."""
    caller, called = _part(told, "from"), _part(told, "to")
    is_ours = caller.get("extension") or told.get("callback_initiator")
    if is_ours or (told.get("command_id") and not caller.get("taken_from_call_id")):
        return Reading(passed_over="not_incoming")
    at = _time(heard, told, "timestamp")
    state, location = told.get("call_state"), told.get("location")
    event = CallEvent(
        read_id(told.get("entry_id"), "entry_id"),
        "",
        (_WHILE_RINGING, _EARLIEST - to_millis(at)),
        number=_number(heard, called.get("line_number"), called),
        caller=read_phone(caller.get("number")),
        is_incoming=True,
    )
    if state == "Appeared":
        number = event.number if location == "ivr" else None
        asked = Question(number, event.caller, until=at + FRESH) if number else None
        return Reading([by_content(event._replace(started_at=at), "appeared")], asked)
    if state == "Connected" and location == "abonent":
        answered = event._replace(answered_at=at, answered_by=read_text(called.get("extension")))
        return Reading([by_content(answered, "connected")])
    return Reading(passed_over="told_by_summary")


def _summary(heard: Heard, told: dict[str, Any]) -> Reading:
    """The whole call. Talk: from `talk_time` to `end_time`. A call that nobody answered was abandoned where the caller ended it."""
    if str(told.get("call_direction")) == "0":
        return Reading(passed_over="internal")
    is_incoming = _DIRECTIONS.get(str(told.get("call_direction")))
    if is_incoming is None:
        raise Refused("bad_direction", "call_direction", "must be 0 (internal), 1 (incoming) or 2 (outgoing)")
    is_answered = read_flag(told.get("entry_result"))
    if is_answered is None:
        raise Refused("bad_event", "entry_result", "must be 0 (missed) or 1 (talked)")
    ours, theirs = _part(told, "to"), _part(told, "from")
    if not is_incoming:
        ours, theirs = theirs, ours
    number = _number(heard, told.get("line_number"), ours)
    if number is None:
        raise Refused("bad_number", "line_number", "is no phone: name its number in the settings calls.mango.lines")
    has_abandoned = is_incoming and str(told.get("disconnect_reason")) == _ENDED_BY_CALLER
    unanswered: Outcome = "abandoned" if has_abandoned else "missed"
    event = CallEvent(
        read_id(told.get("entry_id"), "entry_id"),
        "",
        (_SUMMARY, None),
        number=number,
        caller=read_phone(theirs.get("number")),
        is_incoming=is_incoming,
        started_at=_time(heard, told, "create_time"),
        answered_at=read_time(told.get("talk_time"), "talk_time", heard.now, heard.zone) if is_answered else None,
        ended_at=read_time(told.get("end_time"), "end_time", heard.now, heard.zone),
        outcome="answered" if is_answered else unanswered,
        answered_by=read_text(ours.get("extension")) if is_answered else None,
        is_whole=True,
    )
    return Reading([by_content(event, "summary")])


def _recording(heard: Heard, told: dict[str, Any]) -> Reading:
    """The state of a recording: only a finished one that succeeded can be heard."""
    if told.get("recording_state") != "Completed" or str(told.get("completion_code")) != _RECORDED:
        return Reading(passed_over="not_recorded")
    return _recorded(heard, told)


def _recorded(heard: Heard, told: dict[str, Any]) -> Reading:
    recording = read_text(told.get("recording_id"), MOST_RECORDING)
    if recording is None:
        raise Refused("bad_id", "recording_id", "must be text")
    return Reading([_beside(heard, told, "recording")._replace(recording=recording)])


def _dialled(heard: Heard, told: dict[str, Any]) -> Reading:
    """Digits that were dialled in a menu: a visitor's code, where they can be one."""
    code = read_code(told.get("dtmf"))
    if code is None:
        return Reading(passed_over="no_code")
    return Reading([_beside(heard, told, "dtmf")._replace(visitor_code=code)])


def _beside(heard: Heard, told: dict[str, Any], kind: str) -> CallEvent:
    at, call_id = _time(heard, told, "timestamp"), read_id(told.get("entry_id"), "entry_id")
    content = [kind, call_id, to_millis(at), *(told.get(name) for name in ("recording_id", "dtmf"))]
    return CallEvent(call_id, "\x1f".join(map(str, content)), (_BESIDE, to_millis(at)))


def _number(heard: Heard, line: object, ours: Mapping[str, Any]) -> str | None:
    """Our number: what the settings say of the line, else the line itself, else the end that is ours, if it is no employee's."""
    lines = {_plain(name): number for name, number in (heard.own.get("lines") or {}).items()}
    told = _plain(line)
    known = lines.get(told) or lines.get(told.partition("@")[0]) or read_phone(line)
    return known or (None if ours.get("extension") else read_phone(ours.get("number")))


def _plain(line: object) -> str:
    """A SIP line as people write it: with its scheme or without."""
    return str(line or "").strip().strip("<>").lower().removeprefix("sips:").removeprefix("sip:")


def _time(heard: Heard, told: Mapping[str, Any], name: str) -> datetime:
    at = read_time(told.get(name), name, heard.now, heard.zone)
    if at is None:
        raise Refused("bad_time", name, "is needed: unix seconds")
    check_age(at, name, heard.now)
    return at


def _part(told: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = told.get(name)
    return value if isinstance(value, dict) else {}


_READERS: Mapping[str, Callable[[Heard, dict[str, Any]], Reading]] = {
    "events/call": _call,
    "events/summary": _summary,
    "events/recording": _recording,
    "events/record/added": _recorded,
    "events/dtmf": _dialled,
}

MANGO = Adapter(
    name="mango", setting="mango", has_token=False, verify=_verify, read=_read, tell=tell_route,
    content_type="application/x-www-form-urlencoded", suffix="form",
)  # fmt: skip
