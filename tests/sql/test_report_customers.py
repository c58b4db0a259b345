"""Buyers, lapsed ones, repeat sales and cohorts of a report, computed by hand."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson
import pytest

from functions.report.figures import Figures, build, to_json
from functions.report.marts.questions import Period, ask
from functions.report.render import page
from functions.report.view.customers import month_name
from functions.report.view.formats import Formats
from shared.settings import SiteSettings, published
from tests.lakes import NOW, Marts, Record, cost, deal, hit, marts_of, payment, request, shop, utc
from tests.random_lakes import random_records, random_shop
from tests.report_cases import cohort, customers, figures_of, kind, settings_of
from tests.report_cases import shop as case

AT = utc("10-12 09:00")
OCTOBER = Period(date(2026, 10, 1), date(2026, 10, 31))
DAY = timedelta(days=1)


def report(marts: Marts, site: SiteSettings, period: Period = OCTOBER) -> Figures:
    chosen = published(site)
    return build(chosen, period, *ask(marts.warehouse, chosen, period), NOW)


def asked(root: Path, *records: Record, period: Period = OCTOBER, **changes: Any) -> Figures:
    site = shop(**changes)
    return report(marts_of(root, records, site), site, period)


def came(person: str, day: str, ad: str = "yandex/cpc") -> list[Record]:
    """A visit of that day and a request two days later."""
    at = utc(f"{day} 09:00")
    return [hit(person, at, ad), request(f"r-{person}", at + 2 * DAY, visitor=person)]


def paid(person: str, day: str, amount: str, cost_price: str | None = "0", name: str = "d") -> Record:
    return deal(f"{name}-{person}", utc(f"{day} 09:00"), "won", amount, visitor=person, cost_price=cost_price)


def cohorts(figures: Figures, *names: str) -> dict[tuple[str, str], tuple[Any, ...]]:
    rows = {(month["month"], "all"): month for month in figures["cohorts"]}
    rows |= {(month["month"], row["channel"]): row for month in figures["cohorts"] for row in month["channels"]}
    return {key: tuple(row[name] for name in names) for key, row in rows.items()}


def test_buyers_are_counted_and_their_worth_is_averaged(tmp_path: Path) -> None:
    records = [
        deal("a", utc("09-12 09:00"), "won", "100", contact="twice", cost_price="40"),
        deal("b", utc("10-12 09:00"), "won", "50", contact="twice"),
        deal("c", AT, "won", "30", contact="once"),
        deal("d", AT, "working", "70", contact="nobody"),
    ]
    told = asked(tmp_path, *records)["customers"]
    assert {name: told[name] for name in ("persons", "buyers", "repeat_buyers", "sales", "repeat_sales", "lapsed")} == {
        "persons": 3, "buyers": 2, "repeat_buyers": 1, "sales": 3, "repeat_sales": 1, "lapsed": 0,
    }  # fmt: skip
    assert (told["revenue"], told["gross_profit"], told["repeat_revenue"]) == (180, 60, 50)
    assert (told["mean_revenue"], told["mean_gross_profit"]) == (90.0, 60.0)  # profit: of the one buyer who has any
    assert told["period"] == {"first_sales": 1, "first_revenue": 30, "repeat_sales": 1, "repeat_revenue": 50}
    assert [(row["abcd"], row["buyers"], row["revenue"]) for row in told["classes"]] == [
        ("A", 1, 150),
        ("B", 0, 0),
        ("C", 1, 30),
        ("D", 0, 0),
    ]


def test_without_people_everything_is_nothing_and_means_are_empty(tmp_path: Path) -> None:
    figures = asked(tmp_path)
    told = figures["customers"]
    assert (told["persons"], told["revenue"], told["mean_revenue"], told["mean_gross_profit"]) == (0, 0, None, None)
    assert figures["cohorts"] == []


@pytest.mark.parametrize(("days", "lapsed"), [(19, 1), (18, 2), (20, 0)])
def test_a_buyer_has_lapsed_when_his_last_sale_is_more_days_before_the_last_day_than_the_setting(
    days: int, lapsed: int, tmp_path: Path
) -> None:
    records = [
        deal("a", utc("10-11 09:00"), "won", "1", contact="twenty"),
        deal("b", utc("10-12 09:00"), "won", "1", contact="nineteen"),
        deal("c", utc("11-15 09:00"), "won", "1", contact="later"),
        deal("e", utc("01-12 09:00"), "won", "1", contact="later"),
    ]
    told = asked(tmp_path, *records, report={"lapsed_days": days})["customers"]
    assert (told["lapsed"], told["lapsed_days"]) == (lapsed, days)


def test_settings_from_before_the_choice_lapse_after_180_days(tmp_path: Path) -> None:
    site = shop()
    marts = marts_of(tmp_path, [deal("a", utc("05-03 09:00"), "won", "1", contact="a")], site)
    chosen = published(site)
    old = {**chosen, "report": {name: value for name, value in chosen["report"].items() if name != "lapsed_days"}}
    told = build(old, OCTOBER, *ask(marts.warehouse, old, OCTOBER), NOW)["customers"]
    assert (told["lapsed_days"], told["lapsed"]) == (180, 1)


def test_a_buyer_who_got_all_back_has_no_class_and_is_shown(tmp_path: Path) -> None:
    records = [deal("a", AT, "won", "9", contact="a"), payment("a", AT, "9", "p"), payment("a", AT + DAY, "-9", "q")]
    told = asked(tmp_path, *records, deal("b", AT, "working", "9", contact="b"))["customers"]
    assert [(row["abcd"], row["buyers"]) for row in told["classes"]] == [("A", 0), ("B", 0), ("C", 0), ("D", 0), ("", 1)]
    assert (told["persons"], told["buyers"], told["revenue"], told["mean_revenue"]) == (2, 1, 0, 0.0)


def test_a_cohort_is_the_month_and_channel_of_the_first_touch(tmp_path: Path) -> None:
    records = [
        *came("v", "09-30"), hit("v", AT, "vk/cpc"), paid("v", "10-12", "100", "30"), paid("v", "11-10", "50", "20", "e"),
        *came("w", "10-02", "vk/cpc"),
        deal("x", AT, "won", "7", contact="x"),
    ]  # fmt: skip
    found = cohorts(asked(tmp_path, *records), "persons", "buyers", "sales", "revenue", "gross_profit", "cost")
    assert found == {
        ("2026-09", "all"): (1, 1, 2, 150, 100, None),
        ("2026-09", "Yandex Direct"): (1, 1, 2, 150, 100, None),
        ("2026-10", "all"): (2, 1, 1, 7, None, None),
        ("2026-10", "VK Ads"): (1, 0, 0, 0, 0, None),
        ("2026-10", "no source"): (1, 1, 1, 7, None, None),
    }


def test_payback_is_the_day_on_which_gross_profit_reaches_the_cost(tmp_path: Path) -> None:
    """70 on the 12th, 100 on the 20th: a cost of 100 is covered on the 20th, 19 days after the 1st."""
    people = [*came("v", "10-02"), paid("v", "10-12", "100", "30"), paid("v", "10-20", "40", "10", "e")]
    for folder, spent, days in (("a", "100", 19), ("b", "70", 11), ("c", "70.01", 19), ("d", "100.01", None)):
        figures = asked(tmp_path / folder, *people, cost("10-05", "yandex/cpc", spent))
        assert cohorts(figures, "payback_days") == {("2026-10", "all"): (days,), ("2026-10", "Yandex Direct"): (days,)}
    (month,) = figures["cohorts"]
    assert month["margin_romi"] == pytest.approx(100 / 100.01 - 1)


def test_a_sale_on_the_first_of_the_month_pays_back_at_once(tmp_path: Path) -> None:
    figures = asked(tmp_path, *came("v", "10-01"), paid("v", "10-01", "9"), cost("10-31", "yandex/cpc", "9"))
    assert cohorts(figures, "payback_days")[("2026-10", "all")] == (0,)


def test_money_from_before_the_first_touch_is_there_from_the_first_day(tmp_path: Path) -> None:
    records = [
        deal("old", utc("08-03 09:00"), "won", "60", phone="p", cost_price="0"),
        hit("v", utc("10-20 09:00"), "yandex/cpc"), request("r", utc("10-21 09:00"), visitor="v", phone="p"),
        cost("10-05", "yandex/cpc", "60"),
    ]  # fmt: skip
    found = cohorts(asked(tmp_path, *records), "persons", "revenue", "payback_days")
    assert found[("2026-10", "Yandex Direct")] == (1, 60, 0)


def test_what_refunds_take_back_is_not_covered_any_more(tmp_path: Path) -> None:
    person = [*came("v", "10-02"), deal("d", AT, "won", "100", visitor="v", cost_price="0"), payment("d", AT, "100", "p")]
    spent = cost("10-05", "yandex/cpc", "80")
    before = asked(tmp_path / "a", *person, spent)
    after = asked(tmp_path / "b", *person, spent, payment("d", AT + 9 * DAY, "-30", "q"))
    again = asked(tmp_path / "c", *person, spent, payment("d", AT + 9 * DAY, "-30", "q"), payment("d", AT + 12 * DAY, "20", "s"))
    assert [cohorts(f, "payback_days")[("2026-10", "all")] for f in (before, after, again)] == [(11,), (None,), (11,)]


@pytest.mark.parametrize("spent", [[], [cost("10-05", "yandex/cpc", "0", clicks=5)]])
def test_a_cohort_without_cost_has_no_payback(spent: list[Record], tmp_path: Path) -> None:
    figures = asked(tmp_path, *came("v", "10-02"), paid("v", "10-12", "100"), *spent)
    ((costs, romi, days),) = set(cohorts(figures, "cost", "margin_romi", "payback_days").values())
    assert (costs or 0, romi, days) == (0, None, None)


def test_a_cohort_without_a_cost_price_has_no_payback(tmp_path: Path) -> None:
    figures = asked(tmp_path, *came("v", "10-02"), paid("v", "10-12", "100", None), cost("10-05", "yandex/cpc", "5"))
    assert set(cohorts(figures, "gross_profit", "margin_romi", "payback_days").values()) == {(None, None, None)}


def test_a_channel_that_cost_and_brought_nobody_is_a_cohort_of_nobody_and_counts_in_the_sum(tmp_path: Path) -> None:
    records = [*came("v", "10-02"), paid("v", "10-12", "100"), cost("10-05", "yandex/cpc", "60"), cost("10-06", "vk/cpc", "50")]
    found = cohorts(asked(tmp_path, *records), "persons", "cost", "payback_days")
    assert found[("2026-10", "VK Ads")] == (0, 50, None)
    assert found[("2026-10", "Yandex Direct")] == (1, 60, 11)
    assert found[("2026-10", "all")] == (1, 110, None)


def test_costs_are_those_of_the_whole_month_and_of_it_alone(tmp_path: Path) -> None:
    days = ("09-30", "10-01", "10-31", "11-01")
    spent = [cost(day, "yandex/cpc", amount) for day, amount in zip(days, ("1", "20", "300.005", "4000"), strict=True)]
    period = Period(date(2026, 10, 5), date(2026, 10, 9))
    found = cohorts(asked(tmp_path, *came("v", "10-02"), *spent, period=period), "cost")
    assert found[("2026-10", "all")] == (Decimal("320.01"),)
    assert ("2026-11", "all") not in found


def test_twelve_months_of_cohorts_are_told_the_newest_first(tmp_path: Path) -> None:
    people = [record for month in range(1, 12) for record in came(f"v{month}", f"{month:02}-05")]
    figures = asked(tmp_path, *people, hit("old", utc("01-01 09:00") - 90 * DAY), request("old", AT, visitor="old"))
    assert [row["month"] for row in figures["cohorts"]] == [f"2026-{month:02}" for month in range(10, 0, -1)]
    december = report(marts_of(tmp_path / "b", people), shop(), Period(date(2027, 2, 1), date(2027, 2, 9)))
    assert [row["month"] for row in december["cohorts"]] == [f"2026-{month:02}" for month in range(11, 2, -1)]


def test_channels_that_no_rule_names_are_one_cohort_without_payback() -> None:
    rows = {
        "channels": [kind("a / x", is_unnamed=True), kind("b / y", is_ad=True, is_unnamed=True)],
        "cohorts": [
            cohort("2026-10", None, 5, 2, "50.00", "30.00", "20.00", 4),
            cohort("2026-10", "a / x", 3, 1, "20.00"),
            cohort("2026-10", "b / y", 2, 1, "30.00", "30.00", "20.00", 4),
        ],
    }
    ((month, row),) = [(month, row) for month in figures_of(rows)["cohorts"] for row in month["channels"]]
    assert (row["channel"], row["persons"], row["revenue"], row["gross_profit"], row["cost"]) == ("other traffic", 5, 50, 30, 20)
    assert (row["payback_days"], month["payback_days"], row["margin_romi"]) == (None, 4, 0.5)
    apart = figures_of(rows, sources={"other_traffic": "apart"})["cohorts"][0]["channels"]
    assert [(row["channel"], row["payback_days"]) for row in apart] == [("b / y", 4), ("a / x", None)]


@pytest.mark.parametrize("seed", [300, 301])
def test_cohorts_and_classes_add_up_to_all_people_and_all_money(seed: int, tmp_path: Path) -> None:
    site = random_shop()
    marts = marts_of(tmp_path, random_records(seed, 30), site)
    figures = report(marts, site, Period(OCTOBER.first, date(2026, 12, 31)))
    people = marts.rows("customers")
    months = figures["cohorts"]
    for name in ("persons", "buyers", "sales", "revenue"):
        for month in months:
            assert sum(row[name] for row in month["channels"]) == month[name], (month["month"], name)
    assert sum(month["persons"] for month in months) == len(people) == figures["customers"]["persons"]
    assert sum(month["revenue"] for month in months) == sum(row["ltv_revenue"] for row in people)
    assert sum((month["cost"] or 0) for month in months) == sum((row["cost"] or 0) for m in months for row in m["channels"])
    told = figures["customers"]
    assert told["sales"] == sum(row["sales"] for row in people)
    for name in ("buyers", "sales", "repeat_sales", "lapsed", "revenue"):
        assert sum(row[name] for row in told["classes"]) == told[name]
    assert told["period"]["first_sales"] <= told["buyers"]
    orjson.loads(to_json(figures))


@pytest.mark.parametrize(
    ("language", "first", "shown"), [("ru", "Сентябрь 2026", "Окупаемость, дней"), ("en", "September 2026", "Payback, days")]
)
def test_the_page_shows_both_in_its_readers_language(language: str, first: str, shown: str) -> None:
    html = page(figures_of(case(), report={"language": language}), settings_of(report={"language": language}))
    for text in (
        first,
        shown,
        'id="m2"',
        "402\u00a0000" if language == "ru" else "402,000",
        "\u221211,1" if language == "ru" else "\u221211.1",
    ):
        assert text in html, text


def test_a_report_without_people_says_so_and_has_no_table_of_cohorts() -> None:
    html = page(figures_of({}), settings_of())
    assert "Заявок и сделок ещё не было." in html
    assert 'id="cohorts"' not in html


def test_money_in_json_is_written_digit_by_digit() -> None:
    told = orjson.loads(to_json(figures_of({"customers": [customers("A", 3, "0.30", "0.10")]})))["customers"]
    assert (told["revenue"], told["gross_profit"], told["mean_revenue"]) == (0.3, 0.1, 0.1)


def test_months_are_worded_as_readers_write_them() -> None:
    assert month_name("2026-05", Formats("ru", "RUB", "Europe/Moscow")) == "Май 2026"
    assert month_name("2026-12", Formats("en", "RUB", "Europe/Moscow")) == "December 2026"
