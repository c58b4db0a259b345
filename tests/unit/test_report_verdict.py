"""The verdict in words: what is said, in which order and tone, and what is not said for want of figures."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from functions.report.marts.anchors import anchor_of
from functions.report.view.drivers import driver_rows
from functions.report.view.formats import Formats
from functions.report.view.names import Names
from functions.report.view.verdict import verdict_lines
from functions.report.view.words import texts
from tests.report_cases import cost, figures_of, kind, settings_of, shop, shop_before
from tests.unit.test_report_funnel import AD, BEFORE, SPENT, sold


def codes(figures: Any) -> list[str]:
    return [part["code"] for part in figures["verdict"]["parts"]]


def part_of(figures: Any, code: str) -> Any:
    return next(part for part in figures["verdict"]["parts"] if part["code"] == code)


def said(figures: Any, language: str = "ru") -> list[str]:
    names = Names(settings_of(report={"language": language}))
    return [line["text"].replace("\u00a0", " ") for line in verdict_lines(figures, Formats(language, "RUB", "UTC"), names)]


def test_an_empty_period_is_called_empty_and_nothing_else_is_said() -> None:
    assert codes(figures_of({})) == ["empty"]


def test_money_comes_first_then_its_change_then_the_best_channel() -> None:
    figures = figures_of(SPENT, BEFORE)
    assert codes(figures)[:3] == ["ads_profit", "profit", "revenue_up"]
    best = part_of(figures, "best")
    assert (best["values"], best["anchor"]) == ({"channel": AD, "amount": 1000, "minimum": 10}, anchor_of(AD))
    assert figures["verdict"]["tone"] == "good"


def test_a_channel_that_earns_less_than_it_costs_is_the_worst() -> None:
    rows = {**SPENT, "spend": [cost(AD, "s", "5000")]}
    part = next(part for part in figures_of(rows)["verdict"]["parts"] if part["code"] == "worst")
    assert part["values"] == {"channel": AD, "amount": -3000, "minimum": 10}
    assert "best" not in codes(figures_of(rows))


def test_few_sales_make_neither_a_best_nor_a_worst() -> None:
    found = codes(figures_of({**SPENT, "results": [sold(sales=9.0)]}))
    assert "few_data" in found
    assert not {"best", "worst"} & set(found)


def test_without_a_cost_price_profit_is_not_spoken_of() -> None:
    found = codes(figures_of({**SPENT, "results": [sold(profit=None)]}))
    assert found[:2] == ["ads_return", "return"]
    assert not {"best", "worst", "profit"} & set(found)


def test_without_spend_there_is_no_payback() -> None:
    assert codes(figures_of({**SPENT, "spend": []}))[0] == "no_cost"


@pytest.mark.parametrize("language", ["ru", "en"])
@pytest.mark.parametrize("currency", ["RUB", "KZT"])
def test_every_sentence_is_whole_in_both_languages(language: str, currency: str) -> None:
    plan = [{"month": month, "revenue": "1", "cpo": "1"} for month in ("2026-09", "2026-10")]
    figures = figures_of(shop(), shop_before(), currency=currency, report={"plan": plan, "language": language})
    names = Names(settings_of(report={"language": language}))
    lines = verdict_lines(figures, Formats(language, currency, "UTC"), names)
    assert len(lines) == len(figures["verdict"]["parts"]) > 5
    assert all(line["text"] and "{" not in line["text"] for line in lines)


def test_every_code_has_its_words() -> None:
    for language in ("ru", "en"):
        assert {"cpo_over_channel", "plan_missed", "look_no_source", "revenue_same"} <= texts(language)["verdict_words"].keys()


YOUNG = {
    "requests_made": [
        {
            "day": date(2026, 10, 12),
            "made": 9,
            "counted": 9,
            "repeats": 0,
            "duplicates": 0,
            "disqualified": 0,
            "revenue": Decimal(0),
        }
    ],
    "sale_delays": [{"days": 20, "sales": 4}],
}


def test_the_sentence_on_advertising_has_the_tone_of_its_verdict() -> None:
    rows = {**SPENT, "spend": [cost(AD, "s", "5000")], "results": [sold(), sold("Organic search", 50.0, "90000", "60000")]}
    figures = figures_of(rows)
    ads, whole = figures["verdict"]["parts"][:2]
    assert (figures["verdict"]["tone"], ads["code"], ads["tone"], whole["code"], whole["tone"]) == (
        "bad",
        "ads_profit",
        "bad",
        "profit",
        "",
    )
    assert said(figures)[0] == "Реклама: расход 5 000 ₽, валовая прибыль 2 000 ₽, ROMI с маржой −60 %."


def test_a_part_of_the_money_without_a_cost_price_is_no_loss() -> None:
    rows = {
        **SPENT,
        "spend": [cost(AD, "s", "50000")],
        "results": [sold(revenue="1000", profit="300"), sold(revenue="900000", profit=None)],
    }
    figures = figures_of(rows)
    assert codes(figures)[:2] == ["ads_return", "return_partial"]
    assert not figures["verdict"]["is_profit_known"]
    assert all(part["tone"] != "bad" for part in figures["verdict"]["parts"])
    assert said(figures)[1].endswith("Себестоимость известна не у всей выручки, поэтому прибыль не считается.")
    tile = figures["tiles"][-1]
    assert (tile["measure"], tile["is_partial"]) == ("margin_romi", True)
    assert figures_of(SPENT)["verdict"]["is_profit_known"]
    assert not figures_of(SPENT)["tiles"][-1]["is_partial"]


def test_revenue_below_nothing_keeps_its_sign() -> None:
    figures = figures_of({**SPENT, "results": [sold(revenue="-100000")]}, {**BEFORE, "results": [sold(revenue="50000")]})
    assert "Выручка снизилась на 150 000 ₽ (−300 %): −100 000 ₽ против 50 000 ₽ в прошлом периоде." in said(figures)


def test_the_first_report_says_that_there_is_nothing_to_compare_with_and_praises_nothing() -> None:
    part = part_of(figures_of(SPENT), "revenue_first")
    assert part["tone"] == ""
    before = {"channels": SPENT["channels"], "visits": SPENT["visits"]}
    assert part_of(figures_of(SPENT, before), "revenue_new")["tone"] == "good"


def test_the_worst_stands_before_the_best_and_praise_last() -> None:
    rows = {**SPENT, "spend": [cost(AD, "s", "100"), cost("Google Ads", "s", "9000")], "results": [sold(), sold("Google Ads")]}
    found = codes(figures_of(rows))
    assert found.index("worst") < found.index("best")
    text = next(text for text in said(figures_of(rows)) if "потерял" in text)
    assert (
        text
        == "Среди каналов, где продаж не меньше 10, больше всех потерял «Google Ads»: валовая прибыль меньше расходов на 7 000 ₽."
    )


def test_much_money_with_few_sales_is_told_as_that() -> None:
    rows = {**SPENT, "spend": [cost(AD, "s", "1000"), cost("Google Ads", "s", "90000")]}
    rows["results"] = [sold(), sold("Google Ads", 3.0, "500", "100")]
    part = part_of(figures_of(rows), "heavy_few")
    assert (part["values"]["channel"], part["values"]["amount"], part["tone"]) == ("Google Ads", -89_900, "warn")
    assert "heavy_few" not in codes(figures_of({**rows, "spend": [cost(AD, "s", "1000"), cost("Google Ads", "s", "101")]}))


def test_young_requests_make_less_revenue_a_warning_that_says_so() -> None:
    plan = [{"month": month, "revenue": "90000"} for month in ("2026-09", "2026-10")]
    rows, before = {**SPENT, **YOUNG}, {**BEFORE, "results": [sold(revenue="50000")]}
    figures = figures_of(rows, before, report={"plan": plan})
    for code in ("revenue_down", "plan_missed"):
        assert (part_of(figures, code)["tone"], part_of(figures, code)["values"]["immature"]) == ("warn", 1.0)
    assert "look_immature" not in codes(figures)  # two sentences say it already
    assert sum("часть их продаж ещё впереди" in text for text in said(figures)) == 2
    told = driver_rows(figures, Formats("ru", "RUB", "UTC"), Names(settings_of()))
    assert "часть их продаж ещё впереди" in told["lead"]
    pairs = zip(told["rows"], figures["drivers"]["rows"], strict=True)
    assert {row["tone"] for row, driver in pairs if driver["effect"] == "price"} == {"warn"}  # requests themselves ripen no more
    by_payment = figures_of(rows, before, report={"plan": plan, "date_basis": "payment"})
    assert part_of(by_payment, "revenue_down")["tone"] == "bad"


def test_what_bears_on_every_comparison_stands_before_the_plan() -> None:
    plan = [{"month": month, "revenue": "1"} for month in ("2026-09", "2026-10")]
    found = codes(figures_of({**SPENT, **YOUNG}, BEFORE, report={"plan": plan}))
    assert found.index("look_immature") < found.index("plan_met")


def test_the_channel_furthest_over_its_price_is_told_beside_the_site() -> None:
    plan = [
        {"month": month, "channel": channel, "cpo": cpo}
        for month in ("2026-09", "2026-10")
        for channel, cpo in ((None, "1100"), (AD, "50"), ("Google Ads", "1"))
    ]
    rows = {**SPENT, "spend": [cost(AD, "s", "1000"), cost("Google Ads", "s", "9000")], "results": [sold(), sold("Google Ads")]}
    figures = figures_of(rows, report={"plan": plan})
    told = [
        (part["code"], part["tone"], part["values"]["channel"]) for part in figures["verdict"]["parts"] if "cpo" in part["code"]
    ]
    assert told == [("cpo_over", "bad", "Google Ads"), ("cpo_within", "good", "")]
    assert (
        "Весь сайт: допустимая цена продажи 1 100 ₽, по факту 500 ₽ (все расходы на все продажи): в пределах допустимой."
        in said(figures)
    )


def test_a_report_of_some_channels_does_not_speak_of_the_whole_site() -> None:
    figures = {**figures_of(SPENT, BEFORE), "scope": "Агентство"}
    assert not any("прямые заходы" in text or "Весь сайт" in text for text in said(figures))
    told = driver_rows(figures, Formats("ru", "RUB", "UTC"), Names(settings_of()))
    assert not any("Весь сайт" in row["text"] for row in told["rows"])


def test_long_names_are_cut_in_sentences() -> None:
    long = "к" * 300
    rows = {"channels": [kind(long, is_ad=True)], "spend": [cost(long, "s", "9000")], "results": [sold(long)]}
    assert all(len(text) < 250 for text in said(figures_of(rows)))
