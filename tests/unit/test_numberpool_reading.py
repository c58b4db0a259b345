"""Fields as telephonies write them, in every spelling, and the generic event as a whole: nothing is guessed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.numberpool.pbx.adapter import Heard, Refused
from functions.numberpool.pbx.event import Call, CallEvent, call_of, merged
from functions.numberpool.pbx.providers.generic import GENERIC
from functions.numberpool.pbx.reading import read_code, read_phone, read_seconds, read_text, read_time
from shared.http import Request

MOSCOW = ZoneInfo("Europe/Moscow")
NOW = datetime(2026, 10, 15, tzinfo=UTC)
BODY = {
    "call_id": 41791526003, "our_number": "0074950000031", "client_number": "0079000000017", "is_outgoing": 0,
    "start_time": "2026-10-12T10:52:07+03:00", "agent_answer_time": "2026-10-12T07:52:21Z",
    "hangup_time": "2026-10-12T10:55:35+03:00", "duration": 194,
}  # fmt: skip


def heard(body: dict[str, Any]) -> CallEvent:
    """The generic event that a body tells."""
    request = Request("", {}, {}, {}, {}, orjson.dumps(body), "", NOW, "r")
    (event,) = GENERIC.read(Heard(request, {"site_id": "kvartal"}, {}, MOSCOW, "", "msg_1")).events
    return event


def read_call(body: dict[str, Any], now: datetime = NOW) -> Call:
    """The call that one event makes."""
    call = call_of(merged({}, heard(body)._replace(order=(0, 1)), "hash"))
    assert call is not None
    return call


def test_an_answered_call() -> None:
    event, told = heard(BODY), read_call(BODY)
    assert event.call_id == "41791526003"
    assert (told.number, event.caller, told.is_incoming) == ("+74950000031", "+79000000017", True)
    assert told.started_at == datetime(2026, 10, 12, 7, 52, 7, tzinfo=UTC)
    assert (told.is_answered, told.wait_seconds, told.talk_seconds) == (True, 14, 194)


@pytest.mark.parametrize("missed", [None, ""])
def test_a_missed_call_waited_to_its_end_and_has_no_talk(missed: Any) -> None:
    told = read_call({**BODY, "agent_answer_time": missed, "duration": 208})
    assert (told.is_answered, told.wait_seconds, told.talk_seconds) == (False, 208, 0)
    assert read_call({**BODY, "agent_answer_time": missed, "hangup_time": None}).wait_seconds is None


@pytest.mark.parametrize(
    ("sent", "is_incoming"),
    [(0, True), ("0", True), (False, True), ("false", True), (1, False), ("1", False), (True, False), (" True ", False)],
)
def test_directions_come_in_many_forms(sent: Any, is_incoming: bool) -> None:
    assert read_call({**BODY, "is_outgoing": sent}).is_incoming is is_incoming


@pytest.mark.parametrize(
    "spelling", ["0074950000031", "84950000031", "+74950000031", " 74950000031", "8 (495) 000-00-31", 74950000031]
)
def test_numbers_come_in_many_spellings(spelling: Any) -> None:
    assert read_phone(spelling) == "+74950000031"


@pytest.mark.parametrize(
    "spelling",
    [
        "sip:+74950000031@10.0.0.12", "sip:74950000031@1.2.3.4:5060;transport=udp", "SIPS:84950000031@pbx1.shop.example",
        "74950000031@192.168.100.101", "tel:+7-495-000-00-31", "tel:+74950000031;ext=12", "sip:%2B74950000031@pbx",
        '"Отдел 7" <sip:+74950000031@10.0.0.12>;tag=99', "sip:74950000031", "sip:74950000031:secret@pbx",
    ],
)  # fmt: skip
def test_a_sip_address_is_the_phone_in_it(spelling: str) -> None:
    assert read_phone(spelling) == "+74950000031"


@pytest.mark.parametrize(
    "none",
    [
        "sip:101@10.0.0.12", "101@10.0.0.12", "sip:101@pbx74950000031.example", "sip:anonymous@74950000031.example",
        "sip:@74950000031", "sip:192.168.100.101", "192.168.100.101", "192.168.100.101:5060", "sip:manager79000000017@pbx",
        "sip:ivan.9000000017@pbx", '"+79000000017" <sip:101@10.0.0.12>', "sip:", "tel:", "<sip:>", "sip:" * 500, "<" * 500,
        "12345678901234567890",
    ],
)  # fmt: skip
def test_a_sip_address_without_a_phone_is_none(none: str) -> None:
    assert read_phone(none) is None


@pytest.mark.parametrize("none", [None, "", "anonymous", "101", True, 1.5, [], {}, "+" * 50, "9" * 40])
def test_what_is_no_phone_is_none(none: Any) -> None:
    assert read_phone(none) is None


@pytest.mark.parametrize(("sent", "talk"), [("194", 194), (194.9, 194), (0, 0), (None, 194), ("", 194)])
def test_talk_comes_as_number_or_text_or_from_the_times(sent: Any, talk: int) -> None:
    assert read_call({**BODY, "duration": sent}).talk_seconds == talk


def test_equal_events_have_equal_ids_and_others_do_not() -> None:
    same = {**BODY, "our_number": "84950000031", "is_outgoing": "0", "onhold_duration": 5}
    assert heard(same).event_id == heard(BODY).event_id
    assert heard({**BODY, "duration": 195}).event_id != heard(BODY).event_id


@pytest.mark.parametrize(
    ("sent", "zone", "wanted"),
    [
        ("2026-10-12 10:52:07", MOSCOW, "2026-10-12T07:52:07"), ("2026-10-12T10:52", MOSCOW, "2026-10-12T07:52:00"),
        ("2026-10-12T10:52:07Z", MOSCOW, "2026-10-12T10:52:07"), (1791791527, MOSCOW, "2026-10-12T07:52:07"),
        ("1791791527", None, "2026-10-12T07:52:07"), (1791791527.5, None, "2026-10-12T07:52:07.500"),
    ],
)  # fmt: skip
def test_times_come_with_an_offset_by_the_zone_or_as_unix_seconds(sent: Any, zone: ZoneInfo | None, wanted: str) -> None:
    assert read_time(sent, "t", NOW, zone) == datetime.fromisoformat(wanted).replace(tzinfo=UTC)


@pytest.mark.parametrize("none", [None, "", 0, "0"])
def test_a_time_that_is_not_told_is_none(none: Any) -> None:
    assert read_time(none, "t", NOW, MOSCOW) is None


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        ("2026-10-12 10:52:07", "bad_time"), ("2026-13-12 10:52:07", "bad_time"), (True, "bad_time"), ([1], "bad_time"),
        ("yesterday", "bad_time"), (123456789, "too_old"), ("1999-01-01T00:00:00Z", "too_old"),
        ("2026-10-15T00:06:00Z", "in_future"),
        ("99999999999", "in_future"), ("9999-12-31T23:59:59-14:00", "bad_time"),
    ],
)  # fmt: skip
def test_a_time_that_cannot_be_right_is_refused(sent: Any, reason: str) -> None:
    with pytest.raises(Refused) as refused:
        read_time(sent, "t", NOW, None)
    assert (refused.value.reason, refused.value.path) == (reason, "t")


def test_codes_texts_and_seconds() -> None:
    assert [read_code(sent) for sent in ("123456", 123456, "123 456", "12-34-56")] == ["123456"] * 4
    assert [read_code(sent) for sent in ("12345", "1234567", "012345", None, True, "None", [])] == [None] * 7
    assert read_text("  Anna\x00\n ") == "Anna"
    assert read_text("я" * 500) == "я" * 100
    assert [read_text(sent) for sent in (None, "", " ", {}, True)] == [None] * 5
    assert [read_seconds(sent, "s") for sent in (None, "", "14", 14.9, 0)] == [None, None, 14, 14, 0]


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=3,
)


@given(st.dictionaries(st.sampled_from(sorted(BODY)), _JSON))
def test_anything_is_read_or_refused_with_a_reason(changes: dict[str, Any]) -> None:
    try:
        told = read_call({**BODY, **changes})
    except Refused as error:
        refused = error
    else:
        assert told.talk_seconds >= 0
        assert told.wait_seconds is None or told.wait_seconds >= 0
        return
    assert refused.path in BODY
    assert refused.message
