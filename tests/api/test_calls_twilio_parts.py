"""Twilio tells of calls: what their parts come to, where they are put through, what is refused."""

from __future__ import annotations

from datetime import datetime, timedelta
from email.utils import format_datetime
from itertools import permutations
from typing import Any

import pytest

from functions.numberpool.pbx.event import Call, CallEvent
from functions.numberpool.pbx.providers.twilio import TWILIO
from tests.api.numbers_door import Numbers
from tests.api.signed_calls import (
    STORY_CALLS,
    at,
    call_from,
    check_story,
    content,
    events_of,
    forget_calls,
    holds,
    latest,
    open_door,
    read,
    rejected,
)
from tests.api.test_calls_twilio import COMPLETED, NOW, TOKEN, URL, sent
from tests.api.test_calls_twilio import numbers as numbers  # the fixture

SID = COMPLETED["CallSid"]
CHILD = "CA00000000000000000000000000000leg"


def stamp(moment: datetime) -> str:
    return format_datetime(moment)


def told(client: str, sid: str, **fields: str) -> dict[str, str]:
    """A body about a client's call."""
    call = STORY_CALLS[client]
    return {"CallSid": sid, "Direction": "inbound", "From": call["from"], "To": call["to"], **fields}


def moments(client: str, sid: str) -> list[tuple[datetime, dict[str, str]]]:
    """What Twilio tells of a client's call, and when: it rings, is put through with <Dial>, ends."""
    call = STORY_CALLS[client]
    start, end, is_answered = at(call["start"]), at(call["end"]), call["answered"]
    dialled = (
        {"DialCallStatus": "completed", "DialCallDuration": str(call["talk_s"])} if is_answered else {"DialCallStatus": "no-answer"}
    )
    length = str(int((end - start).total_seconds()))
    return [
        (start, told(client, sid, CallStatus="ringing")),
        (end, told(client, sid, CallStatus="in-progress", **dialled)),
        (end + timedelta(seconds=1), told(client, sid, CallStatus="completed", CallDuration=length, Timestamp=stamp(end))),
    ]


def leg(status: str, moment: datetime, sid: str = CHILD, **fields: str) -> dict[str, str]:
    """The child call to an operator."""
    ends = {"Direction": "outbound-dial", "From": "+74950000031", "To": "sip:op214@kvartal.example"}
    return {"CallSid": sid, "ParentCallSid": SID, "CallStatus": status, "Timestamp": stamp(moment), **ends, **fields}


def post(numbers: Numbers, fields: dict[str, str]) -> dict[str, Any]:
    answer = numbers.call(sent(fields))
    assert answer["statusCode"] == 200, answer["body"]
    return answer


def take(numbers: Numbers, fields: dict[str, str]) -> None:
    """The event is stored; of a voice request that no route fits Twilio's fallback address hears."""
    wanted = 404 if fields.get("CallStatus") == "ringing" else 200
    assert numbers.call(sent(fields))["statusCode"] == wanted


def call_told(*bodies: dict[str, str]) -> Any:
    known = call_from(events_of([read(TWILIO, sent(fields), NOW) for fields in bodies]))
    assert known
    return known


# --- what the parts come to ------------------------------------------------------------------------------------------------------


def test_the_storys_clients_are_found_by_their_numbers(numbers: Numbers) -> None:
    """B's ring is told as it comes; that the call ended tells how long he waited."""
    for client, sid in (("A", SID), ("B", "CA-b"), ("D", "CA-d")):
        call = STORY_CALLS[client]
        holds(numbers, client, call["to"], at(call["start"]))
        for moment, fields in moments(client, sid):
            numbers.now = moment
            take(numbers, fields)
    for fields in (leg("in-progress", at(STORY_CALLS["A"]["answer"])), leg("completed", NOW, CallDuration="194")):
        post(numbers, fields)
    check_story(latest(numbers, SID), "A", wait=14)
    assert (latest(numbers, SID)["outcome"], latest(numbers, SID)["answered_by"]) == ("answered", "op214")
    check_story(latest(numbers, "CA-b"), "B", wait=37)
    assert latest(numbers, "CA-b")["outcome"] == "missed"
    check_story(latest(numbers, "CA-d"), "D")


def test_the_example_of_a_status_callback_alone_counts_the_whole_call_as_talk(numbers: Numbers) -> None:
    holds(numbers, "A", "+74950000031", at(STORY_CALLS["A"]["start"]))
    numbers.now = NOW
    post(numbers, COMPLETED)
    check_story(latest(numbers, SID), "A", talk=208)


def parts() -> list[tuple[datetime, dict[str, str]]]:
    """All that may be told of A's call, with two operators who are rung at once."""
    answered, end = at(STORY_CALLS["A"]["answer"]), at(STORY_CALLS["A"]["end"])
    return [
        *moments("A", SID),
        (answered, leg("in-progress", answered)),
        (answered, leg("canceled", answered, "CA-other")),
        (end, leg("completed", end, CallDuration="194")),
        (NOW, {"CallSid": SID, "RecordingUrl": "https://api.twilio.com/2010-04-01/Recordings/RE1", "RecordingStatus": "completed"}),
    ]


def test_every_order_of_a_calls_events_tells_the_same_call() -> None:
    events: list[CallEvent] = events_of([read(TWILIO, sent(fields), moment) for moment, fields in parts()])
    assert len(events) == 8
    (known,) = {call_from([*order, order[0]]) for order in permutations(events)}
    assert known
    assert (known.outcome, known.wait_seconds, known.talk_seconds, known.answered_by) == ("answered", 14, 194, "op214")
    assert (known.started_at, known.recording) == (
        at(STORY_CALLS["A"]["start"]),
        "https://api.twilio.com/2010-04-01/Recordings/RE1",
    )


def test_the_record_is_the_same_for_every_order_of_arrival(numbers: Numbers) -> None:
    """Each arrives when Twilio sent it, by clocks of machines that disagree on what comes first."""
    holds(numbers, "A", "+74950000031", at(STORY_CALLS["A"]["start"]))
    records = []
    for order in list(permutations(parts()))[::700]:
        forget_calls(numbers)
        for moment, fields in order:
            numbers.now = moment
            take(numbers, fields)
        records.append(content(latest(numbers, SID)))
    assert all(record == records[0] for record in records)
    check_story(records[0], "A", wait=14)


END = NOW - timedelta(seconds=1)
RINGING = told("A", SID, CallStatus="ringing", Timestamp=stamp(END - timedelta(seconds=30)))


def every_order(*bodies: dict[str, str]) -> Call:
    events = events_of([read(TWILIO, sent(fields), NOW) for fields in bodies])
    (known,) = {call_from(order) for order in permutations(events)}
    assert known
    return known


def test_of_several_tries_the_one_that_was_answered_counts() -> None:
    tries = [
        {"DialCallSid": "1", "DialCallStatus": "no-answer"},
        {"DialCallSid": "2", "DialCallStatus": "completed", "DialCallDuration": "9"},
    ]
    known = every_order(RINGING, *(told("A", SID, CallStatus="in-progress", **dialled) for dialled in tries))
    assert (known.outcome, known.talk_seconds) == ("answered", 9)


def test_of_several_legs_the_first_answer_ends_the_wait() -> None:
    known = every_order(RINGING, leg("in-progress", END - timedelta(seconds=20)), leg("in-progress", END, "CA-other"))
    assert known.wait_seconds == 10


def test_a_call_begins_with_the_first_that_is_told_of_it() -> None:
    begun = [told("A", SID, CallStatus=s, Timestamp=stamp(END - timedelta(seconds=n))) for s, n in (("queued", 9), ("ringing", 5))]
    assert every_order(*begun, told("A", SID, CallStatus="ringing")).started_at == END - timedelta(seconds=9)


def test_the_end_and_the_length_tell_the_start_better_than_our_clock_does() -> None:
    ringing = {name: value for name, value in RINGING.items() if name != "Timestamp"}
    assert every_order(ringing, COMPLETED).started_at == at(STORY_CALLS["A"]["start"])


@pytest.mark.parametrize(
    ("fields", "outcome", "talk", "wait"),
    [
        ({"CallStatus": "no-answer"}, "missed", 0, 30), ({"CallStatus": "busy"}, "busy", 0, 30),
        ({"CallStatus": "canceled"}, "abandoned", 0, 30), ({"CallStatus": "failed"}, "failed", 0, 30),
        ({"CallStatus": "completed", "CallDuration": "30"}, "answered", 30, None),
        ({"CallStatus": "in-progress"}, None, 0, None),
        ({"CallStatus": "in-progress", "DialCallStatus": "answered", "DialCallDuration": "9"}, "answered", 9, None),
        ({"CallStatus": "completed", "DialCallStatus": "busy"}, "busy", 0, None),
        ({"CallStatus": "completed", "DialCallStatus": "canceled"}, "abandoned", 0, None),
        ({"CallStatus": "completed", "DialCallStatus": "completed"}, "answered", None, None),
    ],
)  # fmt: skip
def test_a_state_says_how_the_call_ended(fields: dict[str, str], outcome: str | None, talk: int, wait: int | None) -> None:
    known = call_told(RINGING, told("A", SID, Timestamp=stamp(END), **fields))
    assert (known.outcome, known.talk_seconds, known.wait_seconds) == (outcome, talk, wait)


def test_an_outgoing_calls_seconds_run_from_its_answer() -> None:
    ends = {"Direction": "outbound-api", "From": "+74950000010", "To": "+79000000042"}
    begun = told("B", "CA-out", CallStatus="initiated", Timestamp=stamp(END - timedelta(seconds=80))) | ends
    ended = told("B", "CA-out", CallStatus="completed", CallDuration="60", Timestamp=stamp(END)) | ends
    known = call_told(begun, ended)
    assert (known.is_incoming, known.number, known.talk_seconds, known.wait_seconds) == (False, "+74950000010", 60, 20)
    assert call_told(begun, ended | {"CallStatus": "canceled"}).outcome == "missed"


@pytest.mark.parametrize(
    "caller",
    ["+266696687", "266696687", "+7378742833", "+2562533", "+8656696", "+86282452253", "anonymous", ""
    , "sip:anonymous@carrier.example"],
)  # fmt: skip
def test_a_withheld_caller_is_a_call_of_nobody_known(numbers: Numbers, caller: str) -> None:
    post(numbers, {**COMPLETED, "From": caller})
    assert numbers.stored()[0].get("phone_hash") is None


def test_sip_addresses_of_phones_are_read_as_phones() -> None:
    known = call_told({**COMPLETED, "From": "sip:+79000000017@carrier.example;user=phone", "To": "sip:74950000031@kvartal.example"})
    assert (known.number, known.caller_hash) == ("+74950000031", "+79000000017")


# --- where a call goes -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("to", "where"),
    [
        ("+74950000010", "<Number>+74950000010</Number>"), ("84950000010", "<Number>+74950000010</Number>"),
        ("op214", "<Sip>sip:op214</Sip>"), ("214", "<Sip>sip:214</Sip>"),
    ],
)  # fmt: skip
def test_a_ringing_call_is_put_through(numbers: Numbers, to: str, where: str) -> None:
    open_door(numbers, "twilio", TOKEN, [{"to": to}])
    numbers.now = END
    answer = post(numbers, RINGING)
    assert answer["headers"]["content-type"] == "text/xml"
    assert answer["body"] == (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<Response><Dial callerId="+74950000031" action="{URL}?step=dial">{where}</Dial></Response>'
    )


def test_a_call_without_a_route_goes_on_with_the_fallback_address(numbers: Numbers) -> None:
    """An empty <Response/> would hang up on the caller; of an error Twilio asks the number's fallback address."""
    open_door(numbers, "twilio", TOKEN, [{"to": "+74950000010", "sources": ["nobody"]}])
    numbers.now = END
    assert numbers.call(sent(RINGING))["statusCode"] == 404
    assert len(numbers.stored()) == 1, "the call is stored all the same"


def test_digits_that_the_caller_dialled_are_his_code(numbers: Numbers) -> None:
    open_door(numbers, "twilio", TOKEN, [{"to": "+74950000010"}])
    fields = told("A", SID, CallStatus="in-progress", Digits="123456")
    reading = read(TWILIO, sent(fields), NOW)
    assert reading.question
    assert (reading.question.code, reading.events[0].visitor_code) == ("123456", "123456")
    assert "<Dial" in post(numbers, fields)["body"]


@pytest.mark.parametrize(
    "fields",
    [
        COMPLETED, {**RINGING, "CallbackSource": "call-progress-events"}, {**RINGING, "CallStatus": "in-progress"
        , "DialCallStatus": "busy"},
        {**RINGING, "Direction": "outbound-api"}, {**RINGING, "CallStatus": "in-progress"},
    ],
    ids=["ended", "status callback", "after the dial", "outgoing", "in progress"],
)  # fmt: skip
def test_nothing_else_is_put_through(numbers: Numbers, fields: dict[str, str]) -> None:
    open_door(numbers, "twilio", TOKEN, [{"to": "+74950000010"}])
    assert post(numbers, fields)["body"] == "<Response/>"


def test_the_result_of_a_dial_comes_back_to_the_public_address(numbers: Numbers) -> None:
    open_door(numbers, "twilio", TOKEN, [{"to": "+74950000010"}], url="https://kvartal.example/in/twilio/kvartal")
    numbers.now = END
    answer = numbers.call(sent(RINGING, url="https://kvartal.example/in/twilio/kvartal"))
    assert 'action="https://kvartal.example/in/twilio/kvartal?step=dial"' in answer["body"]


# --- what is refused or passed over ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({**COMPLETED, "From": "client:alice", "To": ""}, "app_call"), ({**COMPLETED, "From": "client:alice"}, "app_call"),
        ({**COMPLETED, "From": "sip:op214@kvartal.sip.twilio.com"}, "app_call"), (leg("ringing", END), "leg_rings"),
        ({**COMPLETED, "Direction": "outbound-api", "To": "client:alice"}, "app_call"), ({"MessageSid": "SM1"}, "not_a_call"),
        ({"CallSid": SID, "SpeechResult": "door"}, "not_a_call"),
        ({"CallSid": SID, "RecordingSid": "RE1", "RecordingStatus": "absent"}, "not_recorded"),
        ({"CallSid": SID, "RecordingUrl": "https://x.example/1", "RecordingStatus": "failed"}, "not_recorded"),
    ],
)  # fmt: skip
def test_what_is_no_clients_call_is_passed_over(fields: dict[str, str], reason: str) -> None:
    reading = read(TWILIO, sent(fields), NOW)
    assert (reading.passed_over, reading.events) == (reason, ())


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"CallSid": ""}, "bad_id"), ({"CallSid": "C" * 101}, "bad_id"), ({"CallStatus": "asleep"}, "bad_event"),
        ({"DialCallStatus": "asleep"}, "bad_event"), ({"Direction": ""}, "bad_direction"), ({"To": ""}, "bad_number"),
        ({"To": "sip:shop@kvartal.example"}, "bad_number"), ({"Timestamp": "2026-10-12T07:55:35Z"}, "bad_time"),
        ({"Timestamp": "Mon, 12 Oct 2026 09:55:35 +0000"}, "in_future"),
        ({"Timestamp": "Mon, 12 Oct 1998 07:55:35 +0000"}, "too_old"),
        ({"CallDuration": "long"}, "bad_duration"), ({"CallDuration": "9" * 30}, "bad_duration"),
        ({"CallDuration": "-1"}, "bad_duration"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_rejected_with_its_reason(numbers: Numbers, changes: dict[str, str], reason: str) -> None:
    assert numbers.call(sent({**COMPLETED, **changes}))["statusCode"] == 400
    assert rejected(numbers, "twilio") == [reason]
    assert (numbers.items("call#"), numbers.stored()) == ([], [])
