"""Events of Asterisk, as the poster and Stasis applications send them, through the handler."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import permutations
from typing import Any

import pytest

from infra.asterisk.poster import Frames, body_of, is_needed, stamped
from infra.asterisk.skvoz_ari import Legs
from tests.api import numbers_door
from tests.api.numbers_door import Numbers, create_table, moto_dynamodb
from tests.api.open_calls import (
    CALLS,
    D_CALL,
    SECRET,
    at,
    call_told,
    calls,
    check_story,
    example,
    kept,
    open_settings,
    publish,
    rejects,
    send_signed,
    stream,
    visits,
)

NOW = at("2026-10-28T13:00:00+03:00")
A_TIMES = [f"2026-10-12T{clock}+03:00" for clock in ("10:52:07", "10:52:07", "10:52:13", "10:52:21", "10:55:35", "10:55:35")]
A = stream("ami_call_answered.stream.txt", A_TIMES)
B = stream("ami_hangup_missed.stream.txt", ["2026-10-14T19:13:17+03:00"])
D_ID = f"{int(at(D_CALL['start']).timestamp())}.7"
D = [
    {"Event": "Newchannel", "Exten": "4950000034", "CallerIDNum": "+79000000063", "Context": "from-trunk", "at": D_CALL["start"]},
    {"Event": "DialEnd", "DialStatus": "NOANSWER", "DestCallerIDNum": "215", "at": "2026-10-28T12:36:09+03:00"},
    {"Event": "DialEnd", "DialStatus": "ANSWER", "DestCallerIDNum": "214", "at": D_CALL["answer"]},
    {"Event": "DialEnd", "DialStatus": "ANSWER", "DestCallerIDNum": "219", "at": "2026-10-28T12:37:00+03:00"},
    {"Event": "Hangup", "Exten": "h", "CallerIDNum": "79000000063", "Context": "ext", "Cause": "16", "at": D_CALL["end"]},
]
D = [{**event, "Linkedid": D_ID, "Uniqueid": D_ID} for event in D]
FIRST = {"Uniqueid": "1791791527.118", "Linkedid": "1791791527.118"}


@pytest.fixture
def numbers(monkeypatch: pytest.MonkeyPatch) -> Iterator[Numbers]:
    with moto_dynamodb(monkeypatch) as dynamodb:
        made = Numbers(monkeypatch, dynamodb)
        secrets = {"kvartal": SECRET, "other": "whsec_" + "B" * 40, "closed": SECRET}
        parameters = {f"{site}/calls-asterisk": secret for site, secret in secrets.items()}
        made.clients.ssm.parameters.update({f"/skvoz/test/{name}": value for name, value in parameters.items()})
        publish(made, "asterisk", contexts=["from-trunk"])
        made.now = NOW
        yield made


def taken(numbers: Numbers, *events: dict[str, Any]) -> dict[str, Any]:
    answer = send_signed(numbers, {"events": list(events)})
    assert answer["statusCode"] == 200, answer["body"]
    told: dict[str, Any] = numbers_door.body_of(answer)
    return told


def test_the_story_s_calls_are_found_by_their_leases(numbers: Numbers) -> None:
    visits(numbers)
    numbers.now = NOW
    assert taken(numbers, *A) == {"events": 5, "refused": []}  # the other channel's Hangup tells nothing
    taken(numbers, *B, *D)
    check_story(numbers)
    outcomes = {number: (record["outcome"], record.get("answered_by")) for number, record in calls(numbers).items()}
    assert outcomes == {
        CALLS["A"]["to"]: ("answered", "214"),
        CALLS["B"]["to"]: ("missed", None),
        D_CALL["to"]: ("answered", "214"),
    }
    assert calls(numbers)[CALLS["A"]["to"]]["call_id"] == CALLS["A"]["ids"]["asterisk_linkedid"]


def test_what_the_poster_posts_is_the_story_s_call(numbers: Numbers) -> None:
    visits(numbers)
    numbers.now = NOW
    heard = zip(Frames().feed(example("asterisk/ami_call_answered.stream.txt")), A_TIMES, strict=True)
    body = body_of(stamped(event, at(moment).timestamp()) for event, moment in heard if is_needed(event))
    assert send_signed(numbers, body)["statusCode"] == 200
    check_story(numbers, "A")


@pytest.mark.parametrize("events", [A, D])
def test_every_order_of_a_call_s_events_tells_one_call(events: list[dict[str, Any]]) -> None:
    requests = [{"body": {"events": [event]}} for event in events]
    finals = {call_told("asterisk", list(order), NOW, open_settings("asterisk")) for order in permutations(requests)}
    assert len(finals) == 1


def test_the_last_record_of_a_call_is_the_same_for_every_order(numbers: Numbers) -> None:
    parts, finals = [A[0], A[3], A[5]], set()
    for number, order in enumerate(permutations(parts)):
        ids = {"Uniqueid": f"1791791527.{number}", "Linkedid": f"1791791527.{number}"}
        for part in order:
            taken(numbers, {**part, **ids})
        last = max((r for r in numbers.stored() if r["call_id"] == ids["Linkedid"]), key=lambda record: record["received_at"])
        told = ("occurred_at", "outcome", "wait_seconds", "talk_seconds", "answered_by", "number", "phone_hash")
        finals.add(tuple(last.get(name) for name in told))
    assert [final[1:5] for final in finals] == [("answered", 14, 194, "214")]


def test_a_batch_that_comes_again_is_the_same_records(numbers: Numbers) -> None:
    taken(numbers, *A)
    before = calls(numbers), {record["record_id"] for record in numbers.stored()}
    taken(numbers, *A)
    assert (calls(numbers), {record["record_id"] for record in numbers.stored()}) == before


@pytest.mark.parametrize(
    ("results", "cause", "outcome"),
    [
        (["NOANSWER", "CANCEL"], "16", "abandoned"),
        (["CANCEL", "NOANSWER"], "16", "missed"),
        (["BUSY"], "17", "busy"),
        (["CHANUNAVAIL"], "16", "failed"),
        (["CONGESTION"], "34", "failed"),
        ([], "17", "busy"),
        ([], "16", "missed"),
        ([], "", "missed"),
        (["ANSWER", "CANCEL"], "16", "answered"),
    ],
)
def test_how_a_call_went_is_told_by_dial_then_by_the_cause(numbers: Numbers, results: list[str], cause: str, outcome: str) -> None:
    ends = [
        {**FIRST, "Event": "DialEnd", "DialStatus": result, "at": f"2026-10-12T10:52:{20 + place}+03:00"}
        for place, result in enumerate(results)
    ]
    taken(numbers, A[0], *ends, {**A[5], "Cause": cause})
    assert numbers.stored()[-1]["outcome"] == outcome


OUT = {**FIRST, "Event": "Newchannel", "Context": "from-internal", "CallerIDNum": "214", "Exten": "89000000042", "at": A_TIMES[0]}
OUT_END = {**OUT, "Event": "Hangup", "Cause": "17", "at": A_TIMES[3]}


@pytest.mark.parametrize(
    ("events", "number"),
    [
        ([OUT, OUT_END], "+74950000010"),
        ([OUT, {**OUT, "Event": "DialBegin", "CallerIDNum": "74950000041"}, OUT_END], "+74950000041"),
        ([{**OUT, "CallerIDNum": "84950000041"}, {**OUT_END, "CallerIDNum": "84950000041"}], "+74950000041"),
    ],
)
def test_a_call_from_an_extension_or_our_number_is_outgoing(numbers: Numbers, events: list[dict[str, Any]], number: str) -> None:
    """Filed under its line where that is told, else under the default number; never under the client's phone."""
    for order in permutations(events):
        numbers.dynamodb.delete_table(TableName="numbers")
        create_table(numbers.dynamodb, "numbers")
        taken(numbers, *order)
        record = numbers.stored()[-1]
        assert (record["direction"], record["number"], record["outcome"]) == ("out", number, "busy")
        assert record.get("request_id") is None


def test_contexts_tell_calls_from_outside_where_numbers_cannot(numbers: Numbers) -> None:
    """A softphone that shows a leased number calls a client."""
    softphone = {**OUT, "CallerIDNum": "74950000032"}
    taken(numbers, softphone)
    assert [(record["direction"], record["number"]) for record in numbers.stored()] == [("out", "+74950000032")]
    taken(numbers, {**A[0], "Uniqueid": "1791791527.5", "Linkedid": "1791791527.5", "CallerIDNum": "214"})
    assert numbers.stored()[-1]["direction"] == "in"


@pytest.mark.parametrize(
    "event",
    [
        {**OUT, "Exten": "215"},
        {**OUT, "Exten": "74950000010"},
        {**A[0], "Uniqueid": "1791791533.119"},
        {**FIRST, "Event": "Newexten", "at": A_TIMES[0]},
        {**FIRST, "Event": "UserEvent", "UserEvent": "Other", "at": A_TIMES[0]},
        {**FIRST, "Event": "DialEnd", "DialStatus": "RINGING", "at": A_TIMES[0]},
        {"type": "ChannelVarset", "timestamp": A_TIMES[0]},
        {"type": "Dial", "dialstatus": "ANSWER", "peer": {"id": "1.1"}, "timestamp": A_TIMES[0]},
    ],
)
def test_what_is_no_call_of_a_client_s_is_passed_over(numbers: Numbers, event: dict[str, Any]) -> None:
    assert taken(numbers, event) == {"events": 0, "refused": []}
    assert numbers.stored() == []


def test_a_dialplan_may_tell_number_caller_and_code(numbers: Numbers) -> None:
    event = {**FIRST, "Event": "UserEvent", "FROM_DID": "74950000031", "CALLERID": "79000000017", "CODE": "123456"}
    taken(numbers, {**event, "at": A_TIMES[0]}, {**A[0], "Exten": "s"})
    assert numbers.stored()[-1]["number"] == "+74950000031"


@pytest.mark.parametrize("caller", ["<unknown>", "anonymous", "", "sip:anonymous@anonymous.invalid"])
def test_a_withheld_caller_is_still_a_call(numbers: Numbers, caller: str) -> None:
    taken(numbers, {**A[0], "CallerIDNum": caller})
    assert numbers.stored()[0].get("phone_hash") is None


def test_a_bad_event_is_rejected_and_the_others_are_stored(numbers: Numbers) -> None:
    bad = [{**A[0], "at": None}, {**A[0], "Linkedid": ""}, 7, {"x": 1}, {**A[0], "at": "2026-10-29T00:00:00Z"}]
    told = taken(numbers, *bad, *A)
    paths = ["events[0].at", "events[1].Linkedid", "events[2].event", "events[3].event", "events[4].at"]
    assert [one["path"] for one in told["refused"]] == paths
    assert [one["reason"] for one in rejects(numbers, "asterisk")] == ["bad_time", "bad_id", "bad_event", "bad_event", "in_future"]
    assert calls(numbers)[CALLS["A"]["to"]]["talk_seconds"] == 194


ARI: dict[str, Any] = json.loads(example("asterisk/ari_stasis_start.json"))
CHANNEL = ARI["channel"]
ARI_CALL = [
    ARI,
    {"type": "Dial", "dialstatus": "", "caller": CHANNEL, "peer": {"id": "2"}, "timestamp": "2026-10-12T10:52:13.000+0300"},
    {
        "type": "Dial", "dialstatus": "ANSWER", "caller": CHANNEL, "peer": {"id": "2", "caller": {"number": "214"}},
        "timestamp": "2026-10-12T10:52:21.000+0300",
    },
    {"type": "StasisEnd", "channel": CHANNEL, "timestamp": "2026-10-12T10:55:33.000+0300"},
    {"type": "ChannelHangupRequest", "channel": CHANNEL, "cause": 16, "timestamp": "2026-10-12T10:55:34.000+0300"},
    {"type": "ChannelDestroyed", "channel": CHANNEL, "cause": 16, "timestamp": "2026-10-12T10:55:35.000+0300"},
]  # fmt: skip


def test_a_stasis_application_tells_the_story_s_call_one_event_a_body(numbers: Numbers) -> None:
    visits(numbers)
    numbers.now = NOW
    for event in ARI_CALL:
        assert send_signed(numbers, event)["statusCode"] == 200
    check_story(numbers, "A")
    assert calls(numbers)[CALLS["A"]["to"]]["answered_by"] == "214"


def test_what_the_poster_hears_of_every_channel_is_the_story_s_call_alone(numbers: Numbers) -> None:
    """It has no application in the dialplan: it hears channels being made, operators' legs among them (`--ari`)."""
    visits(numbers)
    numbers.now = NOW
    made = {**ARI, "type": "ChannelCreated"}
    leg = {"id": "1791791533.119", "caller": {"number": ""}, "dialplan": {"context": "from-internal", "exten": "s"}}
    of_leg = [
        {"type": kind, "channel": leg, "timestamp": "2026-10-12T10:55:35.000+0300"}
        for kind in ("ChannelCreated", "ChannelDestroyed")
    ]
    dials = [{**event, "peer": {**leg, **event["peer"], "id": leg["id"]}} if "peer" in event else event for event in ARI_CALL[1:]]
    legs = Legs()
    heard = [told for event in (made, of_leg[0], *dials, of_leg[1]) if (told := legs.needed(event))]
    assert send_signed(numbers, body_of(heard))["statusCode"] == 200
    check_story(numbers, "A")
    assert len(numbers.items("call#")) == 1, "an operator's leg is no call"


def test_every_order_of_ari_events_tells_one_call() -> None:
    made = {**ARI, "type": "ChannelCreated", "timestamp": "2026-10-12T10:52:07.000+0300"}
    requests = [{"body": event} for event in (made, *(event for event in ARI_CALL if event["type"] != "StasisEnd"))]
    finals = {call_told("asterisk", list(order), NOW, open_settings("asterisk")) for order in permutations(requests)}
    assert [(final.wait_seconds, final.talk_seconds, final.outcome) for final in finals if final] == [(14, 194, "answered")]


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"events": 1}', json.dumps({"events": [{}] * 101}).encode()])
def test_a_body_that_is_none_is_kept_and_refused(numbers: Numbers, body: bytes) -> None:
    assert send_signed(numbers, body)["statusCode"] == 400
    assert [one["reason"] for one in rejects(numbers, "asterisk")] == ["bad_body"]


def test_a_forged_body_another_site_s_and_one_for_a_closed_door_leave_nothing(numbers: Numbers) -> None:
    body = {"events": A}
    answers = [
        send_signed(numbers, body, secret="whsec_" + "A" * 40),
        send_signed(numbers, body, site="other"),
        send_signed(numbers, body, site="closed"),
    ]
    assert [answer["statusCode"] for answer in answers] == [401, 401, 401]
    assert (numbers.stored(), kept(numbers)) == ([], [])
