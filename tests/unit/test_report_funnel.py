"""Payback, income, funnel, qualification and team: worked by hand, and what is said where nothing is known."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from functions.report import render
from functions.report.view.model import view_of
from functions.report.view.words import texts
from shared.report_settings import SECTIONS
from tests.report_cases import cost, figures_of, kind, results, settings_of, shop, shop_before
from tests.unit.test_report_render import Tags

AD = "Yandex Direct"
ADS = [kind(AD, is_ad=True), kind("Google Ads", is_ad=True), kind("Organic search")]


def sold(
    channel: str = AD, sales: float = 10.0, revenue: str = "4000", profit: str | None = "2000", **told: float
) -> dict[str, Any]:
    row: dict[str, Any] = {"sales": sales, "requests": sales * 4, "qualified": sales * 2, **told}
    row |= {"revenue": Decimal(revenue), "gross_profit": None if profit is None else Decimal(profit)}
    return results(channel, "s", **row)


def clicked(channel: str, clicks: int | None, impressions: int | None) -> dict[str, Any]:
    return {"channel": channel, "clicks": clicks, "impressions": impressions}


def visited(channel: str, visits: int) -> dict[str, Any]:
    return {"channel": channel, "source": "s", "campaign": "", "visits": visits}


SPENT = {
    "channels": ADS,
    "spend": [cost(AD, "s", "1000")],
    "results": [sold(), sold("Organic search", 5.0, "1000", "500")],
    "visits": [visited(AD, 180), visited("Organic search", 300)],
    "ad_clicks": [clicked(AD, 200, 10_000)],
}
ON_VISITS = {**SPENT, "visit_requests": [{"channel": AD, "requests": 20.0}, {"channel": "Organic search", "requests": 10.0}]}
# Google does not tell its clicks.
SOME_CLICKS = {
    **SPENT,
    "spend": [cost(AD, "s", "1000"), cost("Google Ads", "s", "9000")],
    "visits": [visited(AD, 180), visited("Google Ads", 5000)],
    "ad_clicks": [clicked(AD, 200, 10_000), clicked("Google Ads", None, 7000)],
}
BEFORE = {"channels": ADS, "spend": [cost(AD, "s", "500")], "results": [sold(sales=4.0)], "ad_clicks": [clicked(AD, 50, None)]}


class TestPayback:
    def test_clicks_requests_and_sales_have_a_price_and_its_change(self) -> None:
        told = figures_of(SPENT, BEFORE)["payback"]
        assert [row["channel"] for row in told["rows"]] == [AD]
        row = told["rows"][0]
        assert row["cost_change"] == 1
        assert row["steps"]["clicks"] == {
            "count": 200, "price": 5.0, "previous_count": 50, "previous_price": 10.0, "count_change": 3.0, "price_change": -0.5,
        }  # fmt: skip
        assert (row["steps"]["requests"]["price"], row["steps"]["sales"]["price"]) == (25.0, 100.0)
        assert row["steps"]["sales"]["price_change"] == pytest.approx(100 / 125 - 1)
        assert (row["romi"], row["roi"], row["ctr"]) == (3.0, 4.0, 0.02)

    def test_clicks_that_nobody_tells_are_unknown_and_not_none(self) -> None:
        row = figures_of({**SPENT, "ad_clicks": []})["payback"]["rows"][0]
        assert row["steps"]["clicks"]["count"] is row["steps"]["clicks"]["price"] is row["ctr"] is None
        view = view_of(figures_of({**SPENT, "ad_clicks": []}), settings_of())
        assert view["payback"]["no_clicks"] == texts("ru")["payback"]["no_clicks"]

    def test_clicks_are_divided_only_by_what_the_systems_that_told_them_cost(self) -> None:
        rows = {**SOME_CLICKS, "results": [sold(), sold("Google Ads", 50.0)]}
        total = figures_of(rows)["payback"]["total"]
        assert (total["cost"], total["steps"]["clicks"]["count"], total["steps"]["clicks"]["price"]) == (10_000, 200, 5.0)
        assert (total["ctr"], total["request_rate"], total["impressions"]) == (0.02, 0.2, 17_000)
        assert total["steps"]["requests"]["price"] == 10_000 / 240  # requests are known of all

    def test_a_system_of_the_period_before_alone_is_shown_too(self) -> None:
        told = figures_of({"channels": ADS}, BEFORE)["payback"]
        assert [(row["channel"], row["cost"], row["previous_cost"]) for row in told["rows"]] == [(AD, 0, 500)]

    def test_nothing_that_was_nothing_before_is_no_change(self) -> None:
        view = view_of(figures_of({"channels": ADS, "spend": [cost(AD, "s", "9")]}, BEFORE), settings_of())
        (row,) = view["payback"]["table"]["rows"]
        assert (row["cells"]["sales"]["text"], row["cells"]["sales"]["small"]) == ("0", "\u2212100\u00a0%")
        view = view_of(figures_of({"channels": ADS, "spend": [cost(AD, "s", "9")]}), settings_of())
        (row,) = view["payback"]["table"]["rows"]
        assert (row["cells"]["sales"]["text"], row["cells"]["sales"]["small"]) == ("0", "")

    def test_without_advertising_there_is_no_total(self) -> None:
        figures = figures_of({"channels": ADS, "results": [sold("Organic search")]})
        assert figures["payback"] == {"total": None, "rows": []}
        assert view_of(figures, settings_of())["payback"]["none"] == "Рекламы за период нет."

    def test_of_other_traffic_only_the_advertising_part_counts(self) -> None:
        kinds = [*ADS, kind("a / promo", is_ad=True, is_unnamed=True), kind("b / post", is_unnamed=True)]
        rows = {"channels": kinds, "spend": [cost("a / promo", "a", "70")], "results": [sold("a / promo"), sold("b / post")]}
        (row,) = figures_of(rows)["payback"]["rows"]
        assert (row["channel"], row["cost"], row["steps"]["sales"]["count"]) == ("other traffic", 70, 10)


class TestIncome:
    def test_every_price_is_cost_by_its_count(self) -> None:
        told = figures_of(SPENT)["income"]
        row = {row["channel"]: row for row in told["rows"]}[AD]
        assert (row["visit_price"], row["cpl"], row["cpql"], row["cpo"], row["aov"]) == (1000 / 180, 25, 50, 100, 400)
        assert (row["drr"], row["profit"], row["is_ad"]) == (0.25, 1000, True)
        assert told["total"]["profit"] == 1500
        assert (row["admissible_cpo"], row["cpo_over"]) == (None, None)

    def test_without_a_cost_price_there_is_no_profit(self) -> None:
        row = figures_of({**SPENT, "results": [sold(profit=None)]})["income"]["rows"][0]
        assert (row["gross_profit"], row["profit"]) == (None, None)

    def test_a_division_by_nothing_is_empty(self) -> None:
        told = figures_of({"channels": ADS, "spend": [cost(AD, "s", "10")]})["income"]["rows"][0]
        assert [told[name] for name in ("visit_price", "cpl", "cpql", "cpo", "aov", "drr")] == [None] * 6


class TestFunnel:
    def test_each_step_is_compared_with_the_one_before(self) -> None:
        told = figures_of(
            {
                **ON_VISITS,
                "customers_repeats": [{"is_repeat": r, "in_period": True, "sales": 6 - 3 * r, "revenue": 1} for r in (0, 1)],
            }
        )
        steps = {step["step"]: step for step in told["funnel"]["steps"]}
        assert list(steps) == ["impressions", "clicks", "visits", "requests", "qualified", "sales", "repeat_sales"]
        assert [(name, step["count"], step["rate"], step["lost"]) for name, step in steps.items()] == [
            ("impressions", 10_000, None, None), ("clicks", 200, 0.02, 9800), ("visits", 480, 0.9, 20),
            ("requests", 60, 0.0625, 450), ("qualified", 30, 0.5, 30), ("sales", 15, 0.5, 15), ("repeat_sales", 3, 3 / 9, None),
        ]  # fmt: skip

    def test_clicks_stand_against_the_visits_of_systems_that_told_them_alone(self) -> None:
        told = figures_of(SOME_CLICKS)
        steps = {step["step"]: step for step in told["funnel"]["steps"]}
        assert (steps["clicks"]["count"], steps["clicks"]["of"], steps["clicks"]["rate"]) == (200, 10_000, 0.02)
        assert (steps["visits"]["reached"], steps["visits"]["rate"], steps["visits"]["lost"]) == (180, 0.9, 20)

    def test_more_visits_than_clicks_are_no_loss_below_nothing(self) -> None:
        told = figures_of({**SPENT, "visits": [visited(AD, 500)]})
        step = next(step for step in told["funnel"]["steps"] if step["step"] == "visits")
        assert (step["rate"], step["lost"]) == (2.5, 0)

    def test_requests_that_came_from_no_visit_are_no_conversion_of_visits(self) -> None:
        figures = figures_of(SPENT)  # nobody asked
        assert [step["rate"] for step in figures["funnel"]["steps"] if step["step"] == "requests"] == [None]
        (row,) = [row for row in figures_of(ON_VISITS)["funnel"]["channels"] if row["channel"] == AD]
        assert row["rates"]["requests"] == pytest.approx(20 / 180)

    def test_what_nobody_tells_is_no_step_to_lose_on(self) -> None:
        steps = {step["step"]: step for step in figures_of({**SPENT, "ad_clicks": []})["funnel"]["steps"]}
        assert (steps["clicks"]["count"], steps["visits"]["rate"], steps["visits"]["lost"]) == (None, None, None)
        shown = view_of(figures_of({**SPENT, "ad_clicks": []}), settings_of())["funnel"]["steps"]["rows"]
        assert shown[0]["cells"]["count"]["text"] == "нет данных"

    def test_a_section_is_one_however_its_name_is_written(self) -> None:
        row = {"requests": 1, "sales": 0, "sections_total": 3}
        names = {"окна": 5, "%D0%BE%D0%BA%D0%BD%D0%B0": 9, "catalog": 7}
        told = figures_of({"site_sections": [{"section": name, "visits": visits, **row} for name, visits in names.items()]})
        sections = told["site_sections"]
        assert [(one["section"], one["visits"], one["requests"]) for one in sections["rows"]] == [
            ("окна", 14, 2),
            ("catalog", 7, 1),
        ]
        assert sections["total"] == 2

    def test_sections_of_the_site_are_listed_with_their_rate_and_what_is_left(self) -> None:
        rows = [
            {"section": name, "visits": 200 - n, "requests": 2, "sales": 1, "sections_total": 140}
            for n, name in enumerate(["", *"abcdefghijklmnopqrstuvwxyz"])
        ]
        figures = figures_of({"site_sections": rows})
        assert figures["site_sections"]["rows"][0] == {"section": "", "visits": 200, "requests": 2, "sales": 1, "rate": 0.01}
        view = view_of(figures, settings_of())["funnel"]["sections"]
        assert [row["name"] for row in view["table"]["rows"]][:2] == ["Главная страница", "/a"]
        assert view["left"] == "И ещё разделов: 115."


def asked(channel: str, made: int, reason: str = "", group: str = "", **told: Any) -> dict[str, Any]:
    counts = {"made": made, "counted": made, "qualified": 0, "disqualified": made if reason else 0}
    return {
        "channel": channel,
        "is_without_source": False,
        "provider": "amocrm",
        "loss_group": group,
        "loss_reason": reason,
        **counts,
        **told,
    }


class TestQualification:
    def test_requests_are_qualified_disqualified_or_undecided(self) -> None:
        rows = [
            asked(AD, 10, qualified=4),
            asked(AD, 3, "Дорого", "Не наш"),
            asked(AD, 2, "Спам"),
            asked("", 5, is_without_source=True),
        ]
        told = figures_of({"qualification": rows})["qualification"]
        first, last = told["channels"]
        assert (first["channel"], first["counted"], first["qualified"], first["disqualified"], first["waiting"]) == (
            AD,
            15,
            4,
            5,
            6,
        )
        assert first["disqualified_share"] == pytest.approx(1 / 3)
        assert first["reasons"][0] == {"group": "Не наш", "reason": "Дорого", "requests": 3}
        assert last["channel"] == "no source"
        assert told["total"]["made"] == 20
        assert [(group["group"], group["requests"]) for group in told["groups"]] == [("Не наш", 3), ("Спам", 2)]

    def test_reasons_are_called_as_the_settings_name_them(self) -> None:
        crm = {"amocrm": {"subdomain": "kvartal", "loss_reasons": {"77": "Дорого"}}}
        figures = figures_of({"qualification": [asked(AD, 1, "77")]}, crm=crm)
        assert figures["qualification"]["groups"][0]["group"] == "Дорого"


def led(dimension: str, name: str, deals: int, sales: int, talks: int, owed: str = "0", currency: str = "RUB") -> dict[str, Any]:
    money = {"revenue": Decimal(sales * 1000), "receivable": Decimal(owed), "receivables": int(owed != "0")}
    counts = {"deals": deals, "sales": sales, "without_source": 1, "communications": talks, "communicated": deals}
    return {"dimension": dimension, "provider": "amocrm", "name": name, "currency": currency, **counts, **money}


class TestTeam:
    def test_everybody_stands_against_the_average(self) -> None:
        rows = [led("all", "", 10, 4, 50), led("manager", "А", 4, 3, 12), led("manager", "Б", 6, 1, 38, "500")]
        told = figures_of({"team": rows})["team"]
        assert [(row["name"], row["conversion"], row["aov"]) for row in told["managers"]] == [("А", 0.75, 1000), ("Б", 1 / 6, 1000)]
        assert [row["communications_difference"] for row in told["managers"]] == pytest.approx([3 - 5, 38 / 6 - 5])
        assert told["managers"][1]["receivables"] == [{"currency": "RUB", "deals": 1, "amount": 500}]
        assert (told["branches"], told["average"]["communications"]) == ([], 5)

    def test_deals_in_two_currencies_are_one_row_whose_debts_stay_apart(self) -> None:
        rows = [led("manager", "А", 4, 3, 12, "10"), led("manager", "А", 1, 0, 1, "20", "USD")]
        (row,) = figures_of({"team": rows})["team"]["managers"]
        assert row["deals"] == 5
        assert [(one["currency"], one["amount"]) for one in row["receivables"]] == [("USD", 20), ("RUB", 10)]

    def test_a_dimension_that_no_deal_tells_has_no_table(self) -> None:
        view = view_of(figures_of({"team": [led("all", "", 3, 0, 0), led("branch", "", 3, 0, 0)]}), settings_of())
        assert (view["team"]["parts"], view["team"]["none"]) == ([], "За период сделок нет.")


class TestPage:
    def views(self, **report: Any) -> list[str]:
        settings = settings_of(report=report)
        page = render.page(figures_of(shop(), shop_before(), report=report), settings)
        return list(dict.fromkeys(str(attrs["data-view"]) for _, attrs in Tags(page).found if attrs.get("data-view")))

    def test_sections_stand_in_the_order_of_the_contract_and_name_their_view(self) -> None:
        plan = [{"month": month, "cost": "1"} for month in ("2026-09", "2026-10")]
        assert self.views(plan=plan) == [name for name in SECTIONS if name != "traffic"]
        assert "plan" not in self.views()

    def test_the_settings_choose_the_sections_and_their_order(self) -> None:
        assert self.views(sections=["deals", "summary", "budget"]) == ["deals", "summary", "budget"]

    def test_settings_of_before_there_was_a_choice_have_all_sections(self) -> None:
        settings = {**settings_of()}
        new = ("sections", "plan", "history_days", "scopes", "brand", "alerts", "own_sections")
        settings["report"] = {name: value for name, value in settings["report"].items() if name not in new}
        page = render.page(figures_of(shop()), settings)
        assert 'data-view="budget"' in page

    def test_a_driver_leads_to_its_channel(self) -> None:
        figures = figures_of({**SPENT, "ad_clicks": []}, BEFORE)
        page = render.page(figures, settings_of())
        ids = {attrs["id"] for _, attrs in Tags(page).found if attrs.get("id")}
        links = {str(attrs["href"])[1:] for tag, attrs in Tags(page).found if tag == "a" and str(attrs.get("href")).startswith("#")}
        assert links
        assert links <= ids
