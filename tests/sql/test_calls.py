"""Calls as the telephony tells them: one row a call, the request of an incoming one, target and unique calls."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.lakes import NOW, Marts, Record, assert_same, call, deal, hit, marts_of, rang, request, shop, utc, write

AT = utc("10-05 10:00")
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)


def test_an_incoming_call_is_a_request_with_all_that_the_call_knows(tmp_path: Path) -> None:
    marts = marts_of(tmp_path, [rang("a", utc("10-05 21:30"), visitor="v", phone="p")])
    made = marts.row("requests")
    assert (made["request_id"], made["contact_channel"], made["visitor_id"]) == ("call-a", "call", "v")
    assert (str(made["day"]), made["created_at"], made["is_counted"]) == ("2026-10-06", utc("10-05 21:30"), True)
    fact = marts.row("request_facts")
    assert (fact["call_id"], fact["phone_hash"], fact["is_answered"], fact["talk_seconds"]) == ("a", "p", True, 90)
    assert (str(marts.row("calls")["day"]), marts.row("calls")["started_at"]) == ("2026-10-06", utc("10-05 21:30"))


def test_outgoing_calls_and_test_traffic_make_no_request(tmp_path: Path) -> None:
    marts = marts_of(tmp_path, [rang("out", AT, direction="out", request_id="named"), rang("test", AT, is_test=True)])
    assert marts.rows("requests") == []
    assert marts.rows("calls", "call_id", "resolved_by") == [("out", None)]


@pytest.mark.parametrize("apart", [timedelta(0), MINUTE])
def test_the_latest_record_of_a_call_stands(apart: timedelta, tmp_path: Path) -> None:
    first = rang("a", AT, 0, received_at=AT, record_id="1")
    second = rang("a", AT, 95, received_at=AT + apart, record_id="2")
    marts = marts_of(tmp_path, [second, first])
    assert marts.rows("calls", "is_answered", "talk_seconds") == [(True, 95)]
    assert marts.rows("requests", "is_counted") == [True]


def test_calls_of_two_telephonies_with_one_id_are_two(tmp_path: Path) -> None:
    marts = marts_of(tmp_path, [rang("1", AT, provider="uis", request_id="u"), rang("1", AT + DAY, provider="pbx", request_id="p")])
    assert marts.rows("calls", "provider", "request_id") == [("pbx", "p"), ("uis", "u")]
    assert marts.rows("requests", "request_id") == ["p", "u"]


def test_of_a_call_and_a_request_with_one_id_the_call_is_believed_and_the_record_fills_its_gaps(tmp_path: Path) -> None:
    told = {"email": "e", "visitor": "recorded", "phone": "other", "page_url": "/"}
    record = call("call-a", AT - MINUTE, 300, ad="flyer/offline/spring", call_id="other", **told)
    facts = marts_of(tmp_path, [record, rang("a", AT, 0, phone="p")]).row("request_facts")
    assert (facts["created_at"], facts["is_answered"], facts["talk_seconds"]) == (AT, False, 0)
    assert (facts["call_id"], facts["phone_hash"], facts["email_hash"], facts["visitor_id"]) == ("a", "p", "e", "recorded")
    assert (facts["source_key"], facts["campaign"]) == ("flyer|offline|||spring", "spring")


def test_the_source_of_a_static_number_outranks_that_of_the_record(tmp_path: Path) -> None:
    records = [request("call-a", AT, "crm/form/old", phone="p"), rang("a", AT, ad="flyer/offline", resolved_by="number")]
    facts = marts_of(tmp_path, records).row("request_facts")
    assert (facts["source_key"], facts["campaign"], facts["contact_channel"]) == ("flyer|offline|||", None, "call")


def test_a_call_to_a_static_number_brings_its_source_unless_its_visitor_is_here(tmp_path: Path) -> None:
    known = [hit("v", AT, "vk/cpc"), rang("known", AT + MINUTE, visitor="v", phone="p", ad="flyer/offline/fair")]
    marts = marts_of(tmp_path, [*known, rang("stranger", AT + MINUTE, phone="q", ad="flyer/offline/fair", resolved_by="number")])
    assert marts.credits("call-known", "last") == {"VK Ads": 1.0}
    assert marts.credits("call-stranger", "last") == {"Offline ads": 1.0}
    row = marts.row("calls", call_id="stranger")
    assert (row["channel"], row["source"], row["medium"], row["campaign"]) == ("Offline ads", "flyer", "offline", "fair")


def test_a_deal_finds_its_call_by_request_id_call_id_and_phone(tmp_path: Path) -> None:
    calls = [rang(name, AT + n * DAY, phone=f"p-{name}") for n, name in enumerate("abc")]
    keys: list[dict[str, Any]] = [{"request_id": "call-a"}, {"call_id": "b"}, {"phone": "p-c"}]
    deals = [deal(f"d{n}", AT + n * DAY + MINUTE, "won", **key) for n, key in enumerate(keys)]
    marts = marts_of(tmp_path, [*calls, *deals])
    found = marts.rows("deals", "request_id", "match_method")
    assert found == [("call-a", "request_id"), ("call-b", "call_id"), ("call-c", "phone")]


def judged(marts: Marts) -> dict[str, tuple[bool, bool]]:
    return {row["call_id"]: (row["is_target"], row["is_unique"]) for row in marts.rows("calls")}


def test_a_call_is_unique_when_no_target_call_of_the_caller_came_in_a_day_by_telephony_or_import(tmp_path: Path) -> None:
    ms, a_day = timedelta(milliseconds=1), timedelta(seconds=86_400)
    records = [
        call("imported", AT - DAY, 45, phone="i"),
        rang("i", AT, phone="i"),
        rang("1-short", AT - MINUTE, 29, phone="p"),
        rang("2-target", AT, 30, phone="p"),
        rang("3-missed", AT + a_day, 0, phone="p"),
        rang("4-again", AT + a_day, phone="p"),
        rang("5-later", AT + 2 * a_day + ms, phone="p"),
        rang("6-anonymous", AT),
        rang("7-anonymous", AT + MINUTE),
        rang("8-out", AT, phone="z", direction="out"),
    ]
    assert judged(marts_of(tmp_path, records)) == {
        "i": (True, False),
        "1-short": (False, True),
        "2-target": (True, True),
        "3-missed": (False, False),
        "4-again": (True, False),
        "5-later": (True, True),
        "6-anonymous": (True, True),
        "7-anonymous": (True, True),
        "8-out": (False, False),
    }


def test_the_length_of_a_target_call_is_a_setting(tmp_path: Path) -> None:
    marts = marts_of(tmp_path, [rang("a", AT, 5, phone="p")], shop(requests={"target_talk_seconds": 5}))
    assert judged(marts) == {"a": (True, True)}


def test_a_correction_that_comes_later_changes_the_call_its_request_and_the_next_call(tmp_path: Path) -> None:
    first: list[Record] = [rang("a", AT, 0, phone="p"), rang("b", AT + MINUTE, phone="p")]
    marts = marts_of(tmp_path, first, shop(requests={"duplicate_days": "off"}))
    assert marts.rows("requests", "request_id", "is_counted") == [("call-a", False), ("call-b", True)]
    correction = rang("a", AT, 95, phone="p", received_at=NOW + DAY)
    write(tmp_path, [correction], NOW + DAY)
    marts.refresh(NOW + DAY)
    assert marts.rows("requests", "request_id", "is_counted") == [("call-a", True), ("call-b", False)]
    anew = marts_of(tmp_path / "anew", [*first, correction], shop(requests={"duplicate_days": "off"}), NOW + DAY)
    assert_same(marts.everything(), anew.everything())


def test_data_reach_to_the_latest_call(tmp_path: Path) -> None:
    marts = marts_of(tmp_path, [hit("v", AT), rang("a", AT + DAY)])
    assert marts.ledger.last_complete("shop")["data_to"] == "2026-10-06 10:00:02.000"


def test_numbers_and_forms_of_the_settings_rewrite_no_history(tmp_path: Path) -> None:
    marts = marts_of(tmp_path, [rang("a", AT)])
    before = marts.ledger.last_complete("shop")["fingerprint"]
    marts.sites = [shop(numbers={"default": "+74950000010"}, forms={"contacts": True})]
    marts.refresh(NOW + DAY)
    assert marts.ledger.last_complete("shop")["fingerprint"] == before
