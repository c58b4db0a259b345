"""What moved revenue: signed drivers that add up to the change, to the kopeck, whatever the two periods hold."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.report.marts.anchors import anchor_of
from functions.report.marts.drivers import all_drivers, drivers_of
from functions.report.marts.tree import Node, Sums
from functions.report.view.drivers import driver_rows
from functions.report.view.formats import Formats
from functions.report.view.names import Names
from tests.report_cases import figures_of, results, settings_of

NAMES = ("Yandex Direct", "Google Ads", "VK Ads", "direct", "no source", "a / b")


def tree(**channels: tuple[float, float, str]) -> Node:
    """Channel → (requests, sales, revenue)."""
    root = Node("")
    for name, (requests, sales, revenue) in channels.items():
        sums = Sums(requests=requests, sales=sales, revenue=Decimal(revenue))
        root.children[name] = Node(name, sums)
        root.sums.add(sums)
    return root


counts = st.one_of(st.just(0.0), st.floats(0.001, 10_000), st.integers(1, 500).map(float))
money = st.one_of(st.just(Decimal("0.00")), st.decimals(-(10**6), 10**9, places=2, allow_nan=False, allow_infinity=False))
trees = st.dictionaries(st.sampled_from(NAMES), st.tuples(counts, counts, money.map(str)), max_size=6).map(
    lambda told: tree(**told)
)


@given(trees, trees)
def test_drivers_and_the_rest_are_the_change_to_the_kopeck(now: Node, before: Node) -> None:
    told = drivers_of(now, before)
    assert told["change"] == now.sums.revenue - before.sums.revenue
    assert sum((row["amount"] for row in told["rows"]), Decimal(0)) + told["rest"] == told["change"]
    sizes = [abs(row["amount"]) for row in told["rows"]]
    assert sizes == sorted(sizes, reverse=True)
    assert len(sizes) <= 5
    assert all(sizes)
    left = [abs(driver.kopecks) for driver in all_drivers(now, before)][len(sizes) :]
    if told["is_comparable"] and left:
        assert max(left) <= min(sizes) * 100


@given(trees, trees)
def test_the_way_back_has_the_same_drivers_with_the_other_sign(now: Node, before: Node) -> None:
    """Up to a kopeck a factor: largest remainders are taken from each side."""
    there = {(d.channel, d.effect): d.kopecks for d in all_drivers(now, before)}
    back = {(d.channel, d.effect): d.kopecks for d in all_drivers(before, now)}
    for key in there.keys() | back.keys():
        channel, effect = key
        if effect in ("new", "gone"):
            other = (channel, "gone" if effect == "new" else "new")
            assert there.get(key, 0) == -back.get(other, 0)
        else:
            size = max(abs(there.get(key, 0)), abs(back.get(key, 0)))
            assert abs(there.get(key, 0) + back.get(key, 0)) <= len(NAMES) + size * 1e-6


def test_more_requests_alone_are_volume_of_the_whole_site() -> None:
    now, before = tree(a=(20, 4, "400.00"), b=(40, 8, "1600.00")), tree(a=(10, 2, "200.00"), b=(20, 4, "800.00"))
    (driver,) = all_drivers(now, before)
    assert (driver.channel, driver.effect, driver.kopecks, driver.before, driver.now) == ("", "volume", 100_000, 30, 60)


@pytest.mark.parametrize(
    ("now", "effect", "values"),
    [
        ((10, 2, "300.00"), "price", (100.0, 150.0)),
        ((10, 3, "300.00"), "conversion", (0.2, 0.3)),
    ],
)
def test_a_change_of_one_factor_alone_is_that_factors(now: Any, effect: str, values: tuple[float, float]) -> None:
    (driver,) = all_drivers(tree(a=now), tree(a=(10, 2, "200.00")))
    assert (driver.effect, driver.kopecks) == (effect, 10_000)
    assert (driver.before, driver.now) == pytest.approx(values)


def test_a_shift_between_channels_is_mix_of_both() -> None:
    now, before = tree(a=(20, 4, "400.00"), b=(10, 2, "400.00")), tree(a=(10, 2, "200.00"), b=(20, 4, "800.00"))
    found = {(d.channel, d.effect): d.kopecks for d in all_drivers(now, before)}
    assert found == {("a", "mix"): 20_000, ("b", "mix"): -40_000}


@pytest.mark.parametrize(
    ("now", "before", "effect", "kopecks"),
    [
        ({"a": (5, 1, "50.00")}, {}, "new", 5_000),
        ({}, {"a": (5, 1, "50.00")}, "gone", -5_000),
        ({"a": (5, 1, "50.00")}, {"a": (5, 0, "0.00")}, "conversion", 5_000),
        ({"a": (5, 0, "0.00")}, {"a": (5, 1, "50.00")}, "conversion", -5_000),
        ({"a": (5, 1, "-20.00")}, {"a": (5, 1, "50.00")}, "other", -7_000),
        ({"a": (0, 1, "20.00")}, {"a": (5, 1, "50.00")}, "other", -3_000),
    ],
)
def test_what_has_no_logarithm_is_told_as_one(now: Any, before: Any, effect: str, kopecks: int) -> None:
    found = [(d.channel, d.effect, d.kopecks) for d in all_drivers(tree(**now), tree(**before))]
    assert found == [("a", effect, kopecks)]


def test_where_nothing_is_known_of_the_period_before_nothing_is_compared() -> None:
    told = drivers_of(tree(a=(5, 1, "50.00")), tree())
    assert (told["rows"], told["rest"], told["is_comparable"]) == ([], 50, False)


def test_a_driver_leads_to_its_channel_and_says_what_was_and_is() -> None:
    rows = {"results": [results("Yandex Direct", "yandex", requests=10.0, sales=2.0, revenue=Decimal("3000.00"))]}
    before = {"results": [results("Yandex Direct", "yandex", requests=10.0, sales=2.0, revenue=Decimal("2000.00"))]}
    figures = figures_of(rows, before)
    (row,) = figures["drivers"]["rows"]
    assert row["anchor"] == anchor_of("Yandex Direct") == figures["channels"][0]["anchor"]
    shown = driver_rows(figures, Formats("ru", "RUB", "UTC"), Names(settings_of()))["rows"]
    assert [line["amount"].replace("\u00a0", " ") for line in shown] == ["+1 000 ₽"]
    assert shown[0]["text"].replace("\u00a0", " ") == "Яндекс Директ: средний чек был 1 000 ₽, стал 1 500 ₽"
