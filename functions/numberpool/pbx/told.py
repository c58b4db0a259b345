"""One call as a PBX tells it (`POST /v1/calls/generic/{site}`) → its fields in our terms. Pure.

PBXs differ in small things: numbers come as `00…`, `8…`, `+7…`, with the plus decoded to a space, or in a SIP address; flags as
0/1, "0"/"1" or true/false; ids and seconds as text or numbers. What cannot be read refuses the call with a reason; nothing is
guessed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple
from urllib.parse import unquote

from shared.identity import normal_phone
from shared.times import parse_instant

Reason = Literal["bad_id", "bad_number", "bad_direction", "bad_time", "too_old", "in_future", "bad_duration"]

MOST_ID = 100
AHEAD = timedelta(minutes=5)
EARLIEST_YEAR = 2000
MOST_SECONDS = 7 * 86_400
_FLAGS: Mapping[object, bool] = {"0": False, "1": True, "false": False, "true": True}
_CONTROLS = re.compile(r"[\x00-\x1f\x7f]")
_IN_BRACKETS = re.compile(r"<([^<>]*)>")
_SCHEME = re.compile(r"\s*(?:sips?|tel):", re.IGNORECASE)
_AFTER_USER = re.compile(r"[@:;?]")
_LETTER = re.compile(r"[^\W\d_]")


class Refused(Exception):
    """The call is not stored: `reason` is of a closed set (counted), `path` the field, `message` for the sender, without values."""

    def __init__(self, reason: Reason, path: str, message: str) -> None:
        super().__init__(message)
        self.reason, self.path, self.message = reason, path, message


class Told(NamedTuple):
    """A call. `caller`: the other side's phone, E.164; None for a hidden number and for what is no phone (an extension)."""

    call_id: str
    number: str
    caller: str | None
    is_incoming: bool
    started_at: datetime
    is_answered: bool
    wait_seconds: int | None
    talk_seconds: int

    def content(self) -> str:
        """All of it as one text: equal for a repeat, different for a correction."""
        return "\x1f".join(map(str, self))


def read_call(body: Mapping[str, Any], now: datetime) -> Told:
    """Body of the event → call. Raises Refused.

    No `agent_answer_time` means missed: it has no talk, whatever `duration` says. Wait: from the start to the answer, or to the end
    of a missed call (None where the end is not told). Talk: `duration`, else from the answer to the end.
    """
    call_id = _identifier(body.get("call_id"))
    number = read_phone(body.get("our_number"))
    if number is None:
        raise Refused("bad_number", "our_number", "must be the number that was called, best in international form")
    is_outgoing = _flag(body.get("is_outgoing"))
    if is_outgoing is None:
        raise Refused("bad_direction", "is_outgoing", "must be 0 (incoming) or 1 (outgoing)")
    started, answered, ended = (_instant(body, name, now) for name in ("start_time", "agent_answer_time", "hangup_time"))
    if started is None:
        raise Refused("bad_time", "start_time", "is needed")
    _check_order(started, answered, ended)
    first = answered or ended
    talk = _talk(body.get("duration"), answered, ended) if answered else 0
    wait = (first - started) // timedelta(seconds=1) if first else None
    return Told(call_id, number, read_phone(body.get("client_number")), not is_outgoing, started, answered is not None, wait, talk)


def _identifier(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        raise Refused("bad_id", "call_id", "must be text, the same in every event of the call")
    text = str(value).strip()
    if not text or len(text) > MOST_ID or _CONTROLS.search(text):
        raise Refused("bad_id", "call_id", f"must have 1 to {MOST_ID} characters and no control characters")
    return text


def _flag(value: object) -> bool | None:
    return _FLAGS.get(str(value).strip().lower()) if isinstance(value, (str, int)) else None


def read_phone(value: object) -> str | None:
    """Phone in any spelling, or the one in a `sip:` or `tel:` address → E.164; None for a hidden number, an extension, and what is
    no phone at all. Digits of a host, a port or a display name are none of the phone's."""
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        return None
    text = str(value)
    bracket = _IN_BRACKETS.search(text)
    address = _SCHEME.sub("", bracket[1] if bracket else text)
    user = unquote(_AFTER_USER.split(address, maxsplit=1)[0])
    return None if _LETTER.search(user) or _is_ip(user.strip()) else normal_phone(user)


def _is_ip(text: str) -> bool:
    parts = text.split(".")
    return len(parts) == 4 and all(part.isascii() and part.isdigit() and len(part) <= 3 and int(part) < 256 for part in parts)


def _instant(body: Mapping[str, Any], name: str, now: datetime) -> datetime | None:
    value = body.get(name)
    if value is None or value == "":
        return None
    try:
        instant = parse_instant(value)
    except ValueError as error:
        raise Refused("bad_time", name, str(error)) from error
    if instant.year < EARLIEST_YEAR:
        raise Refused("too_old", name, f"a time before the year {EARLIEST_YEAR} cannot be right")
    if instant > now + AHEAD:
        raise Refused("in_future", name, "is more than five minutes ahead of our clock")
    return instant


def _check_order(started: datetime, answered: datetime | None, ended: datetime | None) -> None:
    if answered is not None and answered < started:
        raise Refused("bad_time", "agent_answer_time", "is before start_time")
    if ended is not None and ended < (answered or started):
        raise Refused("bad_time", "hangup_time", "is before the start or the answer")


def _talk(value: object, answered: datetime, ended: datetime | None) -> int:
    if value is None or value == "":
        if ended is None:
            raise Refused("bad_duration", "duration", "is needed where hangup_time is not told")
        return (ended - answered) // timedelta(seconds=1)
    if isinstance(value, str) and value.strip().isascii() and value.strip().isdigit() and len(value) <= 10:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= MOST_SECONDS:
        raise Refused("bad_duration", "duration", f"must be the seconds of talk, 0 to {MOST_SECONDS}")
    return int(value)
