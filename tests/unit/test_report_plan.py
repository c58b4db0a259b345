"""Plan and fact: a month counts by its days in the period, what is not planned for every month is not compared."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from functions.report import render
from functions.report.figures import Figures, build
from functions.report.marts.plan import months_of
from functions.report.marts.questions import Answers, Period
from functions.report.view.formats import Formats
from functions.report.view.names import Names
from functions.report.view.plan import plan_view
from functions.report.view.verdict import verdict_lines
from tests.report_cases import DATA_TO, PERIOD, cost, figures_of, kind, results, settings_of

OCTOBER = Period(date(2026, 10, 1), date(2026, 10, 31))
SOLD = {
    "spend": [cost("Yandex Direct", "yandex", "1800")],
    "results": [
        results(
            "Yandex Direct", "yandex", requests=4.0, qualified=2.0, sales=1.0, revenue=Decimal(5000), gross_profit=Decimal(2500)
        )
    ],
}


def of_october(*plan: dict[str, Any], rows: Any = SOLD) -> Figures:
    return build(settings_of(report={"plan": list(plan)}), OCTOBER, Answers(rows), Answers({}), DATA_TO)


def row_of(figures: Figures, channel: str = "") -> Any:
    return next(row["measures"] for row in figures["plan"]["rows"] if row["channel"] == channel)


def test_a_period_has_its_months_with_their_days() -> None:
    assert [tuple(month) for month in months_of(PERIOD)] == [("2026-09", 18, 30), ("2026-10", 12, 31)]
    assert [tuple(month) for month in months_of(Period(date(2026, 12, 31), date(2027, 2, 28)))] == [
        ("2026-12", 1, 31), ("2027-01", 31, 31), ("2027-02", 28, 28),
    ]  # fmt: skip


def test_without_a_plan_nothing_is_compared() -> None:
    assert figures_of(SOLD)["plan"] is None
    assert of_october({"month": "2026-11", "cost": "1"})["plan"] is None
    assert all(tile["plan"] is None for tile in figures_of(SOLD)["tiles"])


def test_sums_are_planned_by_shares_of_days_and_prices_by_days() -> None:
    plan = [
        {"month": "2026-09", "cost": "3000.00", "sales": 10, "cpo": "100", "margin_romi": "0.5"},
        {"month": "2026-10", "cost": "6200.00", "sales": 31, "cpo": "200", "margin_romi": "1"},
    ]
    told = row_of(figures_of(SOLD, report={"plan": plan}))
    assert told["cost"]["plan"] == Decimal("1800.00") + Decimal("2400.00")
    assert told["sales"]["plan"] == 6 + 12
    assert told["cpo"]["plan"] == Decimal("140.00")  # (18 × 100 + 12 × 200) ÷ 30
    assert told["margin_romi"]["plan"] == pytest.approx((18 * 0.5 + 12) / 30)
    assert told["cost"]["share"] == pytest.approx(1800 / 4200)
    assert told["cost"]["difference"] == Decimal("-2400.00")


def test_what_is_not_planned_for_every_month_is_not_compared_and_the_month_is_named() -> None:
    told = figures_of(SOLD, report={"plan": [{"month": "2026-10", "cost": "6200.00"}]})
    assert told["plan"]["rows"] == []
    assert told["plan"]["incomplete"] == ["2026-09"]
    assert all(tile["plan"] is None for tile in told["tiles"])
    view = plan_view(told, Formats("ru", "RUB", "UTC"), Names(settings_of()))
    assert view is not None
    assert "сентябрь 2026" in view["incomplete"]


def test_an_admissible_cost_of_1100_against_1800_is_700_over() -> None:
    told = of_october({"month": "2026-10", "cpo": "1100"}, {"month": "2026-10", "channel": "Яндекс Директ", "cpo": "2000"})
    assert told["plan"]["cpo"] == [
        {"channel": "", "admissible": Decimal("1100.00"), "actual": 1800.0, "over": 700},
        {"channel": "Yandex Direct", "admissible": Decimal("2000.00"), "actual": 1800.0, "over": -200},
    ]
    for language, lines in {
        "ru": [
            "Допустимая цена продажи 1 100 ₽, по факту 1 800 ₽: на 700 ₽ больше.",
            "Яндекс Директ: допустимая цена продажи 2 000 ₽, по факту 1 800 ₽: на 200 ₽ меньше.",
        ],
        "en": [
            "Admissible cost of a sale ₽1,100, actual ₽1,800: ₽700 over.",
            "Yandex Direct: admissible cost of a sale ₽2,000, actual ₽1,800: ₽200 below.",
        ],
    }.items():
        view = plan_view(told, Formats(language, "RUB", "UTC"), Names(settings_of(report={"language": language})))
        assert view is not None
        assert [line.replace("\u00a0", " ") for line in view["cpo"]] == lines
    income = {row["channel"]: row for row in told["income"]["rows"]}
    assert income["Yandex Direct"]["cpo_over"] == -200  # its own price before the site's
    assert told["income"]["total"]["cpo_over"] == 700


@pytest.mark.parametrize("name", ["Yandex Direct", "yandex direct", "Яндекс Директ"])
def test_a_channel_is_planned_under_the_name_of_the_rules_or_of_the_report(name: str) -> None:
    told = of_october({"month": "2026-10", "channel": name, "cost": "1000"})
    assert row_of(told, "Yandex Direct")["cost"]["difference"] == 800


def test_the_site_is_planned_by_its_own_row_else_by_its_channels() -> None:
    channels = [{"month": "2026-10", "channel": name, "cost": "1000", "sales": 3} for name in ("Yandex Direct", "Google Ads")]
    assert row_of(of_october(*channels))["cost"]["plan"] == 2000
    own = row_of(of_october(*channels, {"month": "2026-10", "cost": "5000"}))
    assert (own["cost"]["plan"], own["sales"]["plan"]) == (5000, 6)
    nothing = row_of(of_october(*channels), "Google Ads")["cost"]
    assert (nothing["fact"], nothing["difference"]) == (0, -1000)


def test_prices_that_nobody_planned_follow_from_planned_sums_and_say_so() -> None:
    told = of_october({"month": "2026-10", "cost": "1000", "sales": 4, "requests": 8, "gross_profit": "3000"})
    row = row_of(told)
    assert {name: (row[name]["plan"], row[name]["is_derived"]) for name in ("cpl", "cpo", "margin_romi")} == {
        "cpl": (125.0, True), "cpo": (250.0, True), "margin_romi": (2.0, True),
    }  # fmt: skip
    assert told["plan"]["cpo"] == []  # nobody called it admissible


def test_a_plan_of_nothing_has_no_share() -> None:
    row = row_of(of_october({"month": "2026-10", "sales": 0, "revenue": "0"}))
    assert (row["sales"]["share"], row["sales"]["difference"], row["revenue"]["share"]) == (None, 1, None)


def test_a_price_of_nothing_sold_is_not_compared() -> None:
    told = of_october({"month": "2026-10", "cpo": "1100"}, rows={})
    assert told["plan"]["cpo"][0]["over"] is None
    view = plan_view(told, Formats("en", "RUB", "UTC"), Names(settings_of(report={"language": "en"})))
    assert view is not None
    assert view["cpo"] == ["Admissible cost of a sale ₽1,100; there were no sales with spend, nothing to compare."]


def test_tiles_stand_against_the_period_before_and_the_plan() -> None:
    plan = {"month": "2026-10", "revenue": "10000", "gross_profit": "3000", "cost": "2000", "qualified": 4, "sales": 2}
    tiles = {tile["measure"]: tile for tile in of_october(plan)["tiles"]}
    assert list(tiles) == ["cost", "qualified", "sales", "revenue", "margin_romi"]
    assert (tiles["revenue"]["plan"], tiles["revenue"]["plan_share"], tiles["revenue"]["plan_difference"]) == (10000, 0.5, -5000)
    assert (tiles["margin_romi"]["plan"], tiles["margin_romi"]["plan_share"]) == (0.5, None)
    assert tiles["margin_romi"]["plan_difference"] == pytest.approx(2500 / 1800 - 1 - 0.5)


def test_a_price_of_what_cost_nothing_is_not_called_within_the_admissible() -> None:
    told = of_october({"month": "2026-10", "cpo": "1100"}, rows={"results": SOLD["results"]})
    assert told["plan"]["cpo"] == [{"channel": "", "admissible": Decimal("1100.00"), "actual": None, "over": None}]
    assert row_of(told)["cpo"]["fact"] is None
    assert told["income"]["total"]["cpo_over"] is None
    settings = settings_of()
    formats = Formats("ru", "RUB", "UTC")
    view = plan_view(told, formats, Names(settings))
    assert view is not None
    text = "Допустимая цена продажи 1 100 ₽; продаж с расходом нет, сравнивать не с чем."
    assert [price["text"].replace("\u00a0", " ") for price in view["prices"]] == [text]
    assert "Допустимая цена" not in " ".join(line["text"] for line in verdict_lines(told, formats, Names(settings)))


def test_a_figure_that_only_some_of_the_months_plan_is_named_with_the_months_that_do_not() -> None:
    plan = [{"month": "2026-09", "cost": "1"}, {"month": "2026-10", "cost": "1", "revenue": "5000"}]
    told = figures_of(SOLD, report={"plan": plan})
    assert told["plan"]["gaps"] == [{"channel": "", "measure": "revenue", "months": ["2026-09"]}]
    view = plan_view(told, Formats("ru", "RUB", "UTC"), Names(settings_of()))
    assert view is not None
    assert view["incomplete"] == (
        "Запланировано не на все месяцы и потому не сравнивается: Весь сайт — Выручка (нет: сентябрь 2026)."
    )


def test_a_channel_that_nobody_knows_is_named_and_is_in_no_sum() -> None:
    good = {"month": "2026-10", "channel": "Yandex Direct", "revenue": "700"}
    told = of_october(good, {"month": "2026-10", "channel": "Яндекс.Директ", "revenue": "1000", "cpo": "1"})
    assert told["plan"]["unknown"] == ["Яндекс.Директ"]
    assert [row["channel"] for row in told["plan"]["rows"]] == ["", "Yandex Direct"]
    assert row_of(told)["revenue"]["plan"] == 700
    view = plan_view(told, Formats("ru", "RUB", "UTC"), Names(settings_of()))
    assert view is not None
    assert "Яндекс.Директ" in view["unknown"]
    assert "Яндекс.Директ" in render.page(told, settings_of())


def test_a_channel_of_the_marts_without_anything_in_the_period_may_be_planned() -> None:
    rows = {**SOLD, "channels": [kind("Billboards", is_ad=True)]}
    assert of_october({"month": "2026-10", "channel": "billboards", "cost": "5"}, rows=rows)["plan"]["unknown"] == []


def test_a_planned_price_that_follows_from_others_is_rounded_as_money_is() -> None:
    row = row_of(of_october({"month": "2026-10", "cost": "1000", "requests": 3}))
    assert row["cpl"]["plan"] == Decimal("333.33")
