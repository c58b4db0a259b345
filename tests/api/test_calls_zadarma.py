"""Zadarma tells of calls: what proves an event, what its parts come to, what is answered, what is refused."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from functions.numberpool.pbx.providers.zadarma import ZADARMA
from tests.api.numbers_door import SETTINGS, Numbers, body_of, counted, moto_dynamodb, visitor_id
from tests.api.open_calls import example_query
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

VECTORS = vectors("zadarma")
SECRET = VECTORS["secret"]
FIELDS: dict[str, dict[str, str]] = {vector["name"]: vector["fields"] for vector in VECTORS["vectors"]}
ID_A, ID_B = (STORY_CALLS[client]["ids"]["zadarma_pbx_call_id"] for client in "AB")
NOW = datetime(2026, 10, 12, 8, 0, tzinfo=UTC)
RINGS = datetime(2026, 10, 12, 7, 52, 9, tzinfo=UTC)
_OUT = ("internal", "destination", "call_start")
SIGNED = {
    "NOTIFY_ANSWER": ("caller_id", "destination", "call_start"), "NOTIFY_OUT_START": _OUT, "NOTIFY_OUT_END": _OUT,
    "NOTIFY_RECORD": ("pbx_call_id", "call_id_with_rec"),
}  # fmt: skip


@pytest.fixture
def numbers(monkeypatch: pytest.MonkeyPatch) -> Iterator[Numbers]:
    with moto_dynamodb(monkeypatch) as dynamodb:
        made = Numbers(monkeypatch, dynamodb)
        open_door(made, "zadarma", f"key-of-zadarma:{SECRET}")
        made.now = NOW
        yield made


def signature(text: str, secret: str = SECRET) -> str:
    return base64.b64encode(hmac.new(secret.encode(), text.encode(), hashlib.sha1).hexdigest().encode()).decode()


def sent(fields: dict[str, str], secret: str = SECRET, body: bytes | None = None, given: str | None = None) -> dict[str, Any]:
    """A request with the signature that Zadarma would make of these fields."""
    names = SIGNED.get(fields.get("event", ""), ("caller_id", "called_did", "call_start"))
    own = signature("".join(fields.get(name, "") for name in names), secret) if given is None else given
    return gateway_event("zadarma", urlencode(fields).encode() if body is None else body, {"signature": own})


def told(name: str, **changes: str) -> dict[str, str]:
    return {name: value for name, value in {**FIELDS[name], **changes}.items() if value != "-"}


def post(numbers: Numbers, fields: dict[str, str]) -> dict[str, Any]:
    answer = numbers.call(sent(fields))
    assert answer["statusCode"] == 200, answer["body"]
    return answer


# --- what proves an event --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("vector", VECTORS["vectors"], ids=lambda vector: vector["name"])
@pytest.mark.parametrize("body", ["as encoded", "with a raw plus"])
def test_every_vector_verifies(numbers: Numbers, vector: dict[str, Any], body: str) -> None:
    numbers.now = at("2026-10-14T20:00:00+03:00")
    form = urlencode(vector["fields"])
    if body == "with a raw plus":
        form = form.replace("%2B", "+")
    event = gateway_event("zadarma", form.encode(), {"signature": vector["signature"]})
    assert numbers.call(event)["statusCode"] == 200


def test_the_examples_are_the_vectors_bodies() -> None:
    examples = ("notify_start", "notify_end", "notify_end_missed", "notify_out_end", "notify_record")
    assert all(dict(parse_qsl(payload("zadarma", f"{name}.form.txt").decode())) == FIELDS[name] for name in examples)


@pytest.mark.parametrize("bad", VECTORS["must_fail"], ids=lambda bad: bad["why"])
def test_what_must_fail_is_refused(numbers: Numbers, bad: dict[str, str]) -> None:
    body = urlencode(FIELDS["notify_end"])
    for form in (body, body.replace("%2B", "+")):
        assert numbers.call(gateway_event("zadarma", form.encode(), {"signature": bad["signature"]}))["statusCode"] == 401
    assert numbers.items("call#") == []


END = FIELDS["notify_end"]


@pytest.mark.parametrize(
    "event",
    [
        sent(END, secret="another-secret-of-somebody"), sent(END, given=""), sent(END, given="подпись"),
        sent(END, given="\ud800"),
        sent(END, given=signature("+79000000017749500000312026-10-12 10:52:07")[:-6]), sent(END, body=b""),
        sent(END, body=b"\xff%ff&="),
        sent(END, body=urlencode(END).replace("79000000017", "79000000018").encode()),
        sent(END, body=urlencode(END)[:-90].encode()[:90]),
        sent(END, body=urlencode({**END, "event": "NOTIFY_ANSWER"}).encode()), sent(END, body=b"a" * 501 + b"=1"),
        gateway_event("zadarma", b"", method="GET"), gateway_event("zadarma", b"", method="GET", query="zd_echo=%3Cb%3E"),
        gateway_event("zadarma", b"", method="GET", query="zd_echo=" + "x" * 101),
        gateway_event("zadarma", b"", query="zd_echo=kv7f3a91"),
    ],
    ids=[
        "forged", "no signature", "no ascii", "half a character", "short signature", "no body", "no form", "changed", "truncated",
        "another event", "long name", "bare look", "echo of markup", "long echo", "echo of a post",
    ],
)  # fmt: skip
def test_what_is_not_signed_by_the_sites_secret_changes_nothing(
    numbers: Numbers, event: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert numbers.call(event)["statusCode"] == 401
    assert (numbers.items("call#"), numbers.stored()) == ([], [])
    assert {"Refused": 1, "Door": "calls-zadarma", "Reason": "signature"}.items() <= counted(capsys.readouterr().out)[-1].items()


def test_another_sites_signature_is_refused(numbers: Numbers) -> None:
    numbers.clients.ssm.parameters["/skvoz/test/dacha/calls-zadarma"] = "another-secret-of-zadarma"
    numbers.publish({**SETTINGS, "site_id": "dacha", "calls": {"zadarma": {}}})
    theirs, ours = sent(END, "another-secret-of-zadarma"), sent(END)
    assert numbers.call(theirs)["statusCode"] == 401
    for event in (theirs, ours):
        event["pathParameters"]["site"] = "dacha"
    assert [numbers.call(event)["statusCode"] for event in (theirs, ours)] == [200, 401]


@pytest.mark.parametrize("secret", ["", "key-of-zadarma:", ":short"])
def test_without_a_usable_secret_nothing_is_believed(numbers: Numbers, secret: str) -> None:
    open_door(numbers, "zadarma", secret)
    assert numbers.call(sent(END, secret.rpartition(":")[2]))["statusCode"] == 401


@pytest.mark.parametrize("value", [SECRET, f"key-of-zadarma:{SECRET}", f"a-brand-new-secret-of-zadarma key-of-zadarma:{SECRET}"])
def test_the_secret_may_stand_alone_with_its_key_or_after_a_new_one(numbers: Numbers, value: str) -> None:
    open_door(numbers, "zadarma", value)
    post(numbers, END)


def test_a_replayed_body_changes_nothing(numbers: Numbers) -> None:
    names = ("notify_start", "notify_answer", "notify_end", "notify_record")
    for name in names:
        post(numbers, FIELDS[name])
    before = state_of(numbers)
    numbers.later(days=3)
    for name in names:
        post(numbers, FIELDS[name])
        assert state_of(numbers) == before


def test_a_replayed_question_is_told_nothing(numbers: Numbers) -> None:
    """Neither at once, nor as another kind of event that the signature covers as well, nor once the call has rung."""
    open_door(numbers, "zadarma", SECRET, [{"to": "214"}])
    start = told("notify_start", called_did="74950000051")
    menu, told_all = {**start, "event": "NOTIFY_IVR"}, {"redirect": 214, "caller_name": "banner / offline / Тверская"}
    numbers.now = RINGS
    assert body_of(post(numbers, start)) == told_all
    assert body_of(post(numbers, start)) == {}
    numbers.now = RINGS + timedelta(minutes=4)
    assert body_of(post(numbers, menu)) == told_all
    assert body_of(post(numbers, menu)) == {}
    numbers.now = RINGS + timedelta(minutes=6)
    for fields in (start, menu, {**menu, "wait_dtmf[digits]": "123456"}, {**start, "pbx_call_id": "in_never_told"}):
        assert body_of(post(numbers, fields)) == {}


def test_a_body_is_refused_once_its_call_is_forgotten(numbers: Numbers) -> None:
    numbers.later(days=31, minutes=1)
    for name in ("notify_start", "notify_answer", "notify_end"):
        assert numbers.call(sent(FIELDS[name]))["statusCode"] == 400
    post(numbers, FIELDS["notify_record"])
    assert (set(rejected(numbers, "zadarma")), numbers.stored()) == ({"too_old"}, [])


# --- what the parts come to ------------------------------------------------------------------------------------------------------


def test_the_storys_clients_are_found_by_their_numbers(numbers: Numbers) -> None:
    """No event tells when a call was answered or when it ended: the wait stays unknown."""
    a, b, d = (STORY_CALLS[client] for client in "ABD")
    holds(numbers, "A", a["to"], at(a["start"]))
    post(numbers, FIELDS["notify_start"])
    numbers.now = at(a["end"]) + timedelta(minutes=1)
    for name in ("notify_answer", "notify_end", "notify_record"):
        post(numbers, FIELDS[name])
    holds(numbers, "B", b["to"], at(b["start"]))
    numbers.now = at(b["end"]) + timedelta(seconds=2)
    post(numbers, FIELDS["notify_end_missed"])
    numbers.now = at("2026-10-14T19:41:00+03:00")
    post(numbers, FIELDS["notify_out_end"])
    holds(numbers, "D", d["to"], at(d["start"]))
    numbers.now = at(d["end"]) + timedelta(seconds=2)
    ids = {"pbx_call_id": "in_d", "call_start": "2026-10-28 12:36:00", "caller_id": d["from"], "called_did": d["to"][1:]}
    post(numbers, told("notify_end", **ids, duration="141", internal="215"))

    record_a, record_b, record_d = (latest(numbers, call_id) for call_id in (ID_A, ID_B, "in_d"))
    check_story(record_a, "A")
    assert (record_a["outcome"], record_a["answered_by"], record_a["has_recording"]) == ("answered", "214", True)
    check_story(record_b, "B")
    assert record_b["outcome"] == "missed"
    check_story(record_d, "D")
    called_back = latest(numbers, "out_518a603211e6957c")
    assert (called_back["direction"], called_back["number"], called_back["outcome"]) == ("out", "+74950000010", "busy")
    assert (called_back["resolved_by"], called_back["visitor_id"]) == ("caller", visitor_id(VISITORS["B"]))


def parts(**changes: str) -> list[dict[str, str]]:
    """All that may be told of A's call."""
    start = told("notify_start", **changes)
    menu = {**start, "event": "NOTIFY_IVR", "wait_dtmf[name]": "code", "wait_dtmf[digits]": "123456"}
    internal = {**start, "event": "NOTIFY_INTERNAL", "internal": "214"}
    return [start, menu, internal, *(told(name, **changes) for name in ("notify_answer", "notify_end", "notify_record"))]


@pytest.mark.parametrize("disposition", ["answered", "hangup", ""])
def test_every_order_of_a_calls_events_tells_the_same_call(disposition: str) -> None:
    events = events_of([read(ZADARMA, sent({**fields, "disposition": disposition}), NOW) for fields in parts()])
    (known,) = {call_from([*order, *order[:2]]) for order in permutations(events)}
    assert known
    assert (known.outcome, known.talk_seconds, known.wait_seconds, known.answered_by) == ("answered", 194, None, "214")
    assert (known.visitor_code, known.recording) == ("123456", "1791791527.4410023")


def test_the_record_is_the_same_for_every_order_of_arrival(numbers: Numbers) -> None:
    a = STORY_CALLS["A"]
    holds(numbers, "A", a["to"], at(a["start"]))
    records = []
    for order in list(permutations(parts()))[::180]:
        forget_calls(numbers)
        numbers.now = NOW
        for fields in order:
            numbers.later(seconds=1)
            post(numbers, fields)
        records.append(content(latest(numbers, ID_A)))
    assert all(record == records[0] for record in records)
    check_story(records[0], "A")


@pytest.mark.parametrize(
    ("disposition", "duration", "outcome", "talk"),
    [
        ("answered", "194", "answered", 194), ("Answered", "", "answered", None), ("busy", "0", "busy", 0),
        ("cancel", "9", "abandoned", 0),
        ("no answer", "30", "missed", 0), ("failed", "0", "failed", 0), ("no money", "0", "failed", 0),
        ("line limit", "0", "failed", 0),
        ("unallocated number", "0", "failed", 0), ("no limit", "0", "failed", 0), ("no day limit", "0", "failed", 0),
        ("no money, no limit", "0", "failed", 0), ("hangup", "12", "answered", 12), ("hangup", "0", "missed", 0),
        ("new word", "", "missed", 0),
    ],
)  # fmt: skip
def test_a_disposition_says_how_the_call_ended(disposition: str, duration: str, outcome: str, talk: int) -> None:
    fields = told("notify_end", disposition=disposition, duration=duration)
    known = call_from(read(ZADARMA, sent(fields), NOW).events)
    assert known
    assert (known.outcome, known.talk_seconds, known.answered_by) == (outcome, talk, "214" if outcome == "answered" else None)


def test_where_the_end_does_not_say_it_the_event_of_an_answer_does() -> None:
    bodies = (FIELDS["notify_start"], FIELDS["notify_answer"], told("notify_end", disposition="hangup", duration="0"))
    events = events_of([read(ZADARMA, sent(fields), NOW) for fields in bodies])
    (known,) = {call_from(order) for order in permutations(events)}
    assert known
    assert (known.outcome, known.answered_by, known.talk_seconds) == ("answered", "214", None)


def test_a_call_without_an_id_is_known_by_its_start_caller_and_number(numbers: Numbers) -> None:
    for name in ("notify_start", "notify_end"):
        post(numbers, told(name, pbx_call_id="-"))
    assert read(ZADARMA, sent(told("notify_answer", pbx_call_id="-")), NOW).passed_over == "no_call_id"
    assert len({record["request_id"] for record in numbers.stored()}) == 1
    assert "79000000017" not in str(numbers.stored()), "an id that is made of a phone is stored as a hash"
    post(numbers, told("notify_end", pbx_call_id="-", call_start="2026-10-12 10:52:08"))
    assert len({record["request_id"] for record in numbers.stored()}) == 2


def test_an_outgoing_call_that_we_gave_up_was_missed_not_abandoned() -> None:
    known = call_from(read(ZADARMA, sent(told("notify_out_end", disposition="cancel")), at("2026-10-14T20:00:00+03:00")).events)
    assert known
    assert (known.is_incoming, known.outcome) == (False, "missed")


def test_times_are_in_the_zone_of_the_settings(numbers: Numbers) -> None:
    open_door(numbers, "zadarma", SECRET, time_zone="Asia/Yekaterinburg")
    post(numbers, END)
    assert numbers.stored()[0]["occurred_at"].startswith("2026-10-12 05:52:07")


# --- what is answered ------------------------------------------------------------------------------------------------------------


def test_the_look_at_the_address_gets_its_bare_word_back(numbers: Numbers) -> None:
    answer = numbers.call(gateway_event("zadarma", b"", method="GET", query=example_query("zadarma/echo_and_reply.http.txt")))
    assert (answer["statusCode"], answer["headers"]["content-type"], answer["body"]) == (200, "text/plain", "kv7f3a91")


@pytest.mark.parametrize(("to", "redirect"), [("214", 214), ("0-1", "0-1"), ("007", "007"), ("blacklist", "blacklist")])
def test_a_ringing_call_is_told_where_to_go_and_who_calls(numbers: Numbers, to: str, redirect: object) -> None:
    open_door(numbers, "zadarma", SECRET, [{"to": to}])
    numbers.now = RINGS
    fields = told("notify_start", called_did="74950000051")
    assert body_of(post(numbers, fields)) == {"redirect": redirect, "caller_name": "banner / offline / Тверская"}
    assert body_of(post(numbers, {**fields, "event": "NOTIFY_IVR"})) == {
        "redirect": redirect,
        "caller_name": "banner / offline / Тверская",
    }
    assert body_of(post(numbers, {**fields, "event": "NOTIFY_INTERNAL", "internal": "214"})) == {}


def test_without_a_route_a_call_goes_as_it_would_without_us(numbers: Numbers) -> None:
    assert body_of(post(numbers, FIELDS["notify_start"])) == {}
    assert body_of(post(numbers, END)) == {}


# --- what is refused or passed over ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        (told("notify_end", called_did="-"), "bad_number"), (told("notify_end", called_did="sip:shop@pbx.example"), "bad_number"),
        (told("notify_start", call_start="-"), "bad_time"), (told("notify_start", call_start="12.10.2026 10:52"), "bad_time"),
        (told("notify_start", call_start="2026-10-12 11:30:00"), "in_future"),
        (told("notify_start", call_start="1999-01-01 00:00:00"), "too_old"),
        (told("notify_end", duration="a while"), "bad_duration"), (told("notify_end", duration="9" * 30), "bad_duration"),
        (told("notify_end", pbx_call_id="x" * 101), "bad_id"), (told("notify_record", pbx_call_id="-"), "bad_id"),
        (told("notify_record", call_id_with_rec="-"), "bad_id"),
        (told("notify_out_end", caller_id="214", call_start="2026-10-12 10:52:07"), "bad_number"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_rejected_with_its_reason(numbers: Numbers, fields: dict[str, str], reason: str) -> None:
    assert numbers.call(sent(fields))["statusCode"] == 400
    assert rejected(numbers, "zadarma") == [reason]
    assert (numbers.items("call#"), numbers.stored()) == ([], [])


def test_calls_between_extensions_and_other_events_are_passed_over() -> None:
    inner = told("notify_out_end", destination="215", call_start="2026-10-12 10:52:07")
    assert read(ZADARMA, sent(inner), NOW).passed_over == "internal"
    assert read(ZADARMA, sent({"event": "SMS", "result": "{}"}), NOW).passed_over == "other_event"


@pytest.mark.parametrize("caller", ["", "anonymous", "Unknown", "100"])
def test_a_withheld_caller_is_a_call_of_nobody_known(numbers: Numbers, caller: str) -> None:
    post(numbers, told("notify_end", caller_id=caller))
    assert numbers.stored()[0].get("phone_hash") is None


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.sampled_from(sorted(FIELDS)),
    changes=st.dictionaries(
        st.sampled_from(["caller_id", "called_did", "call_start", "pbx_call_id", "duration", "disposition", "destination"
        , "internal", "wait_dtmf"]),
        st.text(st.characters(exclude_categories=["Cs"]), max_size=40).filter(lambda text: not text.startswith(" ")),
        min_size=1, max_size=3,
    ),
)  # fmt: skip
def test_no_content_makes_the_door_fail(numbers: Numbers, name: str, changes: dict[str, str]) -> None:
    numbers.now = at("2026-10-14T20:00:00+03:00")
    assert numbers.call(sent({**FIELDS[name], **changes}))["statusCode"] in (200, 400)
