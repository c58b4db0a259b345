"""Calltouch's webhooks through the handler, as forms and as queries."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.api.numbers_door import Numbers, moto_dynamodb
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

NOW = at("2026-10-28T12:00:00+03:00")
A = {"callerphone": "79000000017", "phonenumber": "74950000031", "calltime": "2026-10-12 10:52:07", "status": "successful"}
B = {"callerphone": "79000000042", "phonenumber": "74950000033", "calltime": "2026-10-14 19:12:40", "status": "unsuccessful"}
D = {"callerphone": "79000000063", "phonenumber": "74950000034", "calltime": "2026-10-28 12:36:00", "status": "successful"}


@pytest.fixture
def numbers(monkeypatch: pytest.MonkeyPatch) -> Iterator[Numbers]:
    with moto_dynamodb(monkeypatch) as dynamodb:
        made = Numbers(monkeypatch, dynamodb)
        publish(made, "calltouch")
        made.now = NOW
        yield made


def told(numbers: Numbers, **changes: Any) -> dict[str, Any]:
    """The latest record after a form about client A's call, some of it told otherwise."""
    sent(numbers, "calltouch", urlencode({**A, **changes}))
    return numbers.stored()[-1]


def test_the_story_s_calls_are_found_by_their_leases(numbers: Numbers) -> None:
    """A form and a query; wait and talk are not told."""
    visits(numbers)
    sent(numbers, "calltouch", example("calltouch/webhook_call_end.form.txt"))
    sent(numbers, "calltouch", query=example_query("calltouch/webhook_call_end_get.http.txt"))
    sent(numbers, "calltouch", urlencode(D))
    check_story(numbers, timed=False)
    numbers_called = (CALLS["A"]["to"], CALLS["B"]["to"], D_CALL["to"])
    assert [calls(numbers)[number]["outcome"] for number in numbers_called] == ["answered", "missed", "answered"]


def test_with_seconds_of_talk_the_story_s_call_is_whole(numbers: Numbers) -> None:
    publish(numbers, "calltouch", fields={"duration": "sec", "waiting": "wait", "call_id": "id"})
    visits(numbers)
    told_whole = ((A, "194", "14", "881"), (B, "0", "37", "882"), (D, "141", "11", "883"))
    for body, talk, wait, call_id in told_whole:
        sent(numbers, "calltouch", urlencode({**body, "sec": talk, "wait": wait, "id": call_id}))
    check_story(numbers)
    assert [record["call_id"] for record in numbers.stored()] == ["881", "882", "883"]


def test_its_own_source_is_not_taken_for_the_visit_s(numbers: Numbers) -> None:
    record = told(numbers, utm_source="yandex", source="yandex", medium="cpc")
    assert not [name for name in record if name.startswith("utm_") and record[name]]


def test_the_id_that_is_made_of_phones_is_kept_as_a_hash(numbers: Numbers) -> None:
    record, hidden = told(numbers), told(numbers, callerphone="anonymous")
    for one in (record, hidden):
        assert len(one["call_id"]) == 32
        assert "9000000017" not in one["call_id"]
    assert record["call_id"] != hidden["call_id"]


def test_start_end_and_lead_of_one_call_are_one_call_in_every_order() -> None:
    parts: list[dict[str, Any]] = [{"status": ""}, {}, {"status": "unsuccessful"}, {"duration": "194"}]
    requests = [{"body": urlencode({**A, **part}).encode()} for part in parts]
    finals = {call_told("calltouch", list(order), NOW, open_settings("calltouch")) for order in permutations(requests)}
    assert len(finals) == 1
    final = finals.pop()
    assert final is not None
    assert (final.outcome, final.talk_seconds) == ("answered", 194)


def test_a_repeat_is_the_same_record(numbers: Numbers) -> None:
    assert told(numbers)["record_id"] == told(numbers)["record_id"]


def test_a_short_talk_is_answered_whatever_the_status_says(numbers: Numbers) -> None:
    """Unsuccessful may mean: no target call."""
    assert told(numbers, status="unsuccessful", duration="7")["is_answered"] is True


def test_unix_seconds_tell_the_start_too(numbers: Numbers) -> None:
    record = told(numbers, calltime="", timestamp="1791791527")
    assert record["occurred_at"] == "2026-10-12 07:52:07.000"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"phonenumber": ""}, "bad_number"),
        ({"phonenumber": "office"}, "bad_number"),
        ({"calltime": ""}, "bad_time"),
        ({"calltime": "12.10.2026 10:52"}, "bad_time"),
        ({"calltime": "2026-10-28 12:30:00"}, "in_future"),
        ({"duration": "-1"}, "bad_duration"),
        ({"x" * 501: "1"}, "bad_body"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_reason_and_kept(numbers: Numbers, changes: dict[str, str], reason: str) -> None:
    assert send(numbers, "calltouch", urlencode({**A, **changes}))["statusCode"] == 400
    assert numbers.stored() == []
    [one] = rejects(numbers, "calltouch")
    assert one["reason"] == reason
    assert one["content"] in kept(numbers)


def test_a_windows_1251_form_is_read(numbers: Numbers) -> None:
    sent(numbers, "calltouch", urlencode(A).encode() + "&source=Яндекс".encode("windows-1251"))
    assert numbers.stored()[0]["number"] == CALLS["A"]["to"]


@pytest.mark.parametrize(
    ("site", "token"),
    [("kvartal", "wrong"), ("kvartal", ""), ("kvartal", OTHER_TOKEN), ("other", TOKEN), ("closed", TOKEN), ("nobody", TOKEN)],
)
def test_without_the_site_s_own_token_nothing_is_kept(numbers: Numbers, site: str, token: str) -> None:
    assert send(numbers, "calltouch", urlencode(A), site=site, rest=token)["statusCode"] in (401, 404)
    assert (numbers.stored(), kept(numbers)) == ([], [])
