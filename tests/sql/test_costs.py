"""Spend on advertising: scopes, periods, VAT, currency (docs/method.md, costs)."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.lakes import Record, cost, marts_of, shop, utc


def spend(tmp_path: Path, *records: Record, **changes: Any) -> dict[int, str]:
    """Spend by day of October."""
    days: dict[int, Decimal] = {}
    for row in marts_of(tmp_path, records, shop(**changes)).rows("costs"):
        days[row["day"].day] = days.get(row["day"].day, Decimal(0)) + row["cost"]
    return {day: f"{amount.normalize():f}" for day, amount in sorted(days.items())}


def again(day: str, ad: str, amount: str, import_id: str = "import-2", **more: Any) -> Record:
    return cost(day, ad, amount, import_id, at=utc("10-20 10:00"), **more)


def test_an_import_replaces_its_whole_scope_and_nothing_else(tmp_path: Path) -> None:
    before = [cost("10-05", "yandex", "5"), cost("10-05", "vk", "7"), cost("10-06", "yandex", "11")]
    assert spend(tmp_path, *before, again("10-05", "yandex", "1.234567")) == {5: "1.234567", 6: "11"}


def test_an_empty_import_clears_its_scope(tmp_path: Path) -> None:
    before = [cost("10-05", "yandex", "5"), cost("10-06", "yandex", "11")]
    assert spend(tmp_path, *before, again("10-05", "", "0", is_scope_mark=True)) == {6: "11"}


def test_a_zero_deletes_a_row_but_keeps_one_with_clicks(tmp_path: Path) -> None:
    marts = marts_of(tmp_path, [cost("10-05", "yandex", "5"), again("10-05", "yandex", "0"), cost("10-06", "vk", "0", clicks=3)])
    assert marts.rows("costs", "source", "cost", "clicks") == [("vk", Decimal(0), 3)]


def test_the_later_import_wins_whatever_arrived_first(tmp_path: Path) -> None:
    records = [again("10-05", "yandex", "2"), cost("10-05", "yandex", "1")]
    assert spend(tmp_path, *records) == spend(tmp_path / "b", *reversed(records)) == {5: "2"}


def test_lines_of_one_import_add_up(tmp_path: Path) -> None:
    assert spend(tmp_path, cost("10-05", "yandex/cpc/a", "1"), cost("10-05", "yandex/cpc/b", "2")) == {5: "3"}


@pytest.mark.parametrize(
    ("show", "told_vat", "expected"),
    [
        ("gross", {"is_vat_included": True}, "120"),
        ("net", {"is_vat_included": True}, "100"),
        ("gross", {"is_vat_included": False}, "144"),
        ("net", {"is_vat_included": False}, "120"),
        ("net", {"is_vat_included": True, "vat_percent": "50"}, "80"),
        ("net", {"is_vat_included": True, "vat_percent": "0"}, "120"),
        ("net", {"is_vat_included": None}, "120"),
    ],
)
def test_costs_are_shown_with_or_without_vat(show: str, told_vat: Any, expected: str, tmp_path: Path) -> None:
    assert spend(tmp_path, cost("10-05", "vk", "120", **told_vat), costs={"show": show, "vat_percent": 20}) == {5: expected}


def month(amount: str, last_day: date = date(2026, 10, 31), **more: Any) -> Record:
    return cost("10-01", "radio/offline", amount, scope="radio.csv:2026-10", last_day=last_day, **more)


def test_a_monthly_sum_is_spread_by_largest_remainder(tmp_path: Path) -> None:
    found = spend(tmp_path, month("100"))
    assert found == {day: "3.23" if day <= 18 else "3.22" for day in range(1, 32)}
    assert sum(map(Decimal, found.values())) == 100


def test_vat_comes_before_the_spread_and_the_rate_after_it(tmp_path: Path) -> None:
    rates = [{"currency": "USD", "day": f"2026-10-{day:02d}", "rate": str(80 + day)} for day in (1, 2)]
    record = month("0.12", date(2026, 10, 3), is_vat_included=True, currency="USD")
    marts = marts_of(tmp_path, [record], shop(rates=rates, costs={"show": "net", "vat_percent": 20}))
    cents = [("0.04", 81), ("0.03", 82), ("0.03", None)]
    expected = [(Decimal(part), None if rate is None else Decimal(part) * rate) for part, rate in cents]
    assert marts.rows("costs", "original_cost", "cost") == expected


def test_clicks_of_a_period_are_spread_whole(tmp_path: Path) -> None:
    marts = marts_of(tmp_path, [month("9", date(2026, 10, 3), clicks=8, impressions=2)])
    assert marts.rows("costs", "clicks", "impressions") == [(3, 1), (3, 1), (2, 0)]


def test_a_corrected_negative_period_mirrors_the_positive_one(tmp_path: Path) -> None:
    assert spend(tmp_path, month("-0.05", date(2026, 10, 2))) == {1: "-0.03", 2: "-0.02"}


@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(-(10**11), 10**11).filter(bool), st.integers(0, 30), st.sampled_from([0, 10, 20, 22]))
def test_parts_of_a_period_add_up_to_the_sum_without_vat(
    tmp_path_factory: pytest.TempPathFactory, kopecks: int, days: int, vat: int
) -> None:
    folder, last_day = tmp_path_factory.mktemp("month"), date(2026, 10, 1) + timedelta(days=days)
    site = shop(costs={"show": "net", "vat_percent": vat})
    found = marts_of(folder, [month(str(Decimal(kopecks) / 100), last_day)], site).rows("costs", "cost")
    net = Decimal(kopecks) * 100 / (100 + vat)
    assert len(found) == days + 1
    assert abs(sum(found) * 100 - net) <= Decimal("0.5001")
    assert max(found) - min(found) <= Decimal("0.01")


def test_foreign_spend_without_a_rate_stays_out_and_keeps_its_own_sum(tmp_path: Path) -> None:
    row = marts_of(tmp_path, [cost("10-05", "vk", "12.345678", currency="USD")]).row("costs")
    assert (row["cost"], row["original_cost"], row["currency"]) == (None, Decimal("12.345678"), "USD")


def test_costs_join_the_tree_as_deep_as_they_were_told(tmp_path: Path) -> None:
    records = [
        cost("10-05", "yandex/cpc/sale", "1", utm_content="ad", utm_term="sofa"),
        cost("10-05", "Yandex", "2"),
        cost("10-05", "flyer/offline", "3"),
        cost("10-05", "", "4"),
    ]
    rows = marts_of(tmp_path, records).rows("costs", "cost", "channel", "source", "campaign", "content", "term")
    assert sorted(rows) == [
        (Decimal(1), "Yandex Direct", "yandex", "sale", "ad", "sofa"),
        (Decimal(2), "Yandex Direct", "yandex", None, None, None),
        (Decimal(3), "Offline ads", "flyer", None, None, None),
        (Decimal(4), "(not set)", "(not set)", None, None, None),
    ]
