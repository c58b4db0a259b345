"""Where people came from over all their time with the shop, and what they are worth: `person_sources` and `customers`."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from functions.attribution.customer_tables import CUSTOMERS, PERSON_SOURCES
from functions.attribution.standing import State
from tests.lakes import NOW, Marts, Record, deal, hit, marts_of, payment, request, shop, utc, without, write
from tests.random_lakes import random_records, random_shop, shuffled

AT = utc("10-12 09:00")
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
TABLES = (PERSON_SOURCES, CUSTOMERS)


def sources(marts: Marts, person_id: str) -> list[tuple[Any, ...]]:
    return marts.rows("person_sources", "place", "channel", "campaign", "touches", person_id=person_id)


def told(marts: Marts) -> dict[str, Any]:
    """Both tables without what tells when a row was written."""
    return {t.name: [without(row, "refresh_id") for row in marts.rows(t.name)] for t in TABLES}


def bought(person: str, amount: str, **more: Any) -> Record:
    """A deal of a client of the CRM that was won for so much."""
    return deal(person, AT, "won", amount, contact=person, **more)


def classes(marts: Marts) -> dict[str, str | None]:
    return {person_id.removeprefix("contact:"): abcd for person_id, abcd in marts.rows("customers", "person_id", "abcd")}


def test_sources_stand_in_the_order_of_their_first_touch_with_all_their_touches(tmp_path: Path) -> None:
    records = [
        hit("v", AT - 5 * DAY, "vk/cpc/spring"),
        hit("v", AT - 4 * DAY, "yandex/cpc/a"),
        hit("v", AT - 3 * DAY),
        hit("v", AT - 2 * DAY, "vk/cpc/spring"),
        hit("v", AT + 9 * DAY, "vk/cpc/summer"),
        request("r", AT, visitor="v"),
    ]
    marts = marts_of(tmp_path, records)
    assert sources(marts, "visitor:v") == [
        (1, "VK Ads", "spring", 2),
        (2, "Yandex Direct", "a", 1),
        (3, "direct", None, 1),
        (4, "VK Ads", "summer", 1),
    ]
    first = marts.row("person_sources", channel="VK Ads", campaign="spring")
    assert (first["source"], first["medium"]) == ("vk", "cpc")
    assert (first["first_at"], first["first_day"], first["last_at"]) == (AT - 5 * DAY, date(2026, 10, 7), AT - 2 * DAY)


def test_the_first_source_knows_no_look_back(tmp_path: Path) -> None:
    records = [hit("v", utc("01-10 09:00"), "vk/cpc"), hit("v", AT - DAY, "yandex/cpc"), request("r", AT, visitor="v")]
    marts = marts_of(tmp_path, records, shop(attribution={"lookback_days": 30}))
    assert marts.credits("r", "first") == {"Yandex Direct": 1}
    customer = marts.row("customers")
    assert (customer["channel"], customer["first_touch_at"], customer["cohort_month"]) == ("VK Ads", utc("01-10 09:00"), "2026-01")


def test_of_touches_at_the_same_moment_the_smaller_id_is_the_first(tmp_path: Path) -> None:
    records = [
        hit("v", AT, "yandex/cpc", record_id="b"),
        hit("w", AT, "vk/cpc", record_id="a"),
        request("r", AT + DAY, visitor="v", phone="p"),
        request("s", AT + DAY, visitor="w", phone="p"),
    ]
    assert [row[1] for row in sources(marts_of(tmp_path, records), "phone:p")] == ["VK Ads", "Yandex Direct"]


def test_a_request_with_a_source_of_its_own_is_a_source(tmp_path: Path) -> None:
    records = [hit("v", AT, "yandex/cpc"), request("r", AT + DAY, "flyer/offline/door", visitor="v")]
    assert sources(marts_of(tmp_path, records), "visitor:v") == [(1, "Yandex Direct", None, 1), (2, "Offline ads", "door", 1)]


def test_a_shared_computer_is_a_source_of_everybody_who_asked_from_it_and_a_hub_of_nobody(tmp_path: Path) -> None:
    family = [hit("home", AT - DAY, "vk/cpc")]
    family += [request(f"r{n}", AT + n * HOUR, visitor="home") for n in (1, 2)]
    family += [deal(f"d{n}", AT + n * HOUR, "working", request_id=f"r{n}", contact=f"c{n}") for n in (1, 2)]
    library = [hit("library", AT - DAY, "yandex/cpc")]
    library += [request(f"s{n}", AT + n * HOUR, visitor="library") for n in range(9)]
    library += [deal(f"e{n}", AT + n * HOUR, "working", request_id=f"s{n}", contact=f"k{n}") for n in range(9)]
    marts = marts_of(tmp_path, [*family, *library])
    assert marts.rows("hub_keys", "key") == ["library"]
    assert marts.rows("person_sources", "person_id", "channel") == [("contact:c1", "VK Ads"), ("contact:c2", "VK Ads")]
    assert marts.row("customers", person_id="contact:k3")["channel"] is None


def test_months_are_those_of_the_sites_time_zone(tmp_path: Path) -> None:
    records = [
        hit("late", utc("09-30 21:00"), "vk/cpc"), request("a", AT, visitor="late"),
        hit("early", utc("09-30 20:59:59.999"), "vk/cpc"), request("b", AT, visitor="early"),
        request("never", utc("09-30 21:00")),
    ]  # fmt: skip
    months = dict(marts_of(tmp_path, records).rows("customers", "person_id", "cohort_month"))
    assert months == {"visitor:late": "2026-10", "visitor:early": "2026-09", "request:never": "2026-10"}


def test_a_person_without_touches_is_of_the_month_of_his_first_request_and_has_no_source(tmp_path: Path) -> None:
    marts = marts_of(
        tmp_path, [request("r", utc("08-05 09:00"), phone="p"), request("s", AT, phone="p"), bought("d", "5", phone="p")]
    )
    customer = marts.row("customers")
    assert marts.rows("person_sources") == []
    assert [customer[name] for name in ("first_touch_at", "first_touch_day", "channel", "source", "medium", "campaign")] == [
        None
    ] * 6
    assert (customer["cohort_month"], customer["first_request_at"]) == ("2026-08", utc("08-05 09:00"))


def test_a_client_known_by_deals_of_others_requests_alone_is_of_the_month_of_his_first_deal(tmp_path: Path) -> None:
    records = [request("r", AT, phone="p"), deal("a", AT, "working", request_id="r", contact="first")]
    records += [deal("b", utc("11-02 09:00"), "won", "7", request_id="r", contact="second")]
    customer = marts_of(tmp_path, records).row("customers", person_id="contact:second")
    assert (customer["first_request_at"], customer["cohort_month"], customer["requests"], customer["deals"]) == (
        None,
        "2026-11",
        0,
        1,
    )
    assert customer["ltv_revenue"] == 7


def test_sales_repeat_sales_and_their_days_are_counted_over_all_deals_of_a_person(tmp_path: Path) -> None:
    records = [
        request("r", AT, contact_channel="form", phone="p"),
        deal("a", AT, "won", "100", phone="p", contact="c"),
        deal("b", AT + 5 * DAY, "won", "50.50", contact="c"),
        deal("open", AT + 6 * DAY, "working", "70", contact="c"),
        deal("b2", AT + 9 * DAY, "won", "1", contact="c"),
        deal("other", AT, "won", "9", contact="else"),
    ]
    marts = marts_of(tmp_path, records)
    customer = marts.row("customers", person_id="contact:c")
    assert (customer["deals"], customer["sales"], customer["repeat_sales"], customer["requests"]) == (4, 3, 2, 1)  # within 30 days
    assert (customer["first_sale_day"], customer["last_sale_day"]) == (date(2026, 10, 12), date(2026, 10, 21))
    assert str(customer["ltv_revenue"]) == "151.50"
    assert marts.row("customers", person_id="contact:else")["repeat_sales"] == 0


def test_ltv_profit_is_empty_without_any_cost_price_and_leaves_out_money_without_one(tmp_path: Path) -> None:
    records = [
        deal("a", AT, "won", "100", contact="none"),
        deal("b", AT, "won", "100", contact="part", cost_price="30"),
        deal("c", AT, "won", "40", contact="part"),
        deal("d", AT, "working", "100", contact="nothing"),
    ]
    rows = marts_of(tmp_path, records).rows("customers", "person_id", "ltv_revenue", "ltv_profit", "unpriced_revenue")
    assert rows == [("contact:none", 100, None, 100), ("contact:nothing", 0, None, 0), ("contact:part", 140, 70, 40)]


def test_refunds_and_claims_come_off_and_may_turn_ltv_negative(tmp_path: Path) -> None:
    records = [
        deal("a", AT, "won", "100", contact="back"), payment("a", AT, "100", "p"), payment("a", AT + DAY, "-100", "q"),
        deal("b", AT, "won", "100", contact="claimed"), deal("c", AT + DAY, "claim", "130", contact="claimed"),
        bought("fine", "10"),
    ]  # fmt: skip
    marts = marts_of(tmp_path, records)
    rows = marts.rows("customers", "person_id", "sales", "ltv_revenue", "abcd")
    assert rows == [("contact:back", 1, 0, None), ("contact:claimed", 1, -30, None), ("contact:fine", 1, 10, "A")]


def test_a_class_is_decided_by_the_share_of_those_before(tmp_path: Path) -> None:
    """50 + 30 + 15 + 5: each begins exactly where the class before him ends."""
    people = [bought("a", "50"), bought("b", "30"), bought("c", "15"), bought("d", "5"), deal("e", AT, "working", contact="e")]
    assert classes(marts_of(tmp_path, people)) == {"a": "A", "b": "B", "c": "C", "d": "D", "e": None}


def test_a_buyer_with_most_of_the_revenue_is_of_class_a_and_the_next_of_class_b(tmp_path: Path) -> None:
    assert classes(marts_of(tmp_path, [bought("big", "60"), bought("next", "30"), bought("small", "10")])) == {
        "big": "A",
        "next": "B",
        "small": "C",
    }


def test_a_kopeck_short_of_the_bound_is_still_before_it(tmp_path: Path) -> None:
    assert classes(marts_of(tmp_path, [bought("a", "49.99"), bought("b", "49.98"), bought("c", "0.03")])) == {
        "a": "A",
        "b": "A",
        "c": "D",
    }


def test_equal_buyers_stand_in_the_order_of_their_ids(tmp_path: Path) -> None:
    equals = [bought(f"c{n:02}", "1") for n in reversed(range(20))]
    found = classes(marts_of(tmp_path, equals))
    assert "".join(str(found[f"c{n:02}"]) for n in range(20)) == "A" * 10 + "B" * 6 + "C" * 3 + "D"


def test_the_sums_of_all_customers_are_those_of_all_deals(tmp_path: Path) -> None:
    marts = marts_of(tmp_path, random_records(5, 40), random_shop())
    customers, deals = marts.rows("customers"), marts.rows("deals")
    for mine, his in (("ltv_revenue", "revenue"), ("ltv_profit", "gross_profit")):
        assert sum(row[mine] or 0 for row in customers) == sum(row[his] or 0 for row in deals)
    assert sum(row["sales"] for row in customers) == sum(row["sale_day"] is not None for row in deals)
    assert sum(row["requests"] for row in customers) == sum(row["is_counted"] for row in marts.rows("requests"))
    orders = [row for row in deals if row["merged_into"] is None and not row["is_apart"]]
    persons = {row["person_id"] for row in (*orders, *marts.rows("requests"))}
    assert {row["person_id"] for row in customers} == persons
    assert all(row["repeat_sales"] == max(row["sales"] - 1, 0) for row in customers)
    # So that it says something.
    assert {"A", "D", None} <= {row["abcd"] for row in customers}
    assert {row["channel"] is None for row in customers} == {True, False}
    assert any(row["repeat_sales"] for row in customers)
    assert any(row["ltv_profit"] for row in customers)


def arrive(folder: Path, parts: list[list[Record]]) -> Marts:
    """A refresh after each part."""
    marts = Marts(folder, random_shop())
    for place, records in enumerate(parts):
        now = NOW - DAY * (len(parts) - 1 - place)
        write(folder, records, now)
        marts.refresh(now)
    return marts


@pytest.mark.parametrize("seed", [500, 503])
def test_a_random_order_of_arrival_makes_the_people_of_one_rebuild(seed: int, tmp_path: Path) -> None:
    """tests/sql/test_refresh.py proves it of every table; here are more people."""
    records = random_records(seed, 40)
    expected = told(marts_of(tmp_path / "one", records, random_shop()))
    assert all(expected.values())
    assert told(arrive(tmp_path / "other", shuffled(records, seed, 3))) == expected


def merging(step: int) -> list[list[Record]]:
    """Two people with visits and sales; later one request has the keys of both, then a third comes, then a hub comes of it."""
    two = [
        hit("v", AT - 9 * DAY, "vk/cpc"), request("r", AT - 8 * DAY, visitor="v", phone="p"), bought("d", "10", phone="p"),
        hit("w", AT - 7 * DAY, "yandex/cpc"), request("s", AT - 6 * DAY, visitor="w", phone="q"),
    ]  # fmt: skip
    joined = [request("t", AT, visitor="v", phone="q")]
    more = [hit("w", AT - 20 * DAY, "google/cpc/late"), payment("d", AT + DAY, "3", "p1")]
    hub = [request(f"h{n}", AT + n * HOUR, visitor="w") for n in range(12)]
    hub += [deal(f"h{n}", AT + n * HOUR, "working", request_id=f"h{n}", contact=f"k{n}") for n in range(12)]
    return [two, joined, more, hub][: step + 1]


@pytest.mark.parametrize("step", range(4))
def test_a_person_that_merges_into_another_leaves_no_rows_behind(step: int, tmp_path: Path) -> None:
    parts = merging(step)
    expected = told(marts_of(tmp_path / "one", [record for part in parts for record in part], random_shop()))
    assert told(arrive(tmp_path / "other", parts)) == expected
    people = {row["person_id"] for row in expected["customers"]}
    assert {row["person_id"] for row in expected["person_sources"]} <= people
    assert len(people) == [2, 1, 1, len(people)][step]


def test_a_computer_that_becomes_a_hub_is_nobodys_source_any_more(tmp_path: Path) -> None:
    def asked(numbers: range) -> list[Record]:
        clients = [request(f"r{n}", AT + n * HOUR, visitor="home") for n in numbers]
        return [*clients, *(deal(f"d{n}", AT + n * HOUR, "working", request_id=f"r{n}", contact=f"c{n}") for n in numbers)]

    marts = arrive(tmp_path, [[hit("home", AT - DAY, "vk/cpc"), *asked(range(2))]])
    assert marts.rows("person_sources", "person_id") == ["contact:c0", "contact:c1"]
    write(tmp_path, asked(range(2, 9)), NOW + DAY)
    marts.refresh(NOW + DAY)
    assert marts.rows("person_sources") == []


def test_only_people_for_whom_something_changed_are_written_again(tmp_path: Path) -> None:
    people = [r for n in range(3) for r in (hit(f"v{n}", AT - DAY, "vk/cpc"), request(f"r{n}", AT, visitor=f"v{n}"))]
    marts = marts_of(tmp_path, people)
    write(tmp_path, [hit("v1", AT + DAY, "yandex/cpc")], NOW + DAY)
    state: State = marts.refresh(NOW + DAY)
    assert state
    written = {
        row["person_id"] for row in marts.rows("person_sources") if row["refresh_id"] > marts.rows("requests")[0]["refresh_id"]
    }
    assert written == {"visitor:v1"}
    assert [row[1] for row in sources(marts, "visitor:v1")] == ["VK Ads", "Yandex Direct"]
