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
    correction = rang("a", AT, 95, phone="p", received_at=AT + 20 * DAY)
    write(tmp_path, [correction], NOW + DAY)
    marts.refresh(NOW + DAY)
    assert marts.rows("requests", "request_id", "is_counted") == [("call-a", True), ("call-b", False)]
    anew = marts_of(tmp_path / "anew", [*first, correction], shop(requests={"duplicate_days": "off"}), NOW + DAY)
    assert_same(marts.everything(), anew.everything())


def test_what_is_told_of_a_call_after_31_days_counts_only_where_nothing_else_was_told(tmp_path: Path) -> None:
    """The door has forgotten the caller's past and the call's other parts by then."""
    known = rang("a", AT, 95, visitor="v", resolved_by="caller", received_at=AT + MINUTE)
    again = rang("a", AT, 10, resolved_by="nothing", received_at=AT + 40 * DAY)
    history = rang("b", AT, 40, received_at=AT + 41 * DAY)
    marts = marts_of(tmp_path, [known, again, history])
    assert marts.rows("calls", "call_id", "talk_seconds", "resolved_by") == [("a", 95, "caller"), ("b", 40, "nothing")]


def test_data_reach_to_the_latest_call(tmp_path: Path) -> None:
    marts = marts_of(tmp_path, [hit("v", AT), rang("a", AT + DAY)])
    assert marts.ledger.last_complete("shop")["data_to"] == "2026-10-06 10:00:02.000"


def test_numbers_and_forms_of_the_settings_rewrite_no_history(tmp_path: Path) -> None:
    marts = marts_of(tmp_path, [rang("a", AT)])
    before = marts.ledger.last_complete("shop")["fingerprint"]
    marts.sites = [shop(numbers={"default": "+74950000010"}, forms={"contacts": True})]
    marts.refresh(NOW + DAY)
    assert marts.ledger.last_complete("shop")["fingerprint"] == before


def test_a_call_has_its_outcome_and_one_that_told_none_was_answered_or_missed(tmp_path: Path) -> None:
    told: dict[str, Any] = {"outcome": "abandoned", "answered_by": "104", "has_recording": True}
    told |= {"visitor": "v", "other_visitor_id": "w", "other_resolved_by": "caller", "resolved_by": "code"}
    marts = marts_of(tmp_path, [rang("a", AT, 0, **told), rang("b", AT), rang("c", AT, 0)])
    assert marts.rows("calls", "call_id", "outcome") == [("a", "abandoned"), ("b", "answered"), ("c", "missed")]
    row = marts.row("calls", call_id="a")
    assert (row["answered_by"], row["has_recording"], row["resolved_by"]) == ("104", True, "code")
    assert (row["visitor_id"], row["other_visitor_id"], row["other_resolved_by"]) == ("v", "w", "caller")
    assert marts.row("calls", call_id="b")["has_recording"] is False


def test_a_repeat_is_a_call_of_one_who_called_within_the_settings_seconds_before(tmp_path: Path) -> None:
    hour = timedelta(hours=1)
    records = [
        rang("1", AT, phone="p"),
        rang("2", AT + hour, 0, phone="p"),
        rang("3", AT + 2 * hour, phone="p"),
        rang("4", AT + 3 * hour + timedelta(milliseconds=1), phone="p"),
        rang("5-out", AT + 3 * hour + 2 * MINUTE, phone="p", direction="out"),
        rang("6-hidden", AT),
        rang("7-hidden", AT + MINUTE),
        rang("8-other", AT + MINUTE, phone="q"),
    ]
    marts = marts_of(tmp_path, records, shop(numbers={"repeat_caller_seconds": 3600}))
    assert {row["call_id"] for row in marts.rows("calls") if row["is_repeat"]} == {"2", "3"}


def spam_of(marts: Marts) -> set[str]:
    return {row["call_id"] for row in marts.rows("calls") if row["is_spam"]}


def often(*hours: float, talk_seconds: int = 3) -> list[Record]:
    return [rang(f"{n}", AT + timedelta(hours=hour), talk_seconds, phone="p") for n, hour in enumerate(hours)]


THREE = {"spam": {"calls": 3, "talk_seconds": 10}}


@pytest.mark.parametrize(
    ("records", "spam"),
    [
        (often(0, 12, 24), {"0", "1", "2"}),
        (often(0, 12, 24 + 1e-6), set()),
        (often(0, 1), set()),
        # Two windows overlap: every call of either is spam; the one five days later stands alone.
        (often(0, 20, 22, 30, 150), {"0", "1", "2", "3"}),
        (often(0, 1, 2, talk_seconds=9), {"0", "1", "2"}),
        (often(0, 1, 2, talk_seconds=10), set()),
        # A talk within the span clears it; one outside clears nothing, and the talk itself is never spam.
        ([*often(0, 1, 2), rang("talk", AT + timedelta(hours=1), 10, phone="p")], set()),
        ([*often(0, 1, 2), rang("talk", AT + timedelta(hours=3), 10, phone="p")], {"0", "1", "2"}),
        ([*often(2, 3, 4), rang("talk", AT + timedelta(hours=1), 10, phone="p")], {"0", "1", "2"}),
        ([*often(2, 3, 4), rang("talk", AT + timedelta(hours=2), 10, phone="p")], set()),
        # We rang him back, and talked.
        ([*often(0, 1, 2), rang("back", AT + timedelta(hours=1.5), 60, phone="p", direction="out")], set()),
        ([*often(0, 1), rang("back", AT + timedelta(hours=1.5), 0, phone="p", direction="out")], set()),
        # How long he talked is not known.
        ([*often(0, 1, 2), rang("open", AT + timedelta(hours=1), None, phone="p", is_answered=True)], set()),
        ([*often(0, 1), rang("other", AT, 0, phone="q"), rang("hidden", AT, 0), rang("hidden-2", AT, 0)], set()),
        ([rang(name, AT, 0, phone="p", provider=name) for name in ("a", "b", "c")], {"a", "b", "c"}),
    ],
)
def test_a_caller_who_rings_often_within_a_day_and_never_talks_is_spam(
    records: list[Record], spam: set[str], tmp_path: Path
) -> None:
    assert spam_of(marts_of(tmp_path, records, shop(calls=THREE))) == spam


def test_by_default_ten_calls_without_ten_seconds_of_talk_are_spam_and_off_judges_none(tmp_path: Path) -> None:
    records = often(*range(10))
    assert len(spam_of(marts_of(tmp_path / "default", records))) == 10
    assert spam_of(marts_of(tmp_path / "nine", records[:9])) == set()
    assert spam_of(marts_of(tmp_path / "off", records, shop(calls={"spam": {"calls": "off"}}))) == set()


def test_spam_makes_no_request_and_is_no_target_unless_a_deal_names_the_call(tmp_path: Path) -> None:
    calls = [rang(f"{n}", AT + n * MINUTE, 40, phone="p") for n in range(3)]
    named = call("call-0", AT, 40, phone="p")
    deals = [deal("d", AT + DAY, "won", call_id="1"), deal("e", AT + DAY, "won", phone="p")]
    settings = shop(calls={"spam": {"calls": 3, "talk_seconds": 60}})
    marts = marts_of(tmp_path, [*calls, named, *deals, rang("kind", AT, 40, phone="q")], settings)
    assert marts.rows("request_facts", "request_id") == ["call-1", "call-kind"]
    assert sorted(marts.rows("deals", "match_method")) == ["call_id", "implied"]
    assert judged(marts) == {"0": (False, False), "1": (True, True), "2": (False, False), "kind": (True, True)}
    assert marts.rows("requests", "request_id", contact_channel="call") == ["call-1", "call-kind"]
    assert spam_of(marts) == {"0", "2"}


def test_a_caller_who_turns_out_to_be_spam_loses_his_requests_as_a_rebuild_would_have_it(tmp_path: Path) -> None:
    first = [
        hit("v", AT, "yandex/cpc"),
        rang("0", AT + MINUTE, 0, phone="p", visitor="v"),
        rang("1", AT + 2 * MINUTE, 0, phone="p"),
    ]
    settings = shop(calls=THREE)
    marts = marts_of(tmp_path, first, settings)
    assert len(marts.rows("credits", "request_id", model="first")) == 2
    last = rang("2", AT + 3 * MINUTE, 0, phone="p")
    write(tmp_path, [last], NOW + DAY)
    marts.refresh(NOW + DAY)
    assert (marts.rows("requests"), marts.rows("credits"), spam_of(marts)) == ([], [], {"0", "1", "2"})
    anew = marts_of(tmp_path / "anew", [*first, last], settings, NOW + DAY)
    assert_same(marts.everything(), anew.everything())


def test_only_the_rule_of_spam_among_the_settings_of_calls_rewrites_history(tmp_path: Path) -> None:
    marts = marts_of(tmp_path, [rang("a", AT)])
    before = marts.ledger.last_complete("shop")["fingerprint"]

    def after(calls: dict[str, Any]) -> str:
        marts.sites = [shop(calls=calls)]
        marts.refresh(NOW + DAY)
        return marts.ledger.last_complete("shop")["fingerprint"]

    assert after({"routes": [{"to": "104"}], "zadarma": {}, "recordings": {"hosts": ["pbx.example"]}}) == before
    assert after({"spam": {"calls": 5}}) != before
