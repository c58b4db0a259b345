"""Who gets the credit (docs/method.md, credits and models), and how money is cut into parts."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.models import PATH_MODELS
from shared.money import largest_remainder, to_kopecks
from tests.lakes import Marts, Record, deal, hit, marts_of, payment, request, shop, utc
from tests.random_lakes import random_records, random_shop

REQUESTED = utc("10-25 12:00")
SEARCH = {"referrer_host": "google.com"}


def visit(days_before: float, ad: str = "", **told: Any) -> Record:
    return hit("v", REQUESTED - timedelta(days=days_before), ad, **told)


def credited(tmp_path: Path, *visits: Record, **changes: Any) -> Marts:
    """One request of the visitor after these visits."""
    return marts_of(tmp_path, [*visits, request("r", REQUESTED, visitor="v")], shop(**changes) if changes else None)


def test_the_worked_case_ad_search_direct(tmp_path: Path) -> None:
    marts = credited(tmp_path, visit(3, "yandex/cpc"), visit(2, **SEARCH), visit(1))
    assert marts.credits("r", "position") == pytest.approx({"Yandex Direct": 0.4, "Organic search": 0.2, "direct": 0.4})
    assert marts.credits("r", "last_non_direct") == {"Organic search": 1.0}
    assert marts.credits("r", "last_significant") == {"Yandex Direct": 1.0}
    assert marts.credits("r", "first") == {"Yandex Direct": 1.0}
    assert marts.credits("r", "last") == {"direct": 1.0}
    assert marts.credits("r", "linear") == pytest.approx(dict.fromkeys(("Yandex Direct", "Organic search", "direct"), 1 / 3))


def test_time_decay_halves_the_weight_every_week(tmp_path: Path) -> None:
    marts = credited(tmp_path, visit(14, "yandex/cpc"), visit(7, "vk/cpc"), visit(0, "google/cpc"))
    assert marts.credits("r", "time_decay") == pytest.approx({"Yandex Direct": 1 / 7, "VK Ads": 2 / 7, "Google Ads": 4 / 7})


@pytest.mark.parametrize(
    ("touches", "shares"), [(1, [1.0]), (2, [0.5, 0.5]), (3, [0.4, 0.2, 0.4]), (6, [0.4, 0.05, 0.05, 0.05, 0.05, 0.4])]
)
def test_position_by_the_number_of_touches(touches: int, shares: list[float], tmp_path: Path) -> None:
    marts = credited(tmp_path, *(visit(touches - n) for n in range(touches)))
    rows = sorted(marts.rows("credits", "position", "weight", model="position"))
    assert [weight for _, weight in rows] == pytest.approx(shares)


@pytest.mark.parametrize(
    ("position", "touches", "shares"),
    [((50, 20, 30), 2, [0.625, 0.375]), ((0, 100, 0), 2, [0.5, 0.5]), ((0, 100, 0), 4, [0.5, 0.5]), ((100, 0, 0), 3, [1.0])],
)
def test_custom_shares_are_renormalised(position: Any, touches: int, shares: list[float], tmp_path: Path) -> None:
    marts = credited(tmp_path, *(visit(touches - n) for n in range(touches)), attribution={"position": position})
    assert [weight for _, weight in sorted(marts.rows("credits", "position", "weight", model="position"))] == pytest.approx(shares)


def test_all_direct_falls_back_to_the_last_touch(tmp_path: Path) -> None:
    marts = credited(tmp_path, visit(3), visit(2))
    last = marts.rows("credits", "touch_id", model="last")
    assert marts.rows("credits", "touch_id", model="last_non_direct") == last
    assert marts.rows("credits", "touch_id", model="last_significant") == last


def test_without_significant_media_the_last_non_direct_touch_gets_it(tmp_path: Path) -> None:
    marts = credited(tmp_path, visit(3, **SEARCH), visit(2))
    assert marts.credits("r", "last_significant") == {"Organic search": 1.0}


def test_significant_media_are_a_setting(tmp_path: Path) -> None:
    told = (visit(3, "mail/email"), visit(2, "yandex/cpc"))
    assert credited(tmp_path, *told).credits("r", "last_significant") == {"Yandex Direct": 1.0}
    changed = credited(tmp_path / "b", *told, attribution={"significant_media": ["email"]})
    assert changed.credits("r", "last_significant") == {"E-mail": 1.0}


def test_look_back_counts_local_days_and_includes_the_last(tmp_path: Path) -> None:
    """The request is of 25 October in Moscow; the first minute of the 23rd is two days before, whatever the hour."""
    told = (hit("v", utc("10-22 20:59"), "yandex/cpc"), hit("v", utc("10-22 21:29"), "vk/cpc"))
    assert credited(tmp_path, *told, attribution={"lookback_days": 2}).credits("r", "linear") == {"VK Ads": 1.0}
    wider = credited(tmp_path / "b", *told, attribution={"lookback_days": 3}).credits("r", "linear")
    assert wider == {"Yandex Direct": 0.5, "VK Ads": 0.5}


def test_a_touch_at_the_moment_of_the_request_counts_and_a_later_one_does_not(tmp_path: Path) -> None:
    later = hit("v", REQUESTED + timedelta(milliseconds=1), "vk/cpc")
    assert credited(tmp_path, visit(0, "yandex/cpc"), later).credits("r", "linear") == {"Yandex Direct": 1.0}


def test_touches_serve_every_later_request(tmp_path: Path) -> None:
    again = request("again", REQUESTED + timedelta(days=1), visitor="v")
    marts = marts_of(tmp_path, [visit(1, "yandex/cpc"), request("r", REQUESTED, visitor="v"), again])
    assert marts.credits("r", "last") == marts.credits("again", "last") == {"Yandex Direct": 1.0}


def test_the_path_has_the_touches_of_all_visitors_of_the_person_and_of_requests_with_a_source(tmp_path: Path) -> None:
    records = [
        hit("home", REQUESTED - timedelta(days=5), "yandex/cpc"),
        request("earlier", REQUESTED - timedelta(days=4), visitor="home", phone="p"),
        request("flyer", REQUESTED - timedelta(days=3), "flyer/offline", phone="p"),
        hit("work", REQUESTED - timedelta(days=2), "vk/cpc"),
        hit("stranger", REQUESTED - timedelta(days=1), "google/cpc"),
        request("r", REQUESTED, visitor="work", phone="p"),
    ]
    marts = marts_of(tmp_path, records)
    assert marts.credits("r", "linear") == pytest.approx(dict.fromkeys(("Yandex Direct", "Offline ads", "VK Ads"), 1 / 3))


def test_the_requests_own_visitor_counts_even_where_he_is_a_hub(tmp_path: Path) -> None:
    shared = [request(f"s{n}", REQUESTED + timedelta(days=1), visitor="v", phone=f"p{n}") for n in range(6)]
    deals = [deal(f"d{n}", REQUESTED + timedelta(days=2), request_id=f"s{n}", contact=f"c{n}") for n in range(6)]
    marts = marts_of(tmp_path, [visit(1, "vk/cpc"), request("r", REQUESTED, visitor="v"), *shared, *deals])
    assert marts.row("persons", key="v")["is_hub"]
    assert marts.credits("r", "last") == {"VK Ads": 1.0}


def test_a_request_without_a_touch_has_no_credit(tmp_path: Path) -> None:
    assert marts_of(tmp_path, [request("r", REQUESTED, phone="p")]).rows("credits") == []


@pytest.mark.parametrize("seed", [300, 301])
def test_weights_sum_to_one_and_parts_to_the_whole_in_every_model(seed: int, tmp_path: Path) -> None:
    """On a random lake with refunds, claims, foreign money and margins."""
    marts = marts_of(tmp_path, random_records(seed), random_shop())
    money = {row["request_id"]: row for row in marts.rows("requests")}
    sums: dict[tuple[str, str], list[Any]] = {}
    for row in marts.rows("credits"):
        kept = sums.setdefault((row["request_id"], row["model"]), [0.0, Decimal(0), Decimal(0)])
        kept[0] += row["weight"]
        kept[1] += row["revenue"] or 0
        kept[2] += row["gross_profit"] or 0
    assert {model for _, model in sums} == set(PATH_MODELS)
    assert any(kept[1] < 0 for kept in sums.values())
    for (request_id, _), (weight, revenue, profit) in sums.items():
        assert weight == pytest.approx(1.0, abs=1e-9)
        assert revenue == (money[request_id]["revenue"] or 0)
        assert profit == (money[request_id]["gross_profit"] or 0)


kopecks = st.integers(-(10**9), 10**9).filter(lambda n: n != 0)


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(kopecks, min_size=1, max_size=5), st.lists(st.integers(0, 60), min_size=1, max_size=7, unique=True))
def test_each_money_event_is_cut_by_largest_remainder_so_that_parts_add_up(amounts: list[int], days: list[int]) -> None:
    """The same cut as shared/money.largest_remainder, event by event; negatives are mirrored."""
    paid = [abs(amounts[0]), *amounts[1:]]  # a deal without a positive payment lives by its sum
    at = REQUESTED + timedelta(days=1)
    records = [payment("d", at + timedelta(hours=n), str(Decimal(part) / 100), f"p{n}") for n, part in enumerate(paid)]
    records += [visit(day / 2, f"s{day}/cpc") for day in days]
    with TemporaryDirectory() as folder:
        marts = marts_of(
            Path(folder), [*records, request("r", REQUESTED, visitor="v"), deal("d", REQUESTED, "working", request_id="r")]
        )
        for model in PATH_MODELS:
            rows = sorted(marts.rows("credits", "position", "weight", "revenue", model=model))
            parts = [largest_remainder(part, [weight for _, weight, _ in rows]) for part in paid]
            assert [to_kopecks(revenue) for _, _, revenue in rows] == [sum(column) for column in zip(*parts, strict=True)]
            assert sum(to_kopecks(revenue) for _, _, revenue in rows) == sum(paid)


def test_a_kopeck_that_cannot_be_shared_goes_to_the_earliest_touch_and_so_does_its_refund(tmp_path: Path) -> None:
    told = [payment("d", utc("10-26 10:00"), "0.05", "a"), payment("d", utc("10-27 10:00"), "-0.01", "b")]
    visits = [visit(3, "yandex/cpc"), visit(2, "vk/cpc"), visit(1, "google/cpc")]
    records = [*visits, request("r", REQUESTED, visitor="v"), deal("d", REQUESTED, "working", request_id="r"), *told]
    rows = sorted(marts_of(tmp_path, records).rows("credits", "position", "revenue", model="linear"))
    assert rows == [(1, Decimal("0.01")), (2, Decimal("0.02")), (3, Decimal("0.01"))]
