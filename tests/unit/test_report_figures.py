"""Figures of a report from rows of the marts: sums, ratios, verdicts, data quality."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.report.figures import ADDITIVE, RATIOS, added, build, to_json, wilson
from functions.report.marts.deals import deals_of
from functions.report.marts.quality import median_days
from functions.report.marts.questions import Answers, Period, period_of
from functions.report.marts.ratios import divide
from shared.models import MODELS
from tests.report_cases import DATA_TO, NOW, PERIOD, cost, deal, figures_of, path, place, results, settings_of, shop

M1 = {"Yandex Direct": "200000.00", "Google Ads": "244000.00", "Meta Ads": "160000.00"}


def m1(margin: str | None = None) -> dict[str, Any]:
    """Three channels of 100,000 each; the source gives only their ROMI, so any spend will do."""
    money = {name: Decimal(revenue) for name, revenue in M1.items()}
    profit = {name: None if margin is None else revenue * Decimal(margin) for name, revenue in money.items()}
    return {
        "spend": [cost(name, "ads", "100000") for name in M1],
        "results": [
            results(name, "ads", requests=30.0, qualified=20.0, sales=12.0, revenue=money[name], gross_profit=profit[name])
            for name in M1
        ],
    }


class TestWorkedCases:
    def test_sales_romi_ranks_google_over_yandex_over_instagram(self) -> None:
        channels = figures_of(m1())["channels"]
        romi = [place(channels, name)["romi"] for name in M1]
        assert romi == [1.0, 1.44, 0.6]

    def test_one_margin_of_half_leaves_only_google_above_zero(self) -> None:
        channels = figures_of(m1("0.5"))["channels"]
        romi = [place(channels, name)["margin_romi"] for name in M1]
        assert romi == [0.0, 0.22, -0.2]

    def test_verdicts_follow_margin_romi_not_sales_romi(self) -> None:
        channels = figures_of(m1("0.5"), report={"thresholds": {"good": "0.2", "normal": "0"}})["channels"]
        assert [place(channels, name)["verdict"] for name in M1] == ["normal", "good", "bad"]

    def test_seo_at_a_manual_cost_doubles_its_money(self) -> None:
        rows = {
            "spend": [cost("Organic search", "seo", "50000")],
            "results": [results("Organic search", "seo", revenue=Decimal("100000.00"))],
        }
        seo = place(figures_of(rows)["channels"], "Organic search")
        assert (seo["romi"], seo["roas"]) == (1.0, 2.0)

    @pytest.mark.parametrize(("revenue", "romi"), [("2.00", 1.0), ("1.00", 0.0), ("0.50", -0.5)])
    def test_one_rouble_in_gives_romi_by_what_came_on_top(self, revenue: str, romi: float) -> None:
        rows = {"spend": [cost("A", "a", "1")], "results": [results("A", "a", revenue=Decimal(revenue))]}
        assert figures_of(rows)["totals"]["romi"] == romi


class TestSums:
    def test_a_request_shared_by_two_channels_counts_once_in_the_total(self) -> None:
        rows = {"results": [results("A", "a", requests=0.4, sales=0.4), results("B", "b", requests=0.6, sales=0.6)]}
        assert figures_of(rows)["totals"]["requests"] == 1

    def test_requests_without_a_source_are_a_channel_of_their_own_with_its_reasons(self) -> None:
        lost = figures_of(shop())["channels"][-1]
        assert lost["channel"] == "no source"
        assert {s["source"]: s["requests"] for s in lost["sources"]} == {"not_passed": 5, "overwritten": 1}
        assert lost["revenue"] == Decimal("54000.00")

    def test_the_no_source_row_is_there_even_when_it_is_empty(self) -> None:
        assert [c["channel"] for c in figures_of({})["channels"]] == ["no source"]

    def test_spend_without_requests_and_requests_without_spend_stay_visible(self) -> None:
        rows = {"spend": [cost("A", "a", "10")], "results": [results("B", "b", requests=1.0)]}
        figures = figures_of(rows)
        assert place(figures["channels"], "A")["cost"] == Decimal("10.00")
        assert place(figures["channels"], "B")["requests"] == 1
        assert figures["data_quality"]["costs_without_requests"]["cost"] == Decimal("10.00")

    def test_spend_coarser_than_its_campaigns_stays_in_a_not_split_child(self) -> None:
        rows = {"spend": [cost("A", "a", "100")], "results": [results("A", "a", "spring", requests=2.0)]}
        campaigns = figures_of(rows)["channels"][0]["sources"][0]["campaigns"]
        assert [(c["campaign"], c["cost"], c.get("is_not_split", False)) for c in campaigns] == [
            ("spring", Decimal(0), False),
            ("not split", Decimal("100.00"), True),
        ]

    def test_spend_joins_results_at_the_source_when_nobody_knows_campaigns(self) -> None:
        rows = {"spend": [cost("A", "a", "100")], "results": [results("A", "a", requests=2.0)]}
        source = figures_of(rows)["channels"][0]["sources"][0]
        assert (source["cpl"], source["campaigns"]) == (50.0, [])

    def test_a_campaign_named_like_our_own_row_is_not_taken_for_it(self) -> None:
        rows = {"spend": [cost("A", "a", "100"), cost("A", "a", "7", "not split")]}
        campaigns = figures_of(rows)["channels"][0]["sources"][0]["campaigns"]
        assert [(c["cost"], c.get("is_not_split", False)) for c in campaigns] == [(Decimal(7), False), (Decimal(100), True)]

    def test_not_split_spend_has_no_ratios_of_its_own(self) -> None:
        rows = {"spend": [cost("A", "a", "100"), cost("A", "a", "7", "x")]}
        not_split = figures_of(rows)["channels"][0]["sources"][0]["campaigns"][1]
        assert [not_split[name] for name in RATIOS] == [None] * len(RATIOS)

    @given(
        st.lists(
            st.tuples(
                st.sampled_from("AB"),
                st.sampled_from("ab"),
                st.sampled_from(["", "x", "y"]),
                st.decimals(0, 10**6, places=6),
                st.decimals(-(10**6), 10**6, places=2),
            ),
            max_size=12,
        )
    )
    def test_rows_add_up_to_the_kopeck_on_every_level(self, rows: list[tuple[str, str, str, Decimal, Decimal]]) -> None:
        answers = {
            "spend": [cost(c, s, str(spent), k) for c, s, k, spent, _ in rows],
            "results": [results(c, s, k, revenue=money, gross_profit=money / 2, requests=0.3) for c, s, k, _, money in rows],
        }
        figures = figures_of(answers)
        for name in ("cost", "revenue", "gross_profit"):
            assert sum(channel[name] for channel in figures["channels"]) == figures["totals"][name]
            for channel in figures["channels"]:
                assert sum(source[name] for source in channel["sources"]) == channel[name]
                for source in channel["sources"]:
                    assert not source["campaigns"] or sum(c[name] for c in source["campaigns"]) == source[name]
        exact = sum((spent for *_, spent, _ in rows), Decimal(0))
        assert abs(figures["totals"]["cost"] - exact) <= Decimal("0.005")

    def test_rows_added_anew_equal_the_total(self) -> None:
        figures = figures_of(shop())
        total = added(figures["channels"])
        assert {n: total[n] for n in ADDITIVE if n != "visits"} == pytest.approx(
            {n: figures["totals"][n] for n in ADDITIVE if n != "visits"}
        )
        assert total["romi"] == figures["totals"]["romi"]


class TestRatios:
    def test_a_division_by_nothing_is_empty(self) -> None:
        assert [figures_of({})["totals"][name] for name in RATIOS] == [None] * len(RATIOS)

    def test_spend_without_results_has_no_price_of_a_request_but_a_full_loss(self) -> None:
        totals = figures_of({"spend": [cost("A", "a", "10")]})["totals"]
        assert (totals["cpl"], totals["cpo"], totals["roas"], totals["romi"], totals["margin_romi"]) == (None, None, 0, -1, -1)

    def test_gross_profit_is_empty_where_no_money_has_a_cost_price(self) -> None:
        totals = figures_of(m1())["totals"]
        assert (totals["gross_profit"], totals["margin_romi"]) == (None, None)

    def test_money_without_a_cost_price_beside_money_with_one_is_told_and_not_judged(self) -> None:
        rows = m1("0.5")
        rows["results"].append(results("Google Ads", "ads", "b", revenue=Decimal("5000.00"), sales=12.0))
        figures = figures_of(rows)
        google = place(figures["channels"], "Google Ads")
        assert (google["gross_profit"], google["verdict"]) == (Decimal("122000.00"), None)
        assert figures["data_quality"]["without_cost_price"]["revenue"] == Decimal("5000.00")

    def test_few_sales_are_not_judged_and_show_how_unsure_they_are(self) -> None:
        rows = {
            "spend": [cost("A", "a", "10")],
            "results": [
                results("A", "a", requests=20.0, sales=3.0, revenue=Decimal("90.00"), gross_profit=Decimal("50.00")),
            ],
        }
        channel = figures_of(rows)["channels"][0]
        assert channel["verdict"] == "few_data"
        assert channel["sale_rate_interval"] == pytest.approx((0.0617, 0.3212), abs=1e-3)

    @given(st.floats(0, 1e6), st.floats(0.001, 1e6))
    def test_the_interval_of_a_rate_holds_the_rate_and_stays_within_0_and_1(self, successes: float, trials: float) -> None:
        interval = wilson(successes, trials)
        assert interval is not None
        assert 0 <= interval[0] <= min(successes / trials, 1) + 1e-9
        assert min(successes / trials, 1) - 1e-9 <= interval[1] <= 1

    def test_division_keeps_all_digits(self) -> None:
        assert divide(Decimal(1), Decimal(3)) == 1 / 3


class TestPeriods:
    def test_the_period_ends_yesterday_in_the_sites_zone(self) -> None:
        # 03:00 UTC is 06:00 in Moscow and still the day before in New York.
        assert period_of(settings_of(), NOW) == Period(date(2026, 9, 13), date(2026, 10, 12))
        assert period_of(settings_of(time_zone="America/New_York"), NOW).last == date(2026, 10, 11)

    def test_the_period_may_end_with_the_running_day_of_the_site(self) -> None:
        # 22:30 UTC is the next day in Moscow already.
        late = datetime(2026, 10, 12, 22, 30, tzinfo=UTC)
        report = {"until": "today", "days": 7}
        assert period_of(settings_of(report=report), late) == Period(date(2026, 10, 7), date(2026, 10, 13))
        assert period_of(settings_of(report=report, time_zone="UTC"), late).last == date(2026, 10, 12)

    def test_settings_published_without_the_choice_end_yesterday(self) -> None:
        settings = settings_of()
        report = {name: value for name, value in settings["report"].items() if name != "until"}
        assert period_of({**settings, "report": report}, NOW) == period_of(settings, NOW)

    def test_a_period_that_ends_today_says_that_its_last_day_is_not_complete(self) -> None:
        assert figures_of({})["data_quality"]["is_last_day_complete"]
        today = build(settings_of(), PERIOD._replace(last=NOW.date()), Answers({}), Answers({}), DATA_TO)
        assert not today["data_quality"]["is_last_day_complete"]

    @pytest.mark.parametrize(
        ("data_to", "refreshed_at", "is_complete"),
        [
            ("2026-10-12 21:00", None, True),  # midnight in Moscow
            ("2026-10-12 20:59", None, False),
            ("2026-10-12 20:59", "2026-10-12 21:15", True),
            ("2026-10-12 20:59", "2026-10-12 21:14", False),
            ("2026-10-12 15:00", "2026-10-13 06:00", True),
            ("2026-10-12 14:59", "2026-10-13 06:00", False),
        ],
    )
    def test_a_quiet_night_leaves_no_day_incomplete(self, data_to: str, refreshed_at: str | None, is_complete: bool) -> None:
        known, read = (None if text is None else datetime.fromisoformat(f"{text}+00:00") for text in (data_to, refreshed_at))
        assert known is not None
        period = PERIOD._replace(last=date(2026, 10, 12))
        told = build(settings_of(), period, Answers({}), Answers({}), known, refreshed_at=read)
        assert told["data_quality"]["is_last_day_complete"] is is_complete

    def test_spend_that_brought_a_sale_is_not_called_lost(self) -> None:
        rows = {"spend": [cost("VK Ads", "vk", "100.00", "a"), cost("VK Ads", "vk", "50.00", "b")]}
        rows["results"] = [results("VK Ads", "vk", "a", sales=1.0, revenue=Decimal("900.00"))]
        assert figures_of(rows)["data_quality"]["costs_without_requests"]["places"] == [
            {"channel": "VK Ads", "source": "vk", "campaign": "b", "cost": Decimal("50.00")}
        ]

    def test_the_previous_period_is_as_long_and_ends_the_day_before(self) -> None:
        assert Period(date(2026, 3, 1), date(2026, 3, 30)).previous == Period(date(2026, 1, 30), date(2026, 2, 28))

    def test_change_is_a_share_for_amounts_and_a_difference_for_romi(self) -> None:
        before = {"spend": [cost("A", "a", "100")], "results": [results("A", "a", revenue=Decimal("100.00"))]}
        now = {"spend": [cost("A", "a", "100")], "results": [results("A", "a", revenue=Decimal("150.00"))]}
        change = figures_of(now, before)["change"]
        assert (change["revenue"], change["romi"], change["cost"], change["sales"]) == (0.5, 0.5, 0.0, None)


class TestDeals:
    @pytest.mark.parametrize(
        ("model", "touches", "code", "touch"),
        [
            ("last_non_direct", [("direct/(direct)/(none)", 1.0)], "only_touch", 1),
            ("linear", [("A/a/cpc", 1.0)], "only_touch", 1),
            ("last_non_direct", [("direct", 0.0), ("direct", 1.0)], "all_direct", 2),
            ("last_non_direct", [("A/a/cpc", 1.0), ("direct", 0.0)], "last_non_direct", 1),
            ("last_significant", [("A/a/cpc", 1.0), ("B/b/organic", 0.0)], "last_significant", 1),
            ("last_significant", [("A/a/referral", 0.0), ("B/b/organic", 1.0)], "last_non_direct", 2),
            ("last_significant", [("direct", 0.0), ("direct", 1.0)], "all_direct", 2),
            ("first", [("direct", 1.0), ("B/b/organic", 0.0)], "first", 1),
            ("time_decay", [("A/a/cpc", 0.3), ("B/b/organic", 0.7)], "time_decay", 2),
            ("linear", [("A/a/cpc", 0.5), ("B/b/organic", 0.5)], "linear", 1),
        ],
    )
    def test_a_deal_says_by_which_rule_its_source_was_chosen(
        self, model: str, touches: list[tuple[str, float]], code: str, touch: int
    ) -> None:
        rows = {"deals": [deal("1", 10)], "deal_paths": path("1", 10, *touches)}
        (shown,) = figures_of(rows, attribution={"default_model": model})["deals"]
        assert shown["why"] == {"code": code, "touch": touch, "of": len(touches)}
        assert shown["channel"] == touches[touch - 1][0].split("/")[0]

    @pytest.mark.parametrize(("model", "code"), [("last", "own_source"), ("linear", "linear")])
    def test_a_source_of_the_requests_own_is_told_where_it_decides_alone(self, model: str, code: str) -> None:
        touches = path("1", 10, ("A/a", 0.4), ("B/b", 0.6))
        touches[1]["touch_id"] = "request-1"
        (shown,) = figures_of({"deals": [deal("1", 10)], "deal_paths": touches}, attribution={"default_model": model})["deals"]
        assert shown["why"] == {"code": code, "touch": 2, "of": 2}

    def test_a_deal_without_touches_says_why_it_has_no_source(self) -> None:
        (shown,) = figures_of({"deals": [deal("1", 10, no_source_reason="overwritten")]})["deals"]
        assert (shown["channel"], shown["source"], shown["campaign"]) == ("no source", "", "")
        assert (shown["no_source_reason"], shown["path"], shown["path_length"]) == ("overwritten", [], 0)
        assert shown["why"] == {"code": "no_touch", "touch": None, "of": 0}

    def test_contact_channels_of_the_shop_add_up_to_its_totals(self) -> None:
        figures = figures_of(shop())
        for name in ("requests", "sales", "revenue"):
            assert float(sum(row[name] for row in figures["contact_channels"])) == pytest.approx(float(figures["totals"][name]))


class TestModels:
    def test_every_model_gives_away_the_same_money(self) -> None:
        figures = figures_of(shop())
        sums = {model: sum(row["revenue"] for row in rows) for model, rows in figures["models"].items()}
        assert tuple(sums) == MODELS
        assert set(sums.values()) == {figures["totals"]["revenue"]}


class TestDataQuality:
    @pytest.mark.parametrize(("delays", "median"), [([(1, 1)], 1), ([(1, 2), (5, 1)], 1), ([(1, 1), (4, 1)], 2.5), ([], None)])
    def test_the_median_way_to_a_sale_is_exact(self, delays: list[tuple[int, int]], median: float | None) -> None:
        assert median_days([{"days": days, "sales": sales} for days, sales in delays]) == median

    def test_requests_younger_than_the_usual_way_to_a_sale_are_immature(self) -> None:
        made = {"repeats": 0, "duplicates": 0, "disqualified": 0}
        rows = {
            "sale_delays": [{"days": 5, "sales": 3}],
            "requests_made": [
                {"day": date(2026, 10, 8), "made": 3, "counted": 3, "revenue": Decimal("900.00"), **made},
                {"day": date(2026, 10, 9), "made": 1, "counted": 1, "revenue": Decimal("100.00"), **made},
            ],
        }
        young = {"median_days": 5, "requests": 1, "share": 0.25, "revenue": Decimal("100.00"), "revenue_share": 0.1}
        assert figures_of(rows)["data_quality"]["immature"] == young


class TestJson:
    def test_money_is_written_digit_by_digit(self) -> None:
        rows = {"spend": [cost("A", "a", "90071992547409.93")]}
        assert b'"cost": 90071992547409.93' in to_json(figures_of(rows))

    def test_the_file_has_the_shape_that_readers_rely_on(self) -> None:
        written = json.loads(to_json(figures_of(shop())))
        assert set(written) >= {"period", "model", "totals", "channels", "models", "data_quality"}
        assert set(written) >= {"contact_channels", "calls", "deals", "deals_total"}
        assert all(isinstance(row["revenue"], float) and isinstance(row["created_at"], str) for row in written["deals"])
        assert written["period"] == {"from": "2026-09-13", "to": "2026-10-12"}
        assert set(written["totals"]) == {*ADDITIVE, *RATIOS}
        assert all({"channel", *ADDITIVE, *RATIOS} <= set(channel) for channel in written["channels"])
        assert all(
            {"channel", "requests", "qualified", "sales", "revenue", "gross_profit", "margin_romi"} == set(row)
            for rows in written["models"].values()
            for row in rows
        )


def test_amocrms_stages_and_pipelines_are_shown_by_the_names_of_the_settings() -> None:
    named = {"stages": {"58113402": "Неразобранное"}, "pipelines": {"6904417": "Продажи"}}
    told = {"stage": "58113402", "pipeline": "6904417"}
    rows = [deal("1", 1, **told), {**deal("2", 1, **told), "deal_id": "generic:2"}, deal("3", 1, stage="won", pipeline="7")]
    site = settings_of()
    shown = deals_of({**site, "crm": {"amocrm": named}}, Answers({"deals": rows}))
    assert [(one["stage"], one["pipeline"]) for one in shown] == [
        ("Неразобранное", "Продажи"),
        ("58113402", "6904417"),
        ("won", "7"),
    ]
    assert deals_of({**site, "crm": {"amocrm": None}}, Answers({"deals": rows}))[0]["stage"] == "58113402"
