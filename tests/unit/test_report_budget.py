"""The budget calculator's fits: against an independent maximum of the likelihood, and what is said where nothing can be fitted."""

from __future__ import annotations

import math
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.report.figures import Figures
from functions.report.marts.budget import budget_of
from functions.report.marts.fit import Fit, fit_of
from functions.report.marts.kinds import Kinds
from functions.report.marts.questions import Answers, Period, history_from
from functions.report.view.budget import budget_view, expected
from functions.report.view.formats import Formats
from functions.report.view.names import Names
from tests.report_cases import PERIOD, figures_of, kind, settings_of, shop

COSTS = [8000.0, 12000.0, 16000.0, 20000.0, 24000.0, 30000.0, 36000.0, 40000.0, 15000.0, 22000.0]
SALES = [3.0, 4.0, 4.5, 5.0, 7.0, 6.0, 8.0, 7.0, 5.0, 6.0]
MONDAY = date(2026, 10, 5)
LAST = Period(date(2026, 9, 12), date(2026, 10, 11))  # ends with a Sunday
KINDS = Kinds({"Yandex Direct": True, "Google Ads": True, "Organic search": False}, frozenset())


def log_likelihood(a: float, b: float, costs: list[float], sales: list[float]) -> float:
    """Of a Poisson with log link, without what does not depend on a and b."""
    return sum(y * (a + b * math.log(x)) - math.exp(a + b * math.log(x)) for x, y in zip(costs, sales, strict=True))


def best_b(costs: list[float], sales: list[float], low: float = -3.0, high: float = 3.0) -> float:
    """By golden section over the profile likelihood: for each b the best a is known in closed form."""

    def profile(b: float) -> float:
        a = math.log(sum(sales) / sum(x**b for x in costs))
        return log_likelihood(a, b, costs, sales)

    ratio = (math.sqrt(5) - 1) / 2
    while high - low > 1e-9:
        one, other = high - ratio * (high - low), low + ratio * (high - low)
        low, high = (one, high) if profile(one) < profile(other) else (low, other)
    return (low + high) / 2


def test_the_fit_is_the_maximum_of_the_likelihood() -> None:
    fit = fit_of(COSTS, SALES)
    assert fit is not None
    b = best_b(COSTS, SALES)
    assert fit.b == pytest.approx(b, abs=1e-6)
    assert fit.a == pytest.approx(math.log(sum(SALES) / sum(x**b for x in COSTS)), abs=1e-5)
    assert not fit.is_capped


def test_the_covariance_is_the_inverse_of_the_curvature_of_the_likelihood() -> None:
    fit = fit_of(COSTS, SALES)
    assert fit is not None
    assert fit.dispersion == 1.0  # these weeks vary less than a Poisson's
    step_a, step_b = 1e-3, 1e-4

    def at(i: int, j: int) -> float:
        return log_likelihood(fit.a + i * step_a, fit.b + j * step_b, COSTS, SALES)

    aa = -(at(1, 0) - 2 * at(0, 0) + at(-1, 0)) / step_a**2
    bb = -(at(0, 1) - 2 * at(0, 0) + at(0, -1)) / step_b**2
    ab = -(at(1, 1) - at(1, -1) - at(-1, 1) + at(-1, -1)) / (4 * step_a * step_b)
    determinant = aa * bb - ab * ab
    assert fit.cov[0][0] == pytest.approx(bb / determinant, rel=1e-2)
    assert fit.cov[1][1] == pytest.approx(aa / determinant, rel=1e-2)
    assert fit.cov[0][1] == pytest.approx(-ab / determinant, rel=1e-2)


def test_weeks_that_vary_more_than_a_poissons_widen_the_intervals() -> None:
    wild = [1.0, 9.0, 2.0, 12.0, 4.0, 20.0, 3.0, 15.0, 10.0, 1.0]
    fit = fit_of(COSTS, wild)
    assert fit is not None
    means = [fit.expected(x) for x in COSTS]
    pearson = sum((y - m) ** 2 / m for y, m in zip(wild, means, strict=True)) / (len(wild) - 2)
    assert fit.dispersion == pytest.approx(pearson)
    assert pearson > 1


@given(st.floats(0.05, 0.95), st.floats(-6, 0), st.floats(0.1, 1000))
@settings(max_examples=50)
def test_sales_without_noise_give_back_their_own_curve(b: float, a: float, scale: float) -> None:
    costs = [scale * x for x in COSTS]
    fit = fit_of(costs, [math.exp(a + b * math.log(x)) for x in costs])
    assert fit is not None
    assert (fit.a, fit.b) == pytest.approx((a, b), abs=1e-6)


def test_returns_above_proportional_are_capped_at_proportional() -> None:
    fit = fit_of(COSTS, [(x / 10_000) ** 2 for x in COSTS])
    assert fit is not None
    assert (fit.b, fit.is_capped) == (1.0, True)
    assert fit.expected(sum(COSTS)) == pytest.approx(sum((x / 10_000) ** 2 for x in COSTS))
    assert fit.cov[1][1] > 0  # what is capped is not known any better


def test_the_next_sale_costs_what_the_slope_says() -> None:
    fit = Fit(math.log(0.01), 0.5, ((0.0, 0.0), (0.0, 0.0)), 1.0)
    # 0.01 √10,000 = 1 sale; the slope there is 0.5 ÷ 10,000 a rouble.
    assert fit.expected(10_000) == pytest.approx(1)
    assert fit.next_sale_price(10_000) == pytest.approx(20_000)


def test_the_price_of_the_next_sale_is_as_uncertain_as_the_fit() -> None:
    fit = fit_of(COSTS, SALES)
    assert fit is not None
    low, high = fit.next_sale_interval(20_000, 1.645)
    price, step = fit.next_sale_price(20_000), 1e-6
    shifted = [math.log(Fit(fit.a + da, fit.b + db, fit.cov, 1).next_sale_price(20_000)) for da, db in ((step, 0), (0, step))]
    by_a, by_b = ((value - math.log(price)) / step for value in shifted)
    variance = by_a**2 * fit.cov[0][0] + 2 * by_a * by_b * fit.cov[0][1] + by_b**2 * fit.cov[1][1]
    assert (math.log(low), math.log(high)) == pytest.approx(
        (math.log(price) - 1.645 * variance**0.5, math.log(price) + 1.645 * variance**0.5), rel=1e-4
    )


def week(number: int, cost: str, sales: float, channel: str = "Yandex Direct", requests: float = 5.0) -> dict[str, Any]:
    """A row of `budget_weeks`, so many weeks before that of 5 October."""
    money = {"revenue": Decimal("1000.00") * int(sales), "cost": Decimal(cost), "cost_days": 7 if float(cost) else 0}
    return {"week": MONDAY - timedelta(days=7 * number), "channel": channel, "requests": requests, "sales": sales, **money}


def weeks(count: int, sales: float = 4.0, growth: float = 1.0, channel: str = "Yandex Direct") -> list[dict[str, Any]]:
    return [week(n, f"{1000 * (1 + n % 4)}", sales * (1 + n % 4) ** growth, channel) for n in range(count)]


def budget(rows: list[dict[str, Any]], known_to: date = date(2026, 10, 12), **answers: Any) -> Figures:
    told = Answers({"budget_weeks": rows, **answers})
    return budget_of(told, LAST, history_from(settings_of(), LAST), known_to, KINDS)


def test_a_channel_with_weeks_enough_is_fitted() -> None:
    told = budget(weeks(13, growth=0.5))
    (row,) = told["channels"]
    assert (told["first_week"], told["last_week"]) == ("2026-07-20", "2026-10-05")  # the first week known may be a part of one
    assert (row["is_fit"], row["why"], row["weeks"]) == (True, "", 12)
    assert row["b"] == pytest.approx(0.5)
    assert row["spend_now"] == pytest.approx((1000 + 2000 + 3000 + 4000) / 4)
    assert row["sales_now"] == pytest.approx(4 * 2.5**0.5)
    assert (row["least_cost"], row["most_cost"]) == (1000, 4000)
    centre, low, high = expected(row, 2500.0, told["z"])
    assert centre == pytest.approx(row["sales_now"])
    assert low < centre < high


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        (weeks(8), "few_weeks"),  # the first of them is left out
        (weeks(12, sales=0.5), "few_sales"),
        ([week(n, "1000", 4.0) for n in range(12)], "no_variation"),
        (weeks(12, sales=10.0, growth=-0.5), "no_growth"),
        (weeks(12, sales=10.0, growth=0.05), "uncertain"),
    ],
)
def test_why_a_channel_is_not_fitted(rows: list[dict[str, Any]], why: str) -> None:
    (row,) = budget(rows)["channels"]
    assert (row["is_fit"], row["why"], row["b"], row["cov"], row["next_sale_price"]) == (False, why, None, None, None)


def test_weeks_whose_sales_are_still_to_come_are_left_out() -> None:
    delays = [{"days": 2, "sales": 8}, {"days": 9, "sales": 1}, {"days": 30, "sales": 1}]
    told = budget(weeks(13), sale_delays=delays)
    assert (told["immature_days"], told["last_week"]) == (9, "2026-09-21")
    assert budget(weeks(13), date(2026, 10, 20), sale_delays=delays)["last_week"] == "2026-10-05"


def test_weeks_without_spend_and_channels_that_are_no_advertising_are_left_out() -> None:
    rows = [*weeks(12), *weeks(12, channel="Organic search"), *[week(n, "0", 9.0, "Google Ads") for n in range(12)]]
    assert [row["channel"] for row in budget(rows)["channels"]] == ["Yandex Direct"]


def test_only_whole_weeks_of_the_history_count() -> None:
    old = [week(n, "1000", 4.0) for n in range(90)]
    told = budget(old)
    assert told["first_week"] == "2025-09-08"  # the first Monday of 400 days
    late = budget_of(
        Answers({"budget_weeks": old}),
        Period(LAST.first, LAST.last - timedelta(days=1)),
        date(2025, 9, 7),
        date(2026, 10, 12),
        KINDS,
    )
    assert late["last_week"] == "2026-09-28"


def test_without_weeks_there_is_nothing_to_learn_from() -> None:
    assert budget([])["first_week"] is None
    assert figures_of({})["budget"]["channels"] == []


def test_a_report_carries_the_fits_of_its_own_period() -> None:
    rows = {**shop(), "budget_weeks": weeks(30), "channels": [kind("Yandex Direct", is_ad=True)], "sale_delays": []}
    told = figures_of(rows)["budget"]
    assert told["channels"][0]["is_fit"]
    assert date.fromisoformat(told["last_week"]) + timedelta(days=6) <= PERIOD.last


def parts(first: str, last: str, *days: int) -> list[dict[str, Any]]:
    """Weeks of one even spend, but for the first and the last one with spend, which are parts of weeks with as many days."""
    rows = [*(week(n, "7000", 7.0) for n in range(13)), week(13, "0", 0.0)]
    for row, cost, count in ((rows[-2], first, days[0]), (rows[0], last, days[1])):
        row |= {"cost": Decimal(cost), "sales": float(cost) / 1000, "cost_days": count}
    return rows


def test_parts_of_weeks_at_which_a_channel_began_or_ceased_prove_no_response() -> None:
    (row,) = budget(parts("2000", "1000", 2, 1))["channels"]
    assert (row["weeks"], row["is_fit"], row["why"]) == (11, False, "no_variation")


def test_a_channel_that_rests_on_weekends_keeps_its_weeks() -> None:
    rows = [{**row, "cost_days": 5} for row in weeks(13, growth=0.5)]
    (row,) = budget(rows)["channels"]
    assert (row["weeks"], row["is_fit"], row["spend_now"]) == (12, True, 2500)


def test_noise_promises_nothing() -> None:
    costs = [70_000.0, 61_000.0, 79_000.0, 66_000.0, 75_000.0, 63_000.0, 77_000.0, 69_000.0, 72_000.0, 64_000.0]
    sold = [3, 2, 6, 4, 5, 4, 4, 3, 6, 3]  # the slope is far above 1 and its interval far below 0
    fit = fit_of(costs, [float(count) for count in sold])
    assert fit is not None
    assert fit.is_capped
    assert not fit.is_certain(1.645)


def test_a_channel_that_stopped_spends_and_sells_nothing_now() -> None:
    rows = [*weeks(20, growth=0.5)[3:], *[week(n, "0", 0.0, "Google Ads") for n in range(20)]]
    (row,) = budget(rows)["channels"]
    assert (row["is_fit"], row["spend_now"], row["sales_now"], row["next_sale_price"]) == (True, 0.0, 0.0, None)
    figures = figures_of({"budget_weeks": rows, "channels": [kind("Yandex Direct", is_ad=True)]})
    view = budget_view({"budget": {**figures["budget"], "channels": [row]}}, Formats("ru", "RUB", "UTC"), Names(settings_of()))
    assert "сейчас не тратит" in view["table"]["rows"][0]["cells"]["says"]["text"]
    assert "Сезон" in view["note"]
