"""The event that a telephony sends at the end of a call, in the generic shape of /v1/calls/generic. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any


def call_ended(
    call_id: str, number: str, caller: str, started_at: datetime, wait_seconds: int, talk_seconds: int | None
) -> dict[str, Any]:
    """An incoming call to `number` (E.164) by `caller` (E.164); `talk_seconds` is None where nobody answered."""
    answered_at = None if talk_seconds is None else started_at + timedelta(seconds=wait_seconds)
    ended_at = started_at + timedelta(seconds=wait_seconds + (talk_seconds or 0))
    session = {"email": "op214@teplodom.example", "end_time": _text(ended_at), "duration": talk_seconds or 0}
    return {
        "call_id": call_id,
        "our_number": f"00{number.removeprefix('+')}",
        "client_number": f"00{caller.removeprefix('+')}",
        "is_outgoing": 0,
        "start_time": _text(started_at),
        "agent_answer_time": answered_at and _text(answered_at),
        "hangup_time": _text(ended_at),
        "duration": talk_seconds or 0,
        "onhold_duration": 0,
        "user_data": None,
        "session_data": [{**session, "connected_time": _text(answered_at)}] if answered_at else [],
    }


def _text(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds")
