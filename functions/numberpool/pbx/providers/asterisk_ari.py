"""Events of Asterisk's REST Interface → parts of calls: as the poster hears them (infra/asterisk/skvoz_ari.py), or as a Stasis
application posts them. Pure.

The call is the channel that was made first, or entered the application; ARI has no id that joins its legs but the caller of a
`Dial`.
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
from functions.numberpool.pbx.reading import read_id, read_time
from shared.times import to_millis

# The surer an end, the weightier.
ENDS: Mapping[str, int] = {"StasisEnd": 1, "ChannelHangupRequest": 2, "ChannelDestroyed": 3}
# What was dialled is told best by the channel as it was made: the dialplan changes it on the way into an application.
BEGINS: Mapping[str, int] = {"StasisStart": 5, "ChannelCreated": 6}
DIALLED, ANSWERED = 7, 9


def event_of_ari(told: Mapping[str, Any], lines: Lines, now: datetime) -> CallEvent | str:
    """The part of a call, or why the event is passed over. Refused without the channel's id and `timestamp`."""
    kind = str(told["type"])
    if kind == "Dial":
        return _dialled(told, now)
    if kind not in BEGINS and kind not in ENDS:
        return "other_event"
    channel = _object(told, "channel")
    channel_id = read_id(channel.get("id"), "channel.id")
    at = heard_at(told.get("timestamp"), "timestamp", now)
    event = CallEvent(channel_id, "", (ENDS[kind] if kind in ENDS else BEGINS[kind], to_millis(at)))
    if kind in ENDS:
        return event._replace(ended_at=at, outcome=CAUSES.get(str(told.get("cause"))))
    plan, caller = _object(channel, "dialplan"), _object(channel, "caller")
    sides = sides_of(value_of(plan.get("exten")), value_of(caller.get("number")), plan.get("context"), lines, is_first=True)
    if not isinstance(sides, Sides):
        return sides
    # The second in the id is the one of AMI, so that both tell one start.
    made = read_time(channel.get("creationtime"), "channel.creationtime", now, None)
    return event._replace(
        number=sides.number,
        caller=sides.caller,
        is_incoming=sides.is_incoming,
        started_at=began(channel_id, now) or made or at,
    )


def _dialled(told: Mapping[str, Any], now: datetime) -> CallEvent | str:
    """A leg's result; without a caller it was no call of the application's."""
    outcome, caller_id = RESULTS.get(str(told.get("dialstatus"))), _object(told, "caller").get("id")
    if outcome is None or caller_id is None:
        return "other_event"
    at = heard_at(told.get("timestamp"), "timestamp", now)
    event = CallEvent(read_id(caller_id, "caller.id"), "", (DIALLED, to_millis(at)), outcome=outcome)
    if outcome != "answered":
        return event
    who = extension_of(_object(_object(told, "peer"), "caller").get("number"))
    return event._replace(order=(ANSWERED, -to_millis(at)), answered_at=at, answered_by=who)


def _object(told: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = told.get(name)
    return value if isinstance(value, dict) else {}
