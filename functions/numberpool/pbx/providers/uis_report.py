"""Rows of UIS's report of calls (Data API, get.calls_report) → events of the same calls that the notifications tell of. Pure.

For gaps: UIS promises no repeats of a notification. A row knows more than any notification, so it counts over them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from functions.numberpool.pbx.adapter import Reading, Refused
from functions.numberpool.pbx.event import CallEvent, Outcome, by_content
from functions.numberpool.pbx.reading import (
    MOST_RECORDING,
    read_flag,
    read_id,
    read_number,
    read_phone,
    read_seconds,
    read_text,
    read_time,
)
from shared.times import to_millis

MOST_ROWS = 50  # of a body: each is one or two transactions, and a function lives 15 seconds
REPORT = 9  # weight: over every notification
RECORD_ID, UNPLACED = 0, 0  # ids of records yield to addresses
# Why a call without talk ended; all other reasons are a missed call.
OUTCOMES: Mapping[str, Outcome] = {
    "caller_disconnects": "abandoned", "operator_busy": "busy", "employee_busy": "busy", "operator_channels_busy": "busy",
}  # fmt: skip


def events_of_report(told: object, zone: ZoneInfo, now: datetime) -> Reading:
    """Events of a JSON-RPC answer, of its `result`, or of a bare list of rows; rows that cannot be read are `bad`, the rest is
    told.

    Times without an offset are of `zone`. Refused (bad_body) where there are no rows, or more than MOST_ROWS.
    """
    rows = _rows(told)
    if not rows:
        raise Refused("bad_body", "result.data", "must be a list of calls as get.calls_report tells them")
    if len(rows) > MOST_ROWS:
        raise Refused("bad_body", "result.data", f"has more than {MOST_ROWS} calls; ask UIS for pages (limit: {MOST_ROWS})")
    events, bad = [], []
    for place, row in enumerate(rows):
        try:
            if not isinstance(row, dict):
                raise Refused("bad_event", "row", "must be an object")
            events += [_event(row, zone, now), *_record(row)]
        except Refused as error:
            bad.append(Refused(error.reason, f"result.data[{place}].{error.path}", error.message))
    return Reading(events, bad=bad)


def _rows(told: object) -> Sequence[Any]:
    for name in ("result", "data"):
        told = told.get(name, told) if isinstance(told, dict) else told
    return told if isinstance(told, list) else ()


def _event(row: Mapping[str, Any], zone: ZoneInfo, now: datetime) -> CallEvent:
    call_id, number = read_id(row.get("id"), "id"), read_number(row.get("virtual_phone_number"), "virtual_phone_number")
    if row.get("direction") not in ("in", "out"):
        raise Refused("bad_direction", "direction", "must be in or out")
    started, ended = (read_time(row.get(name), name, now, zone) for name in ("start_time", "finish_time"))
    if started is None:
        raise Refused("bad_time", "start_time", "is needed")
    talk = read_seconds(row.get("talk_duration"), "talk_duration") or 0
    outcome: Outcome = "answered" if talk else OUTCOMES.get(str(row.get("finish_reason")), "missed")
    waited = row.get("wait_duration") if row.get("wait_duration") is not None else row.get("total_wait_duration")
    event = CallEvent(
        call_id=call_id,
        event_id="",
        order=(REPORT, to_millis(ended or started)),
        number=number,
        caller=read_phone(row.get("contact_phone_number")),
        is_incoming=row["direction"] == "in",
        started_at=started,
        ended_at=ended,
        outcome=outcome,
        wait_seconds=read_seconds(waited, "wait_duration"),
        talk_seconds=talk,
        answered_by=_who(row) if talk else None,
        recording=read_text(row.get("full_record_file_link"), MOST_RECORDING),
    )
    return by_content(event)


def _record(row: Mapping[str, Any]) -> Iterator[CallEvent]:
    """That there is a recording, where the row has its id only: an event of its own, so that it yields to an address that a
    notification told."""
    ids = row.get("call_records")
    first = read_text(ids[0], MOST_RECORDING) if isinstance(ids, list) and ids else None
    if first and not row.get("full_record_file_link"):
        call_id = read_id(row.get("id"), "id")
        yield CallEvent(call_id, f"{call_id}\x1frecord\x1f{first}", (RECORD_ID, UNPLACED), recording=first)


def _who(row: Mapping[str, Any]) -> str | None:
    """Name of the last employee who talked."""
    employees = row.get("employees")
    listed = employees if isinstance(employees, list) else []
    talked = [one for one in listed if isinstance(one, dict) and read_flag(one.get("is_talked"))]
    return read_text(talked[-1].get("employee_full_name")) if talked else None
