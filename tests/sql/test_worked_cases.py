"""The worked cases of docs/method.md, from raw records to figures.json."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from tests.worked_cases import M1_MARGIN_ROMI, M1_ROMI, M2, M2_CHANNELS, M2_REVENUE, figures_of, m1, m2, m3, m4


def test_m1_sales_romi_ranks_google_over_yandex_over_instagram(tmp_path: Path) -> None:
    channels = figures_of(tmp_path, m1())["channels"]
    assert {c["channel"]: c["romi"] for c in channels if c["cost"]} == M1_ROMI


def test_m1_one_margin_of_half_leaves_only_google_above_zero(tmp_path: Path) -> None:
    channels = figures_of(tmp_path, m1(with_margin=True))["channels"]
    assert {c["channel"]: c["margin_romi"] for c in channels if c["cost"]} == M1_MARGIN_ROMI


@pytest.mark.parametrize("model", M2)
def test_m2_an_ad_a_search_and_a_direct_visit_share_by_the_model(model: str, tmp_path: Path) -> None:
    figures = figures_of(tmp_path, m2(model))
    (deal,) = figures["deals"]
    assert [touch["channel"] for touch in deal["path"]] == list(M2_CHANNELS)
    assert [touch["weight"] for touch in deal["path"]] == pytest.approx(M2[model])
    shown = {row["channel"]: row["revenue"] for row in figures["models"][model] if row["revenue"]}
    shares = {name: share for name, share in zip(M2_CHANNELS, M2[model], strict=True) if share}
    assert {name: float(part) for name, part in shown.items()} == pytest.approx(
        {name: share * float(M2_REVENUE) for name, share in shares.items()}, abs=0.01
    )
    assert sum(shown.values()) == figures["totals"]["revenue"] == Decimal(M2_REVENUE)


@pytest.mark.parametrize(
    ("model", "channel", "code", "touch"),
    [
        ("last_non_direct", "Organic search", "last_non_direct", 2),
        ("last_significant", "Yandex Direct", "last_significant", 1),
        ("first", "Yandex Direct", "first", 1),
        ("last", "direct", "last", 3),
        ("position", "Yandex Direct", "position", 1),
    ],
)
def test_m2_says_which_touch_decided_and_why(model: str, channel: str, code: str, touch: int, tmp_path: Path) -> None:
    (deal,) = figures_of(tmp_path, m2(model))["deals"]
    assert (deal["channel"], deal["why"]) == (channel, {"code": code, "touch": touch, "of": 3})


def test_m3_fifty_thousand_that_bring_a_hundred_double_the_money(tmp_path: Path) -> None:
    figures = figures_of(tmp_path, m3())
    assert (figures["totals"]["romi"], figures["totals"]["roas"]) == (1.0, 2.0)
    assert [(c["channel"], c["romi"]) for c in figures["channels"] if c["cost"]] == [("Organic search", 1.0)]


@pytest.mark.parametrize(("revenue", "romi"), [("2", 1.0), ("1", 0.0)])
def test_m4_romi_is_what_came_on_top(revenue: str, romi: float, tmp_path: Path) -> None:
    assert figures_of(tmp_path, m4(revenue))["totals"]["romi"] == romi
