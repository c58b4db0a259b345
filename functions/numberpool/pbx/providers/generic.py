"""The generic door: one signed JSON object at a call's end, the common denominator of telephonies (docs/operations.md).

Signed with Standard Webhooks. The latest event of a call to arrive counts, even where it goes back to what was told first.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import orjson

from functions.numberpool.pbx.adapter import Adapter, Heard, Reading, Refused
from functions.numberpool.pbx.event import CallEvent, by_content
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
from shared.errors import BadInput
from shared.http import Request
from shared.log import count
from shared.secrets import Secrets
from shared.signed import check_signed

DOOR = "calls-generic"


def _verify(request: Request, site: Mapping[str, Any], secrets: Secrets, rest: str) -> str:
    return check_signed(request, secrets, f"{site['site_id']}/{DOOR}", DOOR, request.body)


def _read(heard: Heard) -> Reading:
    """No `agent_answer_time` means missed: it has no talk, whatever `duration` says. Wait: from the start to the answer, or to the
    end of a missed call (None where the end is not told). Talk: `duration`, else from the answer to the end."""
    body = _object(heard.request.body)
    call_id, number = read_id(body.get("call_id")), read_number(body.get("our_number"), "our_number")
    is_outgoing = read_flag(body.get("is_outgoing"))
    if is_outgoing is None:
        raise Refused("bad_direction", "is_outgoing", "must be 0 (incoming) or 1 (outgoing)")
    started, answered, ended = (
        read_time(body.get(name), name, heard.now, None) for name in ("start_time", "agent_answer_time", "hangup_time")
    )
    if started is None:
        raise Refused("bad_time", "start_time", "is needed")
    _check_order(started, answered, ended)
    first = answered or ended
    event = CallEvent(
        call_id=call_id,
        event_id="",
        number=number,
        caller=read_phone(body.get("client_number")),
        is_incoming=not is_outgoing,
        started_at=started,
        answered_at=answered,
        ended_at=ended,
        outcome="answered" if answered else "missed",
        wait_seconds=int((first - started).total_seconds()) if first else None,
        talk_seconds=_talk(body.get("duration"), answered, ended) if answered else 0,
        answered_by=read_text(body.get("answered_by")) if answered else None,
        recording=read_text(body.get("recording"), MOST_RECORDING),
        visitor_code=read_code(body.get("visitor_code")),
        is_whole=True,
    )
    return Reading([by_content(event, heard.proof)])


def _object(body: bytes) -> dict[str, Any]:
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        count({"Refused": 1}, Door=DOOR, Reason="bad_json")
        raise BadInput(f"the body is not valid JSON: {error.msg} (line {error.lineno}, column {error.colno})") from error
    if not isinstance(content, dict):
        count({"Refused": 1}, Door=DOOR, Reason="bad_json")
        raise BadInput("the body must be a JSON object, one call")
    return content


def _check_order(started: datetime, answered: datetime | None, ended: datetime | None) -> None:
    if answered is not None and answered < started:
        raise Refused("bad_time", "agent_answer_time", "is before start_time")
    if ended is not None and ended < (answered or started):
        raise Refused("bad_time", "hangup_time", "is before the start or the answer")


def _talk(value: object, answered: datetime, ended: datetime | None) -> int:
    told = read_seconds(value, "duration")
    if told is not None:
        return told
    if ended is None:
        raise Refused("bad_duration", "duration", "is needed where hangup_time is not told")
    return int((ended - answered).total_seconds())


GENERIC = Adapter(name="generic", setting="", has_token=False, verify=_verify, read=_read)
