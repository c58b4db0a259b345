"""Twilio: forms (or JSON) that tell the state of a call; the answer is TwiML, which may put the call through.

What tells most outweighs the rest: the leg to the operator (a child call, or `DialCallStatus` after a <Dial>) says whether anybody
spoke and for how long. Twilio itself picks an incoming call up, so without any of these `completed` counts as answered, and
`CallDuration`, the whole call, as its talk. Times are the body's `Timestamp`, else our clock as the request came. Child calls are
parts of their parent. A body that comes again changes nothing while the call is remembered: since many tell no time, that is as
long as any lease (proofs.py).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from html import escape
from typing import Any, NamedTuple

import orjson

from functions.numberpool.pbx.adapter import Adapter, Heard, Question, Reading, Refused, Reply
from functions.numberpool.pbx.event import CallEvent, Outcome
from functions.numberpool.pbx.proofs import FRESH, check_age
from functions.numberpool.pbx.providers.twilio_proof import BODY_HASH, check_twilio, parameters_of, public_address
from functions.numberpool.pbx.reading import MOST_RECORDING, read_code, read_id, read_phone, read_seconds, read_text, read_time
from functions.numberpool.store import HISTORY_DAYS
from shared.errors import NotFound
from shared.forms import FormRefused, pairs_of
from shared.http import Response, response
from shared.times import to_millis

_BEGUN = ("queued", "initiated", "ringing")
_ENDS: Mapping[str, Outcome] = {
    "completed": "answered", "answered": "answered", "busy": "busy", "no-answer": "missed",
    "canceled": "abandoned", "failed": "failed",
}  # fmt: skip
_DIRECTIONS: Mapping[str, bool] = {
    "inbound": True, "trunking-originating": True, "outbound-api": False, "outbound-dial": False, "trunking-terminating": False,
}  # fmt: skip
_WEAK, _FIRST, _ANSWER, _END, _LEG = range(5)  # weights
_EARLIEST = 10**15  # places count down from here: of several times of one kind the earliest counts
# A hidden caller comes as his state, written on the keys of a phone: BLOCKED, UNKNOWN, ANONYMOUS, RESTRICTED, UNAVAILABLE.
_HIDDEN = frozenset(("2562533", "8656696", "266696687", "7378742833", "86282452253"))
_APP = re.compile(r"\s*(client|sips?):([^@;?]*)", re.IGNORECASE)
_HIDDEN_NAMES = frozenset(("anonymous", "restricted", "unknown", "unavailable", "blocked"))
_OF_EVENT = (
    "CallSid", "ParentCallSid", "CallStatus", "Direction", "From", "To", "Timestamp", "CallDuration", "DialCallSid",
    "DialCallStatus", "DialCallDuration", "RecordingSid", "RecordingUrl", "Digits",
)  # fmt: skip


class _Told(NamedTuple):
    """A body and when it speaks of. `is_timed`: it says so itself."""

    fields: Mapping[str, Any]
    call_id: str
    at: datetime
    is_timed: bool

    def seconds(self, name: str) -> int | None:
        return read_seconds(self.fields.get(name), name)

    def event(self, kind: str, weight: int, place: int = 0, **told: Any) -> CallEvent:
        """Its id is made of what was sent, never of our clock."""
        name = "\x1f".join((kind, *(str(self.fields.get(field, "")) for field in _OF_EVENT)))
        return CallEvent(self.call_id, name, (weight, place), **told)

    @property
    def earliest(self) -> int:
        return _EARLIEST - to_millis(self.at)


def _read(heard: Heard) -> Reading:
    fields = _fields(heard)
    if not any(fields.get(name) for name in ("CallStatus", "RecordingUrl", "RecordingStatus")):
        return Reading(passed_over="not_a_call")
    direction = str(fields.get("Direction") or "").lower()
    is_leg = bool(fields.get("ParentCallSid")) and direction == "outbound-dial"
    call_id = read_id(fields.get("ParentCallSid" if is_leg else "CallSid"), "CallSid")
    at = _timestamp(heard, fields)
    told = _Told(fields, call_id, at or heard.now, at is not None)
    if is_leg:
        return _leg(told, _status(fields))
    recording = read_text(fields.get("RecordingUrl"), MOST_RECORDING)
    if not fields.get("CallStatus"):
        is_ready = recording and str(fields.get("RecordingStatus") or "completed") == "completed"
        event = told.event("recording", _LEG, recording=recording)
        return Reading([event]) if is_ready else Reading(passed_over="not_recorded")
    return _call(told, _status(fields), direction, recording)


def _fields(heard: Heard) -> Mapping[str, Any]:
    """Of a repeated name the first value."""
    request = heard.request
    if BODY_HASH in request.query:
        try:
            content = orjson.loads(request.body)
        except orjson.JSONDecodeError as error:
            raise Refused("bad_body", "body", f"is not valid JSON: {error.msg} (column {error.colno})") from error
        if not isinstance(content, dict):
            raise Refused("bad_body", "body", "must be a JSON object")
        return content
    pairs = parameters_of(request)
    if request.route.startswith("GET "):
        try:
            pairs = pairs_of(request.raw_query.encode("utf-8", "surrogatepass"))
        except FormRefused as error:
            raise Refused("bad_body", "query", str(error)) from error
    return dict(reversed(pairs))


def _call(told: _Told, status: str, direction: str, recording: str | None) -> Reading:
    """What the call itself tells: its state, what its <Dial> came to, its recording, digits that were dialled."""
    is_incoming = _DIRECTIONS.get(direction)
    if is_incoming is None:
        raise Refused("bad_direction", "Direction", "must be inbound, outbound-api or another one of Twilio's")
    caller, called = (told.fields.get(name) for name in ("From", "To"))
    ours, theirs = (called, caller) if is_incoming else (caller, called)
    if _is_app(theirs):
        return Reading(passed_over="app_call")
    number = read_phone(ours)
    if number is None:
        raise Refused("bad_number", "To" if is_incoming else "From", "must be our number")
    code = read_code(told.fields.get("Digits"))
    who: dict[str, Any] = {"number": number, "caller": _phone(theirs), "is_incoming": is_incoming}
    dialled = str(told.fields.get("DialCallStatus") or "").lower()
    events = _dialled(told, dialled, who) if dialled else [_state(told, status, is_incoming)._replace(**who)]
    events[-1] = events[-1]._replace(recording=recording, visitor_code=code)
    is_asking = is_incoming and not dialled and not told.fields.get("CallbackSource")
    is_asking = is_asking and (status in _BEGUN or (status == "in-progress" and bool(told.fields.get("Digits"))))
    asked = Question(number, _phone(theirs), code, told.at + FRESH if told.is_timed else None)
    return Reading(events, asked if is_asking else None)


def _state(told: _Told, status: str, is_incoming: bool) -> CallEvent:
    """`CallStatus`. An incoming call that is in progress is in Twilio's hands, which nobody would call answered."""
    if status in _BEGUN:
        return told.event("state", _FIRST, told.earliest, started_at=told.at)
    if status == "in-progress":
        if is_incoming:
            return told.event("state", _WEAK, told.earliest, started_at=told.at)
        return told.event("state", _ANSWER, told.earliest, answered_at=told.at)
    outcome = _outcome(status, is_incoming)
    if outcome != "answered":
        return told.event("state", _WEAK, started_at=told.at, ended_at=told.at, outcome=outcome)
    seconds = told.seconds("CallDuration")
    begun = told.at - timedelta(seconds=seconds or 0)
    known: dict[str, Any] = {"started_at": begun, "ended_at": told.at, "outcome": outcome, "talk_seconds": seconds}
    if is_incoming:
        return told.event("state", _END if told.is_timed and seconds is not None else _WEAK, **known)
    # Seconds of an outgoing call run from the answer: its start is rather what an earlier event told.
    return told.event("state", _WEAK, **known, answered_at=begun)


def _dialled(told: _Told, status: str, who: Mapping[str, Any]) -> list[CallEvent]:
    """What a <Dial> came to, and about when the call began, in case that nothing else tells it."""
    if status not in _ENDS:
        raise Refused("bad_event", "DialCallStatus", "must be completed, busy, no-answer, failed or canceled")
    outcome = _outcome(status, who["is_incoming"])
    seconds = told.seconds("DialCallDuration") if outcome == "answered" else None
    begun = told.event("dial began", _WEAK, started_at=told.at - timedelta(seconds=seconds or 0), **who)
    return [begun, told.event("dial", _LEG, int(outcome == "answered"), outcome=outcome, talk_seconds=seconds)]


def _leg(told: _Told, status: str) -> Reading:
    """A child call: the leg to the operator. Of several legs the one that was answered counts."""
    if status in _BEGUN:
        return Reading(passed_over="leg_rings")
    name = _APP.match(str(told.fields.get("To") or ""))
    operator = read_text(name[2]) if name and read_phone(name[2]) is None else None
    if status == "in-progress":
        return Reading([told.event("leg", _LEG, told.earliest, answered_at=told.at, answered_by=operator)])
    outcome = _outcome(status, True)
    if outcome != "answered":
        return Reading([told.event("leg", _LEG, outcome=outcome)])
    talk = told.seconds("CallDuration")
    return Reading([told.event("leg", _LEG, 1, outcome=outcome, talk_seconds=talk, answered_by=operator)])


def _outcome(status: str, is_incoming: bool) -> Outcome:
    outcome = _ENDS[status]
    return "missed" if outcome == "abandoned" and not is_incoming else outcome  # it was us who hung up


def _status(fields: Mapping[str, Any]) -> str:
    status = str(fields.get("CallStatus") or "").lower()
    if status not in (*_BEGUN, "in-progress", *_ENDS):
        raise Refused("bad_event", "CallStatus", "must be one of Twilio's states of a call")
    return status


def _timestamp(heard: Heard, fields: Mapping[str, Any]) -> datetime | None:
    """RFC 2822, as in `Mon, 12 Oct 2026 07:55:35 +0000`."""
    text = str(fields.get("Timestamp") or "").strip()
    if not text:
        return None
    try:
        at = datetime.strptime(text, "%a, %d %b %Y %H:%M:%S %z")
    except ValueError as error:
        raise Refused("bad_time", "Timestamp", "must be like Mon, 12 Oct 2026 07:55:35 +0000") from error
    instant = read_time(at.isoformat(), "Timestamp", heard.now, heard.zone)
    if instant:
        check_age(instant, "Timestamp", heard.now)
    return instant


def _phone(text: object) -> str | None:
    """The other side; a state written on the keys is nobody's number."""
    digits = str(text or "").strip().removeprefix("+")
    return None if digits in _HIDDEN else read_phone(text)


def _is_app(text: object) -> bool:
    """Whether the other side is an employee's browser or desk phone, not a client: an address without a phone in it."""
    found = _APP.match(str(text or ""))
    return found is not None and read_phone(text) is None and found[2].lower() not in _HIDDEN_NAMES


def _reply(reply: Reply) -> Response:
    """<Response/>, with a <Dial> where a route was found. It tells us its result at `action`: who spoke, and how long.

    NotFound where the call asked and no route is known: an empty <Response/> would hang up on the caller, an error makes Twilio ask
    the number's fallback address.
    """
    found, verb = reply.found, ""
    if reply.reading.question and not (found and found.route):
        raise NotFound("no route is known for this call: Twilio goes on with the number's fallback address")
    if found and found.route:
        address = f"{public_address(reply.heard.request, reply.heard.own)}?step=dial"
        phone = read_phone(found.route)
        to = f"<Number>{phone}</Number>" if phone else f"<Sip>{escape('sip:' + found.route.removeprefix('sip:'))}</Sip>"
        verb = f'<Dial callerId="{escape(found.number)}" action="{escape(address)}">{to}</Dial>'
    body = f'<?xml version="1.0" encoding="UTF-8"?>\n<Response>{verb}</Response>' if verb else "<Response/>"
    return response(200, body, "text/xml", {"cache-control": "no-store"})


TWILIO = Adapter(
    name="twilio", setting="twilio", has_token=False, verify=check_twilio, read=_read, reply=_reply,
    content_type="application/x-www-form-urlencoded", suffix="form", answers_within=8.0, known_days=HISTORY_DAYS,
)  # fmt: skip
