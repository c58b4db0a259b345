"""Which request a deal came from, and who is one person (docs/method.md, requests, deals, persons)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.lakes import Record, call, deal, hit, marts_of, request, utc

AT = utc("10-05 10:00")
DAY = timedelta(days=1)
MONTH = timedelta(seconds=30 * 86_400)
MS = timedelta(milliseconds=1)


def matched(tmp_path: Path, *records: Record) -> dict[str, tuple[str, str]]:
    """Request and method by deal."""
    rows = marts_of(tmp_path, records).rows("deals", "deal_id", "request_id", "match_method")
    return {deal_id.removeprefix("crm:"): (request_id, method) for deal_id, request_id, method in rows}


def people(tmp_path: Path, *records: Record) -> list[set[str]]:
    return marts_of(tmp_path, records).people()


# Matching


@pytest.mark.parametrize(
    ("told", "method"),
    [
        ({"request_id": "r"}, "request_id"),
        ({"call_id": "tel-1"}, "call_id"),
        ({"visitor": "v"}, "visitor"),
        ({"phone": "p"}, "phone"),
        ({"email": "e"}, "email"),
    ],
)
def test_every_key_finds_the_request_and_is_told(told: dict[str, Any], method: str, tmp_path: Path) -> None:
    made = call("r", AT, call_id="tel-1", visitor="v", phone="p", email="e")
    assert matched(tmp_path, made, deal("d", AT + DAY, **told)) == {"d": ("r", method)}


def test_the_strongest_key_wins(tmp_path: Path) -> None:
    keys = {"r1": {"phone": "p"}, "r2": {"visitor": "v"}, "r3": {"call_id": "tel"}, "r4": {}}
    made = [request(name, AT, **more) for name, more in keys.items()]
    told = {"phone": "p", "visitor": "v", "call_id": "tel", "request_id": "r4"}
    found: list[tuple[str, str]] = []
    for missing in (None, "request_id", "call_id", "visitor"):
        told.pop(missing or "", None)
        found += matched(tmp_path / str(missing), *made, deal("d", AT + DAY, **told)).values()
    assert found == [("r4", "request_id"), ("r3", "call_id"), ("r2", "visitor"), ("r1", "phone")]


def test_an_id_that_nobody_knows_falls_back_to_a_weaker_key(tmp_path: Path) -> None:
    made = request("r", AT, phone="p")
    assert matched(tmp_path, made, deal("d", AT + DAY, request_id="gone", phone="p")) == {"d": ("r", "phone")}


def test_explicit_ids_may_be_shared_by_several_deals(tmp_path: Path) -> None:
    made = [request("r", AT, phone="p"), deal("d1", AT, request_id="r"), deal("d2", AT + DAY, request_id="r")]
    assert matched(tmp_path, *made) == {"d1": ("r", "request_id"), "d2": ("r", "request_id")}


def test_a_request_that_a_stronger_key_claimed_is_not_matched_again_even_by_an_earlier_deal(tmp_path: Path) -> None:
    made = [request("r", AT, phone="p"), deal("early", AT + DAY, phone="p"), deal("late", AT + 9 * DAY, request_id="r")]
    assert matched(tmp_path, *made) == {"early": ("crm:crm:early", "implied"), "late": ("r", "request_id")}


def test_a_weak_key_takes_the_nearest_earlier_unclaimed_request(tmp_path: Path) -> None:
    made = [request(f"r{n}", AT + n * DAY, phone="p") for n in (0, 1, 3)]
    deals = [deal(f"d{n}", AT + n * DAY + MS, phone="p") for n in (1, 2, 4)]
    late = deal("d5", AT + 5 * DAY, phone="p")
    found = {name: request_id for name, (request_id, _) in matched(tmp_path, *made, *deals, late).items()}
    assert found == {"d1": "r1", "d2": "r0", "d4": "r3", "d5": "crm:crm:d5"}


def test_a_request_at_the_very_moment_of_the_deal_is_earlier_and_a_later_one_is_not(tmp_path: Path) -> None:
    assert matched(tmp_path, request("r", AT, phone="p"), deal("d", AT, phone="p"))["d"][0] == "r"
    assert matched(tmp_path / "b", request("r", AT + 2 * MS, phone="p"), deal("d", AT + MS, phone="p"))["d"][1] == "implied"


def test_of_requests_at_one_moment_the_last_by_id_is_the_nearest(tmp_path: Path) -> None:
    made = [
        request("b", AT, phone="p"),
        request("a", AT, phone="p"),
        deal("d1", AT + MS, phone="p"),
        deal("d2", AT + MS, phone="p"),
    ]
    assert {name: request_id for name, (request_id, _) in matched(tmp_path, *made).items()} == {"d1": "b", "d2": "a"}


def test_thirty_days_are_included(tmp_path: Path) -> None:
    made = [request("r", AT, phone="p"), request("q", AT, phone="q")]
    deals = [deal("d", AT + MONTH, phone="p"), deal("e", AT + MONTH + MS, phone="q")]
    assert {name: method for name, (_, method) in matched(tmp_path, *made, *deals).items()} == {"d": "phone", "e": "implied"}


def test_the_deals_creation_counts_not_when_the_crm_told_it(tmp_path: Path) -> None:
    told = deal("d", AT + 50 * DAY, phone="p", deal_created_at=AT + DAY)
    assert matched(tmp_path, request("r", AT, phone="p"), told)["d"] == ("r", "phone")


def test_test_requests_find_no_deal(tmp_path: Path) -> None:
    marts = marts_of(tmp_path, [request("r", AT, phone="p", is_test=True), deal("d", AT + DAY, phone="p")])
    assert marts.rows("requests", "request_id") == ["crm:crm:d"]


def crowd(visitors: int) -> list[Record]:
    """A phone that so many visitors give."""
    return [request(f"r{n:02d}", AT + n * MS, visitor=f"v{n:02d}", phone="shared") for n in range(visitors)]


def test_a_key_of_more_than_ten_visitors_is_a_hub_and_never_matches(tmp_path: Path) -> None:
    told = deal("d", AT + DAY, phone="shared")
    assert matched(tmp_path, *crowd(10), told)["d"] == ("r09", "phone")
    assert matched(tmp_path / "b", *crowd(11), told)["d"][1] == "implied"


# Implied requests


def test_a_deal_that_finds_none_gets_an_implied_request_with_its_first_source(tmp_path: Path) -> None:
    told = [deal("d", AT), deal("d", AT + DAY, ad="avito/cpc/sofa"), deal("d", AT + 2 * DAY, ad="other/cpc")]
    row = marts_of(tmp_path, told).row("requests")
    assert (row["request_id"], row["created_at"], row["contact_channel"]) == ("crm:crm:d", AT, "crm")
    assert (row["source"], row["medium"], row["campaign"], row["is_touch"]) == ("avito", "cpc", "sofa", True)


def test_marks_of_different_events_are_never_mixed(tmp_path: Path) -> None:
    told = [deal("d", AT, ad="avito/cpc"), deal("d", AT + DAY, ad="avito/cpc/later")]
    assert marts_of(tmp_path, told).row("requests")["campaign"] is None


@pytest.mark.parametrize(
    ("records", "reason"),
    [
        ([deal("d", AT)], "not_passed"),
        ([deal("d", AT, ad="a/b"), deal("d", AT + DAY, ad="c/d")], "overwritten"),
        ([request("r", AT), deal("d", AT, request_id="gone"), deal("d", AT + DAY, request_id="r")], "overwritten"),
        ([request("r", AT), deal("d", AT, request_id="r"), deal("d", AT + DAY, emptied="request_id")], "overwritten"),
        ([request("r", AT), deal("d", AT, emptied="request_id"), deal("d", AT + DAY, request_id="r")], "not_determined"),
        ([deal("d", AT), deal("d", AT + DAY, emptied="request_id")], "not_passed"),
        ([request("r", AT, phone="p"), deal("d", AT + DAY, phone="p")], "not_determined"),
        ([request("r", AT, phone="p")], "not_determined"),
    ],
)
def test_no_source_has_its_reason(records: Sequence[Record], reason: str, tmp_path: Path) -> None:
    assert set(marts_of(tmp_path, records).rows("requests", "no_source_reason")) == {reason}


# Persons


def test_requests_and_deals_that_share_keys_are_one_person_named_by_the_earliest_key(tmp_path: Path) -> None:
    made = [
        request("r1", AT, visitor="home", phone="p"),
        request("r2", AT + DAY, visitor="work", phone="p"),
        deal("d", AT + 2 * DAY, email="e", visitor="work", contact="c"),
    ]
    marts = marts_of(tmp_path, made)
    assert marts.people() == [{"visitor:home", "visitor:work", "phone:p", "email:e", "contact:c"}]
    assert set(marts.rows("persons", "person_id")) == {"phone:p"}
    assert set(marts.rows("requests", "person_id") + marts.rows("deals", "person_id")) == {"phone:p"}


@pytest.mark.parametrize("length", [3, 20, 70])
def test_a_chain_of_shared_keys_is_one_person_however_long(length: int, tmp_path: Path) -> None:
    made = [request(f"r{n:02d}", AT + (7 * n % length) * DAY / 24, phone=f"p{n:02d}", email=f"e{n:02d}") for n in range(length)]
    links = [request(f"s{n:02d}", AT + 10 * DAY, phone=f"p{n + 1:02d}", email=f"e{n:02d}") for n in range(length - 1)]
    assert [len(person) for person in people(tmp_path, *made, *links)] == [2 * length]


def test_a_shared_phone_does_not_merge_two_clients_and_goes_to_the_one_it_met_first(tmp_path: Path) -> None:
    made = [
        request("r1", AT, phone="family", email="wife"),
        deal("d1", AT + DAY, request_id="r1", contact="wife"),
        request("r2", AT + 2 * DAY, phone="family", email="husband"),
        deal("d2", AT + 3 * DAY, request_id="r2", contact="husband"),
    ]
    assert people(tmp_path, *made) == [{"contact:husband", "email:husband"}, {"contact:wife", "email:wife", "phone:family"}]


def test_a_request_over_a_shared_phone_belongs_to_the_client_who_has_it(tmp_path: Path) -> None:
    made = [
        deal("d1", AT, phone="family", contact="wife"),
        deal("d2", AT + DAY, phone="family", contact="husband"),
        request("r", AT + 2 * DAY, phone="family", visitor="v"),
    ]
    marts = marts_of(tmp_path, made)
    assert marts.people() == [{"contact:husband"}, {"contact:wife", "phone:family", "visitor:v"}]
    assert marts.row("requests", request_id="r")["person_id"] == marts.row("deals", deal_id="crm:d1")["person_id"]


def test_deals_of_two_clients_on_one_request_stay_two_persons(tmp_path: Path) -> None:
    made = [
        request("r", AT, phone="p"),
        deal("d1", AT + DAY, request_id="r", contact="c1"),
        deal("d2", AT + 2 * DAY, request_id="r", contact="c2", email="e2"),
    ]
    marts = marts_of(tmp_path, made)
    assert marts.people() == [{"contact:c1", "phone:p"}, {"contact:c2", "email:e2"}]
    assert marts.rows("deals", "person_id") == ["phone:p", "contact:c2"]


@pytest.mark.parametrize(("visitors", "is_hub"), [(10, False), (11, True)])
def test_a_hub_joins_nothing_and_is_reported(visitors: int, is_hub: bool, tmp_path: Path) -> None:
    marts = marts_of(tmp_path, crowd(visitors))
    assert marts.row("persons", key="shared")["is_hub"] is is_hub
    assert len(marts.people()) == (visitors + 1 if is_hub else 1)


@pytest.mark.parametrize(("contacts", "is_hub"), [(5, False), (6, True)])
def test_a_key_of_more_than_five_contacts_is_a_hub(contacts: int, is_hub: bool, tmp_path: Path) -> None:
    marts = marts_of(tmp_path, [deal(f"d{n}", AT + n * DAY, email="office", contact=f"c{n}") for n in range(contacts)])
    assert marts.row("persons", key="office")["is_hub"] is is_hub
    assert len(marts.people()) == contacts + is_hub


def test_a_client_who_stands_for_everybody_makes_nobody_one_person(tmp_path: Path) -> None:
    """The CRM's "unknown client": a contact beside more than ten visitors is a hub as well."""
    told = [deal(f"d{n:02d}", AT + n * DAY, visitor=f"v{n:02d}", contact="unknown") for n in range(11)]
    assert len(set(marts_of(tmp_path, told).rows("deals", "person_id"))) == 11


def test_somebody_without_any_key_is_a_person_of_his_own(tmp_path: Path) -> None:
    marts = marts_of(tmp_path, [request("r1", AT), request("r2", AT)])
    assert marts.rows("requests", "person_id") == ["request:r1", "request:r2"]


def test_all_visits_of_a_person_carry_his_requests(tmp_path: Path) -> None:
    """The person of a request is the person of its visitor, so that other devices' visits are found."""
    made = [hit("v", AT), request("r", AT, visitor="v", phone="p"), request("q", AT + DAY, visitor="w", phone="p")]
    marts = marts_of(tmp_path, made)
    assert {marts.row("persons", key=key)["person_id"] for key in ("v", "w", "p")} == set(marts.rows("requests", "person_id"))
