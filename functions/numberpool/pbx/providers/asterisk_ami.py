"""Events of Asterisk's Manager Interface → parts of calls. Pure.

One call has several channels. All have its `Linkedid`, which is the `Uniqueid` of the first one; the call ends with that one's
Hangup. The number that was dialled is the first channel's `Exten` when it is made: the dialplan changes it later.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from functions.numberpool.pbx.event import CallEvent
from functions.numberpool.pbx.providers.asterisk_sides import (
    CAUSES,
    RESULTS,
    Lines,
    Sides,
    began,
    extension_of,
    heard_at,
    sides_of,
)
from functions.numberpool.pbx.providers.bodies import value_of
from functions.numberpool.pbx.reading import read_code, read_id, read_phone
from shared.times import to_millis

# Weights: who calls whom is known best when the first channel is made; how it went, by Dial, then by the hang-up.
HUNG_UP, DIALLING, TOLD_BY_DIALPLAN, MADE, LINE_TOLD, DIALLED, ANSWERED = 1, 3, 4, 5, 6, 7, 9
WEIGHTS = {"Hangup": HUNG_UP, "DialBegin": DIALLING, "UserEvent": TOLD_BY_DIALPLAN, "Newchannel": MADE}


def event_of_ami(sent: Mapping[str, Any], lines: Lines, now: datetime) -> CallEvent | str:
    """The part of a call, or why the event is passed over: `other_event`, `other_channel`, `internal`, `unclear`.

    `UserEvent` counts with FROM_DID (the number) and CALLERID, as MikoPBX's Interception has them, and CODE: digits that the caller
    dialled. Refused without `Linkedid` and `at`.
    """
    told = {name: value_of(value) for name, value in sent.items()}
    kind = str(told["Event"])
    if kind not in WEIGHTS and kind != "DialEnd":
        return "other_event"
    linked_id = read_id(told.get("Linkedid") or told.get("DestLinkedid"), "Linkedid")
    if kind != "DialEnd" and told.get("Uniqueid") != linked_id:
        return "other_channel"
    at = heard_at(told.get("at"), "at", now)
    event = CallEvent(linked_id, "", (WEIGHTS.get(kind, DIALLED), to_millis(at)), started_at=began(linked_id, now))
    if kind == "DialEnd":
        return _dialled(told, event, at)
    if kind == "UserEvent":
        return _told_by_dialplan(told, event)
    return _with_sides(told, event, kind, lines, at)


def _dialled(told: Mapping[str, Any], event: CallEvent, at: datetime) -> CallEvent | str:
    """A leg's result. Of several answers (transfers) the first one counts."""
    outcome = RESULTS.get(str(told.get("DialStatus")))
    if outcome is None:
        return "other_event"
    if outcome != "answered":
        return event._replace(outcome=outcome)
    who = extension_of(told.get("DestCallerIDNum"))
    return event._replace(order=(ANSWERED, -to_millis(at)), outcome=outcome, answered_at=at, answered_by=who)


def _told_by_dialplan(told: Mapping[str, Any], event: CallEvent) -> CallEvent | str:
    number, caller, code = read_phone(told.get("FROM_DID")), read_phone(told.get("CALLERID")), read_code(told.get("CODE"))
    if not number and not code:
        return "other_event"
    is_incoming = True if number else None
    return event._replace(number=number, caller=caller if number else None, is_incoming=is_incoming, visitor_code=code)


def _with_sides(told: Mapping[str, Any], event: CallEvent, kind: str, lines: Lines, at: datetime) -> CallEvent | str:
    is_first = kind == "Newchannel"
    sides = sides_of(told.get("Exten"), told.get("CallerIDNum"), told.get("Context"), lines, is_first=is_first)
    if sides == "internal" or (isinstance(sides, str) and kind != "Hangup"):
        return str(sides)
    if isinstance(sides, Sides):
        weight = LINE_TOLD if sides.is_line_told else event.order[0]
        event = event._replace(
            order=(weight, event.order[1]), number=sides.number, caller=sides.caller, is_incoming=sides.is_incoming
        )
    if is_first:
        return event._replace(started_at=event.started_at or at)
    if kind == "Hangup":
        # Its weight stays the hang-up's: what Dial told of the course counts over the cause.
        order = (HUNG_UP, to_millis(at))
        return event._replace(order=order, ended_at=at, outcome=CAUSES.get(str(told.get("Cause"))))
    return event
