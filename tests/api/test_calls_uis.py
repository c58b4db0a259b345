"""UIS's notifications, questions and report rows through the handler."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest

from tests.api.numbers_door import Numbers, body_of, counted, moto_dynamodb, visitor_id
from tests.api.open_calls import (
    CALLS,
    D_CALL,
    OTHER_TOKEN,
    TOKEN,
    at,
    call_told,
    calls,
    check_story,
    example,
    example_query,
    kept,
    open_settings,
    publish,
    rejects,
    send,
    sent,
    visits,
)

A, B = json.loads(example("uis/call_finished.json")), json.loads(example("uis/lost_call.json"))
D = {
    **A, "call_session_id": 7134118820, "virtual_phone_number": "74950000034", "contact_phone_number": "79000000063",
    "start_time": "2026-10-28 12:36:00", "notification_time": "2026-10-28 12:38:32", "talk_time_duration": 141,
    "wait_time_duration": 11, "total_time_duration": 152, "employee_full_name": "Оператор 215",
}  # fmt: skip
MAPPED = {
    "call_session_id": "id", "virtual_phone_number": "num", "contact_phone_number": "from", "start_time": "when",
    "talk_time_duration": "sec", "tag_names": "tags", "notification_mnemonic": "kind",
}  # fmt: skip


@pytest.fixture
def numbers(monkeypatch: pytest.MonkeyPatch) -> Iterator[Numbers]:
    with moto_dynamodb(monkeypatch) as dynamodb:
        made = Numbers(monkeypatch, dynamodb)
        publish(made, "uis")
        made.now = at("2026-10-28T12:00:00+03:00")
        yield made


def notified(numbers: Numbers, **changes: Any) -> dict[str, Any]:
    """The record of client A's call, some of it told otherwise."""
    sent(numbers, "uis", {**A, **changes})
    return numbers.stored()[-1]


def test_the_story_s_calls_are_found_by_their_leases(numbers: Numbers) -> None:
    visits(numbers)
    sent(numbers, "uis", example("uis/call_finished.json"))
    sent(numbers, "uis", example("uis/lost_call.json"))
    sent(numbers, "uis", D)
    check_story(numbers)
    found = calls(numbers)
    assert (found[CALLS["A"]["to"]]["outcome"], found[CALLS["A"]["to"]]["answered_by"]) == ("answered", "Оператор 214")
    assert found[CALLS["B"]["to"]]["outcome"] == "missed"
    assert (found[D_CALL["to"]]["outcome"], found[D_CALL["to"]]["answered_by"]) == ("answered", "Оператор 215")


def test_the_template_of_the_docs_makes_json_that_is_read(numbers: Numbers) -> None:
    values = {**A, "notification_mnemonic": "call_finished", "notification_name": A["event_title"]}
    text = example("uis/notification_template.txt").decode()
    for name, value in values.items():
        text = text.replace(f"{{{{{name}}}}}", json.dumps(value, ensure_ascii=False))
    assert "{{" not in text
    sent(numbers, "uis", text)
    assert numbers.stored()[0]["talk_seconds"] == 194


def test_a_client_s_own_keys_and_texts_tell_the_same_call(numbers: Numbers) -> None:
    publish(numbers, "uis", fields=MAPPED)
    sent(numbers, "uis", example("uis/call_finished_all_strings.json"))
    record = numbers.stored()[0]
    assert (record["call_id"], record["number"], record["direction"]) == ("7130448215", "+74950000031", "in")
    assert (record["outcome"], record["talk_seconds"]) == ("answered", 194)


NOTHING = {"talk_time_duration": None, "wait_time_duration": None, "total_time_duration": None, "employee_full_name": None}
PARTS = [
    {**A, **NOTHING, "event": "incoming", "notification_time": "2026-10-12 10:52:07"},
    {**A, **NOTHING, "event": "talk_started", "wait_time_duration": 14, "total_time_duration": 14},
    {**A, "event": "talk_finished", "notification_time": "2026-10-12 10:55:34", "total_time_duration": None},
    A,
    {"call_session_id": A["call_session_id"], "event": "record", "file_link": "https://media.uis.example/7130448215.mp3"},
]


def test_every_order_of_a_call_s_notifications_tells_one_call() -> None:
    """Ring, talk begun, talk ended, call ended, recording, and the row of the report that knows no address of the recording."""
    row = {"result": {"data": json.loads(example("uis/get_calls_report.response.json"))["result"]["data"][:1]}}
    told = [*({"body": part} for part in PARTS), {"body": row, "rest": "report"}]
    finals = {call_told("uis", list(order), at("2026-10-28T12:00:00+03:00"), open_settings("uis")) for order in permutations(told)}
    assert len(finals) == 1
    final = finals.pop()
    assert final is not None
    assert (final.outcome, final.wait_seconds, final.talk_seconds) == ("answered", 14, 194)
    assert (final.answered_by, final.recording) == ("Оператор 214", "https://media.uis.example/7130448215.mp3")


def test_the_last_record_of_a_call_is_the_same_for_every_order(numbers: Numbers) -> None:
    parts, finals = [PARTS[0], A, PARTS[4]], set()
    for number, order in enumerate(permutations(parts)):
        for part in order:
            sent(numbers, "uis", {**part, "call_session_id": f"call-{number}"})
        last = max((r for r in numbers.stored() if r["call_id"] == f"call-{number}"), key=lambda record: record["received_at"])
        told = ("occurred_at", "outcome", "wait_seconds", "talk_seconds", "answered_by", "has_recording", "number", "phone_hash")
        finals.add(tuple(last.get(name) for name in told))
    assert len(finals) == 1
    assert next(iter(finals))[1:6] == ("answered", 14, 194, "Оператор 214", True)


def test_a_repeated_notification_is_the_same_record(numbers: Numbers) -> None:
    first, second = notified(numbers), notified(numbers)
    assert first["record_id"] == second["record_id"]


def test_a_lost_call_needs_no_seconds_to_be_missed(numbers: Numbers) -> None:
    record = notified(numbers, event="x1", event_title="Потерянный звонок", talk_time_duration="", total_time_duration=None)
    assert (record["is_answered"], record["outcome"], record["talk_seconds"]) == (False, "missed", 0)


def test_internal_calls_are_passed_over(numbers: Numbers, capsys: pytest.CaptureFixture[str]) -> None:
    sent(numbers, "uis", {**A, "is_internal": "true"})
    assert numbers.stored() == []
    assert {"PassedOver": 1, "Door": "calls-uis", "Reason": "internal"}.items() <= next(
        line for line in counted(capsys.readouterr().out) if "PassedOver" in line
    ).items()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"call_session_id": None}, "bad_id"),
        ({"call_session_id": ""}, "bad_id"),
        ({"virtual_phone_number": "office"}, "bad_number"),
        ({"virtual_phone_number": None}, "bad_number"),
        ({"direction": "sideways"}, "bad_direction"),
        ({"start_time": "yesterday"}, "bad_time"),
        ({"start_time": None}, "bad_time"),
        ({"start_time": "1999-12-31 10:00:00"}, "too_old"),
        ({"start_time": "2026-10-28 12:10:00"}, "in_future"),
        ({"talk_time_duration": "long"}, "bad_duration"),
        ({"talk_time_duration": [1]}, "bad_duration"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_reason_and_kept(numbers: Numbers, changes: dict[str, Any], reason: str) -> None:
    assert send(numbers, "uis", {**A, **changes})["statusCode"] == 400
    assert numbers.stored() == []
    [told] = rejects(numbers, "uis")
    assert told["reason"] == reason
    assert told["content"] in kept(numbers)


@pytest.mark.parametrize("body", [b'{"id": ""7130448215""}', b"{{call_session_id}}", b"[]", b"\xff\xfe", b'"text"', b"[" * 5000])
def test_a_broken_body_is_kept_and_refused(numbers: Numbers, body: bytes) -> None:
    assert send(numbers, "uis", body)["statusCode"] == 400
    [told] = rejects(numbers, "uis")
    assert told["reason"] == "bad_body"
    assert numbers.clients.s3.body("lake", told["content"]) == body


@pytest.mark.parametrize("phone", ["8 900 000-00-17", "+7 (900) 000-00-17", "sip:79000000017@uis.example", "0079000000017"])
def test_national_and_sip_spellings_are_one_caller(numbers: Numbers, phone: str) -> None:
    assert notified(numbers, contact_phone_number=phone)["phone_hash"] == notified(numbers)["phone_hash"]


@pytest.mark.parametrize("phone", [None, "", "anonymous", "Unknown"])
def test_a_withheld_caller_is_still_a_call(numbers: Numbers, phone: str | None) -> None:
    record = notified(numbers, contact_phone_number=phone)
    assert record.get("phone_hash") is None
    assert record["talk_seconds"] == 194


def test_windows_1251_and_a_byte_order_mark_are_read(numbers: Numbers) -> None:
    text = json.dumps(A, ensure_ascii=False)
    for encoding in ("windows-1251", "utf-8-sig"):
        sent(numbers, "uis", text.encode(encoding))
    assert {record["answered_by"] for record in numbers.stored()} == {"Оператор 214"}


def test_an_outgoing_call_makes_no_request(numbers: Numbers) -> None:
    record = notified(numbers, direction="out")
    assert (record["direction"], record.get("request_id")) == ("out", None)


@pytest.mark.parametrize(
    ("site", "token"),
    [("kvartal", "wrong"), ("kvartal", ""), ("kvartal", OTHER_TOKEN), ("other", TOKEN), ("closed", TOKEN), ("nobody", TOKEN)],
)
def test_without_the_site_s_own_token_nothing_is_kept(numbers: Numbers, site: str, token: str) -> None:
    assert send(numbers, "uis", A, site=site, rest=token)["statusCode"] in (401, 404)
    assert (numbers.stored(), kept(numbers)) == ([], [])


def asked(numbers: Numbers, query: str, body: bytes = b"") -> Any:
    return sent(numbers, "uis", body, query=query, rest=f"{TOKEN}/route")


QUESTION = example_query("uis/interactive_call.http.txt")


def test_a_question_is_answered_with_the_route_that_fits(numbers: Numbers) -> None:
    routed = {**open_settings("uis"), "calls": {**open_settings("uis")["calls"]}}
    routed["calls"]["routes"] = [{"to": "+74950000077", "sources": ["vk"]}]
    numbers.publish(routed)
    assert asked(numbers, QUESTION.replace("74950000031", "74950000041")) == {"phones": ["74950000077"]}
    assert asked(numbers, QUESTION) == {"returned_code": 1}
    assert asked(numbers, "", QUESTION.encode()) == {"returned_code": 1}
    assert numbers.stored() == []


def test_what_is_answered_has_the_form_that_uis_reads(numbers: Numbers) -> None:
    """Names of fields and kinds of values are those of the example's replies."""
    told = [json.loads(line) for line in example("uis/interactive_call.http.txt").decode().splitlines() if line.startswith("{")]
    known = {(name, type(value)) for reply in told for name, value in reply.items()}
    plain = asked(numbers, QUESTION)
    numbers.publish({**open_settings("uis"), "calls": {**open_settings("uis")["calls"], "routes": [{"to": "+74950000010"}]}})
    routed = asked(numbers, QUESTION)
    assert {(name, type(value)) for reply in (plain, routed) for name, value in reply.items()} <= known
    assert routed["phones"] == told[0]["phones"]


def test_digits_that_the_caller_dialled_name_his_visitor(numbers: Numbers) -> None:
    """The code of the question meets the notification of the same call."""
    numbers.publish(open_settings("uis"), visitor_codes=True)
    numbers.now = at(A["start_time"] + "+03:00") - timedelta(minutes=1)
    code = numbers.lease(7, code=True)["code"]  # no number is free: a code is all that he has
    numbers.now += timedelta(minutes=10)
    asked(numbers, QUESTION.replace("None", code))
    assert numbers.stored() == []
    record = notified(numbers)
    assert (record["resolved_by"], record["visitor_id"]) == ("code", visitor_id(7))


@pytest.mark.parametrize("query", ["", "numb=none", "numa=1&numb=office"])
def test_a_question_without_a_number_is_refused(numbers: Numbers, query: str) -> None:
    assert send(numbers, "uis", query=query, rest=f"{TOKEN}/route")["statusCode"] == 400


def test_an_unknown_path_after_the_token_is_not_found(numbers: Numbers) -> None:
    assert send(numbers, "uis", A, rest=f"{TOKEN}/calls")["statusCode"] == 404


REPORT = json.loads(example("uis/get_calls_report.response.json"))
ROW_D = {
    **REPORT["result"]["data"][0], "id": D["call_session_id"], "virtual_phone_number": D["virtual_phone_number"],
    "contact_phone_number": D["contact_phone_number"], "start_time": D["start_time"], "finish_time": "2026-10-28 12:38:32",
    "talk_duration": 141, "wait_duration": 11, "total_wait_duration": 11, "total_duration": 152,
}  # fmt: skip


def test_the_report_tells_the_calls_of_the_notifications(numbers: Numbers) -> None:
    """A row and the notification of its call are one call, whichever comes first, and the story's."""
    visits(numbers)
    sent(numbers, "uis", A)
    rows = [*REPORT["result"]["data"], ROW_D]
    told = sent(numbers, "uis", {"result": {"data": rows}}, rest=f"{TOKEN}/report")
    sent(numbers, "uis", B)
    sent(numbers, "uis", D)
    assert told == {"calls": 3, "refused": []}
    check_story(numbers)
    assert calls(numbers)[CALLS["A"]["to"]]["has_recording"] is True
    assert calls(numbers)[CALLS["B"]["to"]]["outcome"] == "missed"


def test_importing_a_report_again_changes_nothing(numbers: Numbers) -> None:
    for _ in range(2):
        sent(numbers, "uis", REPORT, rest=f"{TOKEN}/report")
    latest = calls(numbers)
    ids = {record["record_id"] for record in numbers.stored()}
    sent(numbers, "uis", REPORT, rest=f"{TOKEN}/report")
    assert calls(numbers) == latest
    assert {record["record_id"] for record in numbers.stored()} == ids


def test_rows_that_cannot_be_read_are_named_and_the_rest_is_stored(numbers: Numbers) -> None:
    rows = [{**REPORT["result"]["data"][0], "direction": None}, REPORT["result"]["data"][1], 7]
    told = sent(numbers, "uis", {"result": {"data": rows}}, rest=f"{TOKEN}/report")
    assert [one["path"] for one in told["refused"]] == ["result.data[0].direction", "result.data[2].row"]
    assert [record["number"] for record in numbers.stored()] == [CALLS["B"]["to"]]
    assert [reject["reason"] for reject in rejects(numbers, "uis")] == ["bad_direction", "bad_event"]


@pytest.mark.parametrize("body", [{"error": {"code": -32029}}, {"result": {"data": []}}, {"result": {"data": [{}] * 51}}])
def test_a_report_without_rows_or_with_too_many_is_refused(numbers: Numbers, body: dict[str, Any]) -> None:
    answer = send(numbers, "uis", body, rest=f"{TOKEN}/report")
    assert (answer["statusCode"], body_of(answer)["error"]["fields"][0]["path"]) == (400, "result.data")


@pytest.mark.parametrize(
    ("status", "number"), [("processed", "1564545"), ("Processed", 1564545), ("error", None), ("in_process", "")]
)
def test_what_became_of_a_call_that_we_uploaded_is_counted_and_makes_no_call(
    numbers: Numbers, capsys: pytest.CaptureFixture[str], status: str, number: object
) -> None:
    body = {"ext_id": "0199d7a1", "call_session_id": number, "status": status, "timestamp": "1562156217"}
    sent(numbers, "uis", body, rest=f"{TOKEN}/uploaded")
    assert numbers.stored() == []
    assert {"Door": "calls-uis", "Reason": f"upload_{status.lower()}", "PassedOver": 1} in counted(capsys.readouterr().out)


@pytest.mark.parametrize("body", [{"ext_id": "1", "status": "done"}, {"status": "processed"}, {"ext_id": "1"}, b"[]"])
def test_a_status_that_is_none_is_refused(numbers: Numbers, body: Any) -> None:
    assert send(numbers, "uis", body, rest=f"{TOKEN}/uploaded")["statusCode"] == 400
