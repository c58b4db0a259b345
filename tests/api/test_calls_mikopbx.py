"""MikoPBX's call tracking module through the handler: a call rings, and nothing more."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.api.numbers_door import Numbers, moto_dynamodb, visitor_id
from tests.api.open_calls import CALLS, D_CALL, OTHER_TOKEN, TOKEN, VISITORS, at, example, kept, publish, rejects, sees, send, sent

A = {"caller": "79000000017", "called": "74950000031", "linkedid": "mikopbx-1791791527.118", "channel": "PJSIP/kvartal-trunk-1"}
B = {"caller": "79000000042", "called": "74950000033", "linkedid": "1791994360.204", "channel": "PJSIP/1"}
D = {
    "caller": "79000000063",
    "called": "74950000034",
    "linkedid": f"{int(at(D_CALL['start']).timestamp())}.7",
    "channel": "PJSIP/1",
}


@pytest.fixture
def numbers(monkeypatch: pytest.MonkeyPatch) -> Iterator[Numbers]:
    with moto_dynamodb(monkeypatch) as dynamodb:
        made = Numbers(monkeypatch, dynamodb)
        publish(made, "mikopbx")
        made.now = at("2026-10-12T10:52:08+03:00")
        yield made


def basic(token: str) -> dict[str, str]:
    return {"authorization": "Basic " + base64.b64encode(f"kvartal:{token}".encode()).decode()}


def test_the_story_s_calls_are_found_while_they_ring(numbers: Numbers) -> None:
    answers, told = [], {"A": CALLS["A"], "B": CALLS["B"], "D": D_CALL}
    bodies = {"A": example("asterisk/mikopbx_interception.form.txt"), "B": urlencode(B).encode(), "D": urlencode(D).encode()}
    for client, body in bodies.items():
        began = at(told[client]["start"])
        sees(numbers, client, told[client]["to"], began - timedelta(minutes=3), began)
        numbers.now = began + timedelta(seconds=1)
        answers.append(sent(numbers, "mikopbx", body) if client == "A" else sent(numbers, "mikopbx", query=body.decode()))
    for answer, record, client in zip(answers, numbers.stored(), "ABD", strict=True):
        found = visitor_id(VISITORS[client])
        assert (answer["resolved_by"], answer["visitor_id"]) == (record["resolved_by"], record["visitor_id"]) == ("lease", found)
        assert record["occurred_at"][:19] == at(told[client]["start"]).strftime("%Y-%m-%d %H:%M:%S")
        assert (record.get("outcome"), record["is_answered"]) == (None, False)


def test_the_operator_hears_whose_call_it_is(numbers: Numbers) -> None:
    answer = sent(numbers, "mikopbx", urlencode({**A, "called": "84950000041"}))
    assert (answer["number"], answer["kind"], answer["utm_source"]) == ("+74950000041", "static", "vk")


def test_without_a_time_in_its_id_a_call_began_when_it_was_told(numbers: Numbers) -> None:
    """Told twice, the first telling has the truest time."""
    for _ in range(2):
        sent(numbers, "mikopbx", urlencode({**A, "linkedid": "abc"}))
        numbers.now += timedelta(seconds=1)
    assert {record["occurred_at"] for record in numbers.stored()} == {"2026-10-12 07:52:08.000"}
    assert len({record["record_id"] for record in numbers.stored()}) == 1


@pytest.mark.parametrize("caller", ["", "anonymous", "<unknown>", "214"])
def test_a_withheld_caller_is_still_a_call(numbers: Numbers, caller: str) -> None:
    sent(numbers, "mikopbx", urlencode({**A, "caller": caller}))
    assert numbers.stored()[0].get("phone_hash") is None


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"called": ""}, "bad_number"),
        ({"called": "s"}, "bad_number"),
        ({"linkedid": ""}, "bad_id"),
        ({"linkedid": "1991791527.1"}, "in_future"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_reason_and_kept(numbers: Numbers, changes: dict[str, str], reason: str) -> None:
    assert send(numbers, "mikopbx", urlencode({**A, **changes}))["statusCode"] == 400
    [one] = rejects(numbers, "mikopbx")
    assert (one["reason"], one["content"] in kept(numbers), numbers.stored()) == (reason, True, [])


def test_the_token_may_be_the_password(numbers: Numbers) -> None:
    sent(numbers, "mikopbx", urlencode(A), rest="", headers=basic(TOKEN))
    assert len(numbers.stored()) == 1


@pytest.mark.parametrize(
    ("site", "how"),
    [
        ("kvartal", {"rest": "wrong"}),
        ("kvartal", {"rest": ""}),
        ("kvartal", {"rest": OTHER_TOKEN}),
        ("other", {"rest": TOKEN}),
        ("closed", {"rest": TOKEN}),
        ("nobody", {"rest": TOKEN}),
        ("kvartal", {"rest": "", "headers": basic("wrong")}),
        ("kvartal", {"rest": "", "headers": {"authorization": "Basic ###"}}),
        ("kvartal", {"rest": "", "headers": {"authorization": f"Bearer {TOKEN}"}}),
    ],
)
def test_without_the_site_s_own_token_nothing_is_kept(numbers: Numbers, site: str, how: dict[str, Any]) -> None:
    assert send(numbers, "mikopbx", urlencode(A), site=site, **how)["statusCode"] in (401, 404)
    assert (numbers.stored(), kept(numbers)) == ([], [])
