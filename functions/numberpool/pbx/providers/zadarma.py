"""Zadarma: a form for each step of a call, signed over three of its fields; the answer may say where the call goes.

The signature covers the fields of `_SIGNED` only, written one after the other; the rest of a body is as good as the line that it
came by. It has no time of sending: a body that comes again changes nothing and is answered nothing (proofs.py). No event tells when
a call was answered, and `duration` is taken for seconds of talk, so the wait of a call stays unknown. Without `pbx_call_id` a call
is known by its start, caller and number.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import orjson

from functions.numberpool.pbx.adapter import Adapter, Heard, Question, Reading, Refused, Reply, refused
from functions.numberpool.pbx.event import CallEvent, Outcome, by_content
from functions.numberpool.pbx.proofs import FRESH, check_age, fits, form_of, key_pairs
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
from shared.http import Request, Response, json_response, response
from shared.secrets import Secrets

DOOR = "calls-zadarma"
_IN, _OUT = ("caller_id", "called_did", "call_start"), ("internal", "destination", "call_start")
_SIGNED: Mapping[str, tuple[str, ...]] = {
    "NOTIFY_START": _IN,
    "NOTIFY_IVR": _IN,
    "NOTIFY_INTERNAL": _IN,
    "NOTIFY_ANSWER": ("caller_id", "destination", "call_start"),
    "NOTIFY_END": _IN,
    "NOTIFY_OUT_START": _OUT,
    "NOTIFY_OUT_END": _OUT,
    "NOTIFY_RECORD": ("pbx_call_id", "call_id_with_rec"),
}
_OUTCOMES: Mapping[str, Outcome] = {
    "answered": "answered",
    "busy": "busy",
    "cancel": "abandoned",
    "no answer": "missed",
    **dict.fromkeys(
        (
            "failed", "no money", "unallocated number", "no limit", "no day limit", "line limit", "no money, no limit",
        ),
        "failed",
    ),
}  # fmt: skip
_RINGING, _UNSURE, _ANSWERED, _ENDED, _BESIDE = range(1, 6)  # weights
# For so long after a call's start it may be asked about: when it rings, and when the caller dialled something in a menu.
_RINGS: Mapping[str, timedelta] = {"NOTIFY_START": FRESH, "NOTIFY_IVR": timedelta(minutes=5)}
_ECHO = re.compile(r"[A-Za-z0-9_.-]{1,100}")
_DIGITS = re.compile(r"0|[1-9][0-9]{0,17}")


def _greet(request: Request) -> Response | None:
    """The look whether the address is ours. Only what no browser could take for anything but text is given back."""
    echo = request.query.get("zd_echo", "")
    return response(200, echo, "text/plain") if request.route.startswith("GET ") and _ECHO.fullmatch(echo) else None


def _fields(body: bytes) -> dict[str, str]:
    return dict(form_of(body, DOOR))


def _verify(request: Request, site: Mapping[str, Any], secrets: Secrets, rest: str) -> str:
    """The signature is base64 of the hex text. A raw plus is decoded to a space; no signed value begins with one, so it was a
    plus."""
    told, given = _fields(request.body), request.headers.get("signature", "")
    names = _SIGNED.get(told.get("event", ""), _IN)
    values = [told.get(name, "") for name in names]
    text = "".join("+" + value[1:] if value.startswith(" ") else value for value in values).encode()
    wanted = [hmac.new(key.encode(), text, hashlib.sha1).hexdigest() for _, key in key_pairs(secrets, site, DOOR, request.now)]
    if not fits(given, [base64.b64encode(one.encode()).decode() for one in wanted]):
        raise refused(DOOR, "signature", "the header Signature fits none of the site's secrets")
    return given


def _read(heard: Heard) -> Reading:
    told = _fields(heard.request.body)
    kind = told.get("event", "")
    if kind not in _SIGNED:
        return Reading(passed_over="other_event")
    if kind == "NOTIFY_RECORD":
        recording = read_text(told.get("call_id_with_rec"), MOST_RECORDING)
        if recording is None:
            raise Refused("bad_id", "call_id_with_rec", "must be text")
        event = CallEvent(read_id(told.get("pbx_call_id"), "pbx_call_id"), "", (_BESIDE, 0), recording=recording)
        return Reading([by_content(event, kind)])
    at = read_time(told.get("call_start"), "call_start", heard.now, heard.zone)
    if at is None:
        raise Refused("bad_time", "call_start", "is needed, in the time zone of the settings calls.zadarma.time_zone")
    check_age(at, "call_start", heard.now)
    return _outgoing(kind, told, at) if kind.startswith("NOTIFY_OUT") else _incoming(kind, told, at)


def _incoming(kind: str, told: Mapping[str, str], at: datetime) -> Reading:
    caller = read_phone(told.get("caller_id"))
    if kind == "NOTIFY_ANSWER":
        if not told.get("pbx_call_id"):
            return Reading(passed_over="no_call_id")  # it does not tell the number, so nothing says whose answer it is
        answered_by = read_text(told.get("internal") or told.get("destination"))
        event = CallEvent(
            _id(told, at, caller, None), "", (_ANSWERED, 0), caller=caller, is_incoming=True, started_at=at,
            outcome="answered", answered_by=answered_by,
        )  # fmt: skip
        return Reading([by_content(event, kind)])
    number = read_number(told.get("called_did"), "called_did")
    code = _dialled(told) if kind == "NOTIFY_IVR" else None
    event = CallEvent(
        _id(told, at, caller, number), "", (_RINGING, 0), number=number, caller=caller, is_incoming=True, started_at=at,
        visitor_code=code,
    )  # fmt: skip
    if kind == "NOTIFY_END":
        event = _ended(event, told)
    rings = _RINGS.get(kind)
    return Reading([by_content(event, kind)], Question(number, caller, code, at + rings) if rings else None)


def _outgoing(kind: str, told: Mapping[str, str], at: datetime) -> Reading:
    """Our number is told at the end only, so an outgoing call is known from then on."""
    client = read_phone(told.get("destination"))
    if client is None:
        return Reading(passed_over="internal")
    number = read_phone(told.get("caller_id"))
    if kind == "NOTIFY_OUT_END" and number is None:
        raise Refused("bad_number", "caller_id", "must be our number: set the numbers of the extensions in Zadarma")
    event = CallEvent(
        _id(told, at, client, None), "", (_RINGING, 0), number=number, caller=client, is_incoming=False, started_at=at,
    )  # fmt: skip
    return Reading([by_content(_ended(event, told) if kind == "NOTIFY_OUT_END" else event, kind)])


def _ended(event: CallEvent, told: Mapping[str, str]) -> CallEvent:
    """How it ended. `hangup`, and words that we do not know, do not say whether anybody answered: seconds do, and the event of an
    answer outweighs their absence. Of an outgoing call that ended unanswered it was us who hung up, not a client who gave up."""
    seconds = read_seconds(told.get("duration"), "duration")
    outcome = _OUTCOMES.get(told.get("disposition", "").strip().lower())
    weight = _ENDED if outcome else _UNSURE
    if outcome is None:
        outcome = "answered" if seconds else "missed"
    elif outcome == "abandoned" and not event.is_incoming:
        outcome = "missed"
    is_answered = outcome == "answered"
    return event._replace(
        order=(weight, None),
        outcome=outcome,
        talk_seconds=seconds if is_answered else None,
        answered_by=read_text(told.get("internal")) if is_answered else None,
        recording=read_text(told.get("call_id_with_rec"), MOST_RECORDING) if read_flag(told.get("is_recorded")) else None,
    )


def _id(told: Mapping[str, str], at: datetime, caller: str | None, number: str | None) -> str:
    if told.get("pbx_call_id"):
        return read_id(told["pbx_call_id"], "pbx_call_id")
    return " ".join((at.isoformat(), caller or "hidden", number or told.get("internal", "")))[:100]


def _dialled(told: Mapping[str, str]) -> str | None:
    """What the caller dialled in a menu, if it can be a visitor's code: PHP's brackets, or JSON in one field."""
    if "wait_dtmf[digits]" in told:
        return read_code(told["wait_dtmf[digits]"])
    try:
        menu = orjson.loads(told.get("wait_dtmf", ""))
    except orjson.JSONDecodeError:
        return None
    return read_code(menu.get("digits")) if isinstance(menu, dict) else None


def _reply(reply: Reply) -> Response:
    """Where the call goes (an extension as a number), and the line for the operator's screen."""
    answer: dict[str, Any] = {}
    if reply.found and reply.found.route:
        route = reply.found.route
        answer["redirect"] = int(route) if _DIGITS.fullmatch(route) else route
    if reply.found and reply.found.hint():
        answer["caller_name"] = reply.found.hint()
    return json_response(200, answer)


ZADARMA = Adapter(
    name="zadarma", setting="zadarma", has_token=False, verify=_verify, read=_read, reply=_reply, greet=_greet,
    content_type="application/x-www-form-urlencoded", suffix="form",
)  # fmt: skip
