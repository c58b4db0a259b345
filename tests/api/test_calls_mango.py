"""Mango Office tells of calls: what proves an event, what its parts come to, what is refused."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from functions.numberpool.pbx.providers.mango import MANGO
from tests.api.numbers_door import SETTINGS, Numbers, body_of, counted, moto_dynamodb, visitor_id
from tests.api.signed_calls import (
    STORY_CALLS,
    VISITORS,
    at,
    call_from,
    check_story,
    content,
    events_of,
    forget_calls,
    gateway_event,
    holds,
    latest,
    open_door,
    payload,
    read,
    rejected,
    state_of,
    vectors,
)

VECTORS = vectors("mango")
KEY, SALT = VECTORS["vpbx_api_key"], VECTORS["vpbx_api_salt"]
LINE = "sip:kvartal-banner@pbx.kvartal.example"  # `kvartal-site` of the examples stands behind several numbers
CALL, SUMMARY, ADDED, DTMF = "events/call", "events/summary", "events/record/added", "events/dtmf"
APPEARED, CONNECTED = "events_call_1_appeared", "events_call_2_connected_integers"
ENTRY_A, ENTRY_B = (STORY_CALLS[client]["ids"]["mango_entry"] for client in "AB")
NOW = datetime(2026, 10, 12, 8, 0, tzinfo=UTC)


@pytest.fixture
def numbers(monkeypatch: pytest.MonkeyPatch) -> Iterator[Numbers]:
    with moto_dynamodb(monkeypatch) as dynamodb:
        made = Numbers(monkeypatch, dynamodb)
        open_door(made, "mango", f"{KEY}:{SALT}", lines={LINE: "+74950000031"})
        made.now = NOW
        yield made


def signed(told: Any, key: str = KEY, salt: str = SALT) -> bytes:
    """A body as Mango sends it; `told` may be the JSON text itself."""
    text = told if isinstance(told, str) else json.dumps(told, ensure_ascii=False)
    sign = hashlib.sha256(f"{key}{text}{salt}".encode()).hexdigest()
    return urlencode({"vpbx_api_key": key, "sign": sign, "json": text}).encode()


def told(name: str, **changes: Any) -> dict[str, Any]:
    """The JSON of an example."""
    example: dict[str, Any] = json.loads(dict(parse_qsl(payload("mango", f"{name}.form.txt").decode()))["json"])
    return example | changes


def post(numbers: Numbers, body: bytes, rest: str = SUMMARY, site: str = "kvartal") -> dict[str, Any]:
    return numbers.call(gateway_event("mango", body, rest=rest, site=site))


def example(numbers: Numbers, name: str, rest: str) -> dict[str, Any]:
    answer = post(numbers, payload("mango", f"{name}.form.txt"), rest)
    assert answer["statusCode"] == 200, answer["body"]
    return answer


def call_of_d() -> dict[str, Any]:
    d = STORY_CALLS["D"]
    times = {
        f"{name}_time": int(at(d[when]).timestamp()) for name, when in (("create", "start"), ("talk", "answer"), ("end", "end"))
    }
    ends = {"from": {"number": d["from"]}, "to": {"extension": "215", "number": "sip:op215@pbx.kvartal.example"}}
    return told("events_summary_answered", entry_id="NDMxODg5NjAyMDE=", line_number="8 495 000-00-34", **times, **ends)


# --- what proves an event --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("vector", VECTORS["vectors"], ids=lambda vector: vector["name"])
def test_every_vector_verifies(numbers: Numbers, vector: dict[str, str]) -> None:
    body = urlencode({"vpbx_api_key": KEY, "sign": vector["sign"], "json": vector["json"]}).encode()
    assert body == signed(vector["json"])
    rest = SUMMARY if vector["name"] == "summary" else CALL
    assert post(numbers, body, rest)["statusCode"] == 200


def test_a_signature_over_json_that_was_dumped_again_is_refused(numbers: Numbers) -> None:
    (bad,) = VECTORS["must_fail"]
    body = urlencode({"vpbx_api_key": KEY, "sign": bad["sign"], "json": bad["received_json"]}).encode()
    assert post(numbers, body, CALL)["statusCode"] == 401
    assert numbers.items("call#") == []


ANSWERED = payload("mango", "events_summary_answered.form.txt")


@pytest.mark.parametrize(
    "body",
    [
        signed(told("events_summary_answered"), salt="another-salt-of-somebody"),
        signed(told("events_summary_answered"), key="another-key"),
        ANSWERED.replace(b"1791791735", b"1791799999"), ANSWERED.replace(KEY.encode(), b"kvartal"),
        ANSWERED[:-20], ANSWERED.replace(b"sign=d", b"sign="), ANSWERED.replace(b"sign=", b"sing="), b"", b"\xff\xfe=%ff&&&=",
        b"vpbx_api_key=&sign=&json=", ANSWERED.replace(b"sign=d", "sign=д".encode()), b"a=" * 3 + b"&" * 20_000, b"n" * 600 + b"=1",
    ],
    ids=[
        "forged", "other key", "changed", "key left out of place", "truncated", "short sign", "no sign", "empty", "no form",
        "empty fields", "no ascii", "too many fields", "long name",
    ],
)  # fmt: skip
def test_what_is_not_signed_with_the_sites_key_and_salt_changes_nothing(
    numbers: Numbers, body: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    assert post(numbers, body)["statusCode"] == 401
    assert (numbers.items("call#"), numbers.stored()) == ([], [])
    assert {"Refused": 1, "Door": "calls-mango", "Reason": "signature"}.items() <= counted(capsys.readouterr().out)[-1].items()


def test_another_sites_signature_is_refused(numbers: Numbers) -> None:
    numbers.clients.ssm.parameters["/skvoz/test/dacha/calls-mango"] = "another-key-of-mango:another-salt-of-mango"
    numbers.publish({**SETTINGS, "site_id": "dacha", "calls": {"mango": {}}})
    assert post(numbers, ANSWERED, site="dacha")["statusCode"] == 401
    theirs = signed(told("events_summary_answered"), "another-key-of-mango", "another-salt-of-mango")
    assert post(numbers, theirs)["statusCode"] == 401
    assert post(numbers, theirs, site="dacha")["statusCode"] == 200


@pytest.mark.parametrize("secret", ["", KEY, f"{KEY}:", f"{KEY}:short", f":{SALT}"])
def test_without_a_usable_key_and_salt_nothing_is_believed(numbers: Numbers, secret: str) -> None:
    open_door(numbers, "mango", secret)
    key, _, salt = secret.rpartition(":")
    assert post(numbers, signed(told("events_summary_answered"), key, salt))["statusCode"] == 401


def test_while_rotating_the_old_and_the_new_salt_are_valid(numbers: Numbers) -> None:
    open_door(numbers, "mango", f"{KEY}:a-brand-new-salt-of-mango {KEY}:{SALT}")
    for salt in (SALT, "a-brand-new-salt-of-mango"):
        assert post(numbers, signed(told("events_summary_answered"), salt=salt))["statusCode"] == 200


def test_a_replayed_body_changes_nothing(numbers: Numbers) -> None:
    for name, rest in ((APPEARED, CALL), ("events_summary_answered", SUMMARY), ("events_record_added", ADDED)):
        example(numbers, name, rest)
    before = state_of(numbers)
    numbers.later(days=3)
    for name, rest in ((APPEARED, CALL), ("events_summary_answered", SUMMARY), ("events_record_added", ADDED)):
        example(numbers, name, rest)
        assert state_of(numbers) == before


@pytest.mark.parametrize("rest", [CALL, SUMMARY, ADDED])
def test_a_body_is_refused_once_its_call_is_forgotten(numbers: Numbers, rest: str) -> None:
    numbers.later(days=31, minutes=1)
    name = {CALL: APPEARED, SUMMARY: "events_summary_answered", ADDED: "events_record_added"}[rest]
    assert post(numbers, payload("mango", f"{name}.form.txt"), rest)["statusCode"] == 400
    assert rejected(numbers, "mango") == ["too_old"]


# --- what the parts come to ------------------------------------------------------------------------------------------------------


def test_the_storys_clients_are_found_by_their_numbers(numbers: Numbers) -> None:
    a, b, d = (STORY_CALLS[client] for client in "ABD")
    holds(numbers, "A", a["to"], at(a["start"]))
    for name, rest in ((APPEARED, CALL), (CONNECTED, CALL), ("events_summary_answered", SUMMARY), ("events_record_added", ADDED)):
        numbers.now = at(a["end"]) + timedelta(minutes=1)
        example(numbers, name, rest)
    holds(numbers, "B", b["to"], at(b["start"]))
    numbers.now = at(b["end"]) + timedelta(seconds=2)
    found = body_of(example(numbers, "events_summary_missed", SUMMARY))
    assert (found["resolved_by"], found["visitor_id"]) == ("lease", visitor_id(VISITORS["B"]))
    holds(numbers, "D", d["to"], at(d["start"]))
    numbers.now = at(d["end"]) + timedelta(seconds=2)
    assert post(numbers, signed(call_of_d()))["statusCode"] == 200

    record_a, record_b, record_d = (latest(numbers, entry) for entry in (ENTRY_A, ENTRY_B, "NDMxODg5NjAyMDE="))
    check_story(record_a, "A", wait=14)
    assert (record_a["outcome"], record_a["answered_by"], record_a["has_recording"]) == ("answered", "214", True)
    check_story(record_b, "B", wait=37)
    assert record_b["outcome"] == "abandoned", "the caller hung up before anybody answered"
    check_story(record_d, "D", wait=11)
    assert record_d["answered_by"] == "215"


def parts() -> list[dict[str, Any]]:
    """All that may be told of A's call."""
    entry = {"entry_id": ENTRY_A, "timestamp": 1791791530}
    forms = [
        (signed(told(APPEARED)), CALL),
        (signed(told(APPEARED, seq=3, timestamp=1791791533, location="queue", call_id="bGVn")), CALL),
        (payload("mango", f"{CONNECTED}.form.txt"), CALL),
        (payload("mango", "events_call_2_connected_strings.form.txt"), CALL),
        (signed(told("events_summary_answered")), SUMMARY),
        (signed(told("events_record_added")), ADDED),
        (signed({**entry, "dtmf": "123456", "seq": 1}), DTMF),
    ]
    return [gateway_event("mango", body, rest=rest) for body, rest in forms]


def test_every_order_of_a_calls_events_tells_the_same_call() -> None:
    events = events_of([read(MANGO, event, NOW) for event in parts()])
    calls = {call_from(order) for order in permutations(events)}
    (known,) = calls
    assert known
    assert (known.is_answered, known.wait_seconds, known.talk_seconds, known.answered_by) == (True, 14, 194, "214")
    assert (known.visitor_code, known.number) == ("123456", "+74950000031")
    assert known.recording == told("events_record_added")["recording_id"]
    assert {call_from([*order, *order[:3]]) for order in permutations(events[::2])} == {call_from(events[::2])}


def test_the_record_is_the_same_for_every_order_of_arrival(numbers: Numbers) -> None:
    a = STORY_CALLS["A"]
    holds(numbers, "A", a["to"], at(a["start"]))
    records = []
    for order in list(permutations(range(7)))[::1260]:
        forget_calls(numbers)
        numbers.now = NOW
        for place in order:
            numbers.later(seconds=1)
            answer = numbers.call(parts()[place])
            assert answer["statusCode"] == 200, answer["body"]
        records.append(content(latest(numbers, ENTRY_A)))
    assert all(record == records[0] for record in records)
    check_story(records[0], "A", wait=14)


def test_a_ringing_call_is_known_and_asks_where_to_go_before_its_summary() -> None:
    reading = read(MANGO, gateway_event("mango", signed(told(APPEARED)), rest=CALL), NOW)
    assert reading.question
    assert (reading.question.number, reading.question.caller) == ("+74950000031", "+79000000017")
    known = call_from(reading.events)
    assert known
    assert (known.is_answered, known.outcome, known.talk_seconds) == (False, None, 0)


def test_of_several_legs_the_first_to_appear_and_to_be_answered_counts() -> None:
    """A call waits in the menu, then in a queue, is answered and handed on to another extension; its summary is lost."""
    legs: list[tuple[str, int, dict[str, Any]]] = [(APPEARED, 0, {"location": "ivr"}), (APPEARED, 9, {"location": "queue"})]
    legs += [(CONNECTED, 20, {"to": {"extension": "214"}}), (CONNECTED, 50, {"to": {"extension": "217"}})]
    bodies = [told(name, timestamp=1791791527 + after, call_id=f"leg-{after}", **changes) for name, after, changes in legs]
    events = events_of([read(MANGO, gateway_event("mango", signed(body), rest=CALL), NOW) for body in bodies])
    (known,) = {call_from(order) for order in permutations(events)}
    assert known
    assert (known.started_at, known.wait_seconds, known.answered_by) == (at(STORY_CALLS["A"]["start"]), 20, "214")


def test_a_call_back_to_a_client_is_told_by_its_summary_as_an_outgoing_one(numbers: Numbers) -> None:
    ends = {"from": {"extension": "214", "number": "sip:op214@pbx.kvartal.example"}, "to": {"number": "79000000042"}}
    ringing = signed(told(APPEARED, **ends))
    assert read(MANGO, gateway_event("mango", ringing, rest=CALL), NOW).passed_over == "not_incoming"
    body = told("events_summary_missed", call_direction="2", line_number="74950000010", create_time="1791791402", **ends)
    assert post(numbers, signed(body | {"end_time": "1791791431"}))["statusCode"] == 200
    (record,) = numbers.stored()
    assert (record["direction"], record["number"], record["outcome"]) == ("out", "+74950000010", "missed")
    assert (record["wait_seconds"], record.get("request_id")) == (29, None)


# --- what is refused or passed over ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rest", "body", "reason"),
    [
        (SUMMARY, told("events_summary_answered", call_direction=0), "internal"),
        (CALL, told(CONNECTED, call_state="Disconnected"), "told_by_summary"),
        (CALL, told(CONNECTED, call_state="OnHold"), "told_by_summary"),
        (CALL, told(APPEARED, command_id="c111"), "not_incoming"),
        (DTMF, {"entry_id": ENTRY_A, "timestamp": 1791791530, "dtmf": "2"}, "no_code"),
        (DTMF, {"entry_id": ENTRY_A, "timestamp": 1791791530, "dtmf": "012345"}, "no_code"),
        ("events/recording", told("events_record_added", recording_state="Started", completion_code=1000), "not_recorded"),
        ("events/sms", {}, "other_event"), ("result/callback", {}, "other_event"), ("", {}, "other_event"),
    ],
)  # fmt: skip
def test_what_tells_nothing_of_a_call_is_passed_over(rest: str, body: dict[str, Any], reason: str) -> None:
    reading = read(MANGO, gateway_event("mango", signed(body), rest=rest), NOW)
    assert (reading.passed_over, reading.events) == (reason, ())


@pytest.mark.parametrize(
    ("rest", "body", "reason"),
    [
        (SUMMARY, "[]", "bad_body"), (SUMMARY, "{", "bad_body"), (SUMMARY, "", "bad_body"), (SUMMARY, {}, "bad_direction"),
        (SUMMARY, told("events_summary_answered", entry_id=None), "bad_id"),
        (SUMMARY, told("events_summary_answered", entry_id="x" * 101), "bad_id"),
        (SUMMARY, told("events_summary_answered", line_number="sip:other@pbx.kvartal.example"), "bad_number"),
        (SUMMARY, told("events_summary_answered", call_direction=7), "bad_direction"),
        (SUMMARY, told("events_summary_answered", entry_result="perhaps"), "bad_event"),
        (SUMMARY, told("events_summary_answered", create_time=None), "bad_time"),
        (SUMMARY, told("events_summary_answered", create_time=10**40), "bad_time"),
        (SUMMARY, told("events_summary_answered", create_time=99999999999), "in_future"),
        (SUMMARY, told("events_summary_answered", end_time={"at": 1}), "bad_time"),
        (CALL, told(APPEARED, timestamp="yesterday"), "bad_time"),
        (ADDED, told("events_record_added", recording_id=None), "bad_id"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_rejected_with_its_reason(numbers: Numbers, rest: str, body: Any, reason: str) -> None:
    answer = post(numbers, signed(body), rest)
    assert answer["statusCode"] == 400
    assert rejected(numbers, "mango") == [reason]
    assert (numbers.items("call#"), numbers.stored()) == ([], [])


@pytest.mark.parametrize("caller", ["", "anonymous", None, "sip:anonymous@anonymous.invalid", {"a": 1}])
def test_a_withheld_caller_is_a_call_of_nobody_known(numbers: Numbers, caller: Any) -> None:
    assert post(numbers, signed(told("events_summary_answered", **{"from": {"number": caller}})))["statusCode"] == 200
    assert numbers.stored()[0].get("phone_hash") is None


@pytest.mark.parametrize(
    ("line", "own_end", "number"),
    [
        ("74950000033", {}, "+74950000033"), (LINE, {}, "+74950000031"), (f"<{LINE.upper()}>", {}, "+74950000031"),
        ("sip:74950000033@pbx.kvartal.example", {}, "+74950000033"), ("sip:x@y", {"number": "74950000033"}, "+74950000033"),
    ],
)  # fmt: skip
def test_our_number_is_the_line_or_what_the_settings_say_of_it(
    numbers: Numbers, line: str, own_end: dict[str, str], number: str
) -> None:
    assert post(numbers, signed(told("events_summary_answered", line_number=line, to=own_end)))["statusCode"] == 200
    assert numbers.stored()[0]["number"] == number


def test_an_employees_mobile_is_never_taken_for_our_number(numbers: Numbers) -> None:
    to = {"extension": "214", "number": "79035550000"}
    assert post(numbers, signed(told("events_summary_answered", line_number="sip:x@y", to=to)))["statusCode"] == 400
    assert rejected(numbers, "mango") == ["bad_number"]


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.floats(allow_nan=False) | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=4,
)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rest=st.sampled_from([CALL, SUMMARY, "events/recording", ADDED, DTMF]),
    name=st.sampled_from([APPEARED, CONNECTED, "events_summary_answered", "events_record_added"]),
    changes=st.dictionaries(
        st.sampled_from(["entry_id", "timestamp", "create_time", "talk_time", "from", "to", "line_number", "dtmf", "recording_id"]),
        VALUES, min_size=1, max_size=3,
    ),
)  # fmt: skip
def test_no_content_makes_the_door_fail(numbers: Numbers, rest: str, name: str, changes: dict[str, Any]) -> None:
    assert post(numbers, signed(told(name, **changes)), rest)["statusCode"] in (200, 400)
