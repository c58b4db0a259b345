"""The questions of the report, asked of small marts on DuckDB."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from functions.report.marts.questions import OTHER_QUESTIONS, SQL, TREE_QUESTIONS
from shared.sql import bind
from tests.report_cases import PERIOD, place
from tests.report_marts import BEFORE, DAY, SEARCH, YANDEX, SmallMarts


@pytest.fixture
def marts(tmp_path: Path) -> Iterator[SmallMarts]:
    made = SmallMarts(tmp_path)
    yield made
    made.warehouse.close()


def test_every_sql_file_is_a_question_that_is_asked() -> None:
    # Asked by alerts, the page's snapshot, reports of a scope, and notes to CRMs.
    elsewhere = ("alerts_", "snapshot_", "scope_", "new_deal_paths")
    found = {path.stem for path in SQL.glob("*.sql")}
    assert {stem for stem in found if not stem.startswith(elsewhere)} == {*TREE_QUESTIONS, *OTHER_QUESTIONS}


def test_every_sql_file_says_what_it_asks_first() -> None:
    assert [p.name for p in SQL.glob("*.sql") if not p.read_text("utf-8").startswith("-- ")] == []


def test_empty_marts_give_empty_figures(marts: SmallMarts) -> None:
    figures = marts.figures()
    assert figures["totals"]["visits"] == 0
    assert [c["channel"] for c in figures["channels"]] == ["no source"]


def test_visits_are_the_sessions_of_the_period(marts: SmallMarts) -> None:
    marts.add("sessions", session_id="a", day=PERIOD.first, **YANDEX)
    marts.add("sessions", session_id="b", day=PERIOD.last, **YANDEX)
    marts.add("sessions", session_id="c", day=BEFORE, **YANDEX)
    marts.add("sessions", session_id="d", day=DAY, **{**YANDEX, "site_id": "other"})
    figures = marts.figures()
    assert figures["totals"]["visits"] == 2
    assert figures["previous"]["totals"]["visits"] == 1


def test_m1_ranks_channels_by_sales_and_by_margin(marts: SmallMarts) -> None:
    for name, revenue, profit in (
        ("Yandex Direct", "200000", "100000"),
        ("Google Ads", "244000", "122000"),
        ("Meta Ads", "160000", "80000"),
    ):
        source = {"channel": name, "source": "ads", "medium": "cpc"}
        marts.add("costs", cost_id=name, day=DAY, **source, cost=Decimal("100000.000000"))
        credit = {"last_non_direct": [(source, 1.0, revenue, profit)]}
        marts.request(name, credits=credit, sales=1, revenue=Decimal(revenue), gross_profit=Decimal(profit))
    channels = marts.figures()["channels"]
    shown = {c["channel"]: (c["romi"], c["margin_romi"]) for c in channels if c["channel"] != "no source"}
    assert shown == {"Yandex Direct": (1.0, 0.0), "Google Ads": (1.44, 0.22), "Meta Ads": (0.6, -0.2)}


def test_a_request_shared_by_two_touches_is_shared_in_every_count(marts: SmallMarts) -> None:
    parts = [(YANDEX, 0.4, "400.00", "200.00"), (SEARCH, 0.6, "600.00", "300.00")]
    marts.request(
        "r",
        credits={"last_non_direct": parts},
        sales=2,
        revenue=Decimal("1000.00"),
        gross_profit=Decimal("500.00"),
    )
    figures = marts.figures()
    yandex = place(figures["channels"], "Yandex Direct")
    assert (yandex["requests"], yandex["qualified"], yandex["sales"]) == (0.4, 0.4, 0.8)
    assert (yandex["revenue"], yandex["gross_profit"]) == (Decimal("400.00"), Decimal("200.00"))
    assert (figures["totals"]["requests"], figures["totals"]["sales"]) == (1, 2)


def test_money_of_a_request_that_is_not_counted_still_counts(marts: SmallMarts) -> None:
    """A second order of the same person is a duplicate request; its money was received all the same."""
    credit = {"last_non_direct": [(YANDEX, 1.0, "700.00", None)]}
    marts.request("r", credits=credit, is_counted=False, is_qualified=False, duplicate_of="counted", sales=1, revenue=Decimal(700))
    totals = marts.figures()["totals"]
    assert (totals["requests"], totals["sales"], totals["revenue"]) == (0, 1, Decimal("700.00"))


def test_only_the_default_model_fills_the_table_and_all_models_are_compared(marts: SmallMarts) -> None:
    models = {"last_non_direct": [(SEARCH, 1.0, "100.00", None)], "first": [(YANDEX, 1.0, "100.00", None)]}
    marts.request("r", credits=models, sales=1, revenue=Decimal("100.00"))
    figures = marts.figures()
    assert [c["channel"] for c in figures["channels"] if c["sales"]] == ["Organic search"]
    first = figures["models"]["first"][0]
    assert (first["channel"], first["sales"], first["revenue"]) == ("Yandex Direct", 1, Decimal("100.00"))
    assert figures["totals"]["revenue"] == Decimal("100.00")


def test_requests_without_credits_are_the_no_source_row_by_reason(marts: SmallMarts) -> None:
    marts.request("a", sales=1, revenue=Decimal("50.00"), no_source_reason="not_passed")
    marts.request("b", no_source_reason="not_determined")
    marts.request("c", no_source_reason="not_determined", is_counted=False, is_qualified=False)
    marts.request("d", credits={"last_non_direct": [(YANDEX, 1.0, "0.00", None)]})
    figures = marts.figures()
    lost = place(figures["channels"], "no source")
    assert {s["source"]: s["requests"] for s in lost["sources"]} == {"not_passed": 1, "not_determined": 1}
    assert (lost["revenue"], figures["totals"]["requests"]) == (Decimal("50.00"), 3)
    assert figures["data_quality"]["requests"]["without_source"] == {"not_passed": 1, "not_determined": 1}


def test_costs_join_by_campaign_and_lines_without_a_rate_stay_out_and_are_told(marts: SmallMarts) -> None:
    marts.add("costs", cost_id="1", day=DAY, **YANDEX, cost=Decimal("100.000000"))
    marts.add("costs", cost_id="2", day=DAY, **YANDEX, cost=None, original_cost=Decimal("7.500000"), currency="USD")
    marts.add("sessions", session_id="s", day=DAY, **YANDEX)
    figures = marts.figures()
    assert figures["channels"][0]["sources"][0]["campaigns"][0]["cost"] == Decimal("100.00")
    told = [line for line in figures["data_quality"]["without_rate"] if line["what"] == "costs"]
    assert told == [{"what": "costs", "currency": "USD", "lines": 1, "amount": Decimal("7.5")}]


def test_money_without_a_rate_is_told_for_the_periods_requests(marts: SmallMarts) -> None:
    marts.request("now")
    marts.request("before", day=BEFORE)
    for request_id in ("now", "before"):
        money = {"amount": None, "original_amount": Decimal("450.00"), "currency": "USD"}
        marts.add("money_events", money_event_id=request_id, request_id=request_id, day=DAY, **money)
    told = marts.figures()["data_quality"]["without_rate"]
    assert told == [{"what": "money", "currency": "USD", "lines": 1, "amount": Decimal("450.00")}]


def test_hits_that_make_no_visit_are_counted_by_reason(marts: SmallMarts) -> None:
    for number, excluded in enumerate(["", "bot", "bot", "test", None]):
        marts.add("hits", record_id=str(number), day=DAY, excluded=excluded)
    assert marts.figures()["data_quality"]["hits"] == {"counted": 2, "excluded": {"bot": 2, "test": 1}}


def test_deals_are_counted_by_what_matched_them(marts: SmallMarts) -> None:
    for number, method in enumerate(["phone", "implied", "implied"]):
        marts.add("deals", deal_id=str(number), day=DAY, request_id="r", match_method=method, stage="won", is_unknown_stage=False)
    marts.add("deals", deal_id="lost", day=DAY, stage="Странный этап", is_unknown_stage=True)
    quality = marts.figures()["data_quality"]
    assert quality["deals"] == {
        "made": 4,
        "implied": 2,
        "unmatched": 1,
        "by_method": {"implied": 2, "phone": 1, "unmatched": 1},
    }
    assert quality["unknown_stages"] == [{"pipeline": "", "stage": "Странный этап", "deals": 1}]


def test_what_became_of_requests_adds_up_to_all_of_them(marts: SmallMarts) -> None:
    marts.request("counted")
    marts.request("repeat", is_counted=False, repeat_of="d", duplicate_of="counted")
    marts.request("duplicate", is_counted=False, duplicate_of="counted")
    marts.request("spam", is_counted=False, is_disqualified=True)
    made = marts.figures()["data_quality"]["requests"]
    assert {name: made[name] for name in ("made", "counted", "repeats", "duplicates", "unconfirmed", "disqualified")} == {
        "made": 4,
        "counted": 1,
        "repeats": 1,
        "duplicates": 1,
        "unconfirmed": 1,
        "disqualified": 1,
    }


def test_the_usual_way_to_a_sale_comes_from_all_history(marts: SmallMarts) -> None:
    marts.request("old", day=BEFORE)
    marts.request("new", day=PERIOD.last)
    marts.add("deals", deal_id="d", day=BEFORE, request_id="old", sale_day=date(2026, 9, 8))
    assert marts.figures()["data_quality"]["immature"] == {
        "median_days": 7, "requests": 1, "share": 1.0, "revenue": 0, "revenue_share": None
    }  # fmt: skip


def test_keys_shared_by_too_many_are_counted(marts: SmallMarts) -> None:
    marts.add("persons", key_kind="phone", key="x", person_id="p", is_hub=True, first_seen_at=datetime(2026, 1, 1))
    marts.add("persons", key_kind="phone", key="y", person_id="p", is_hub=False, first_seen_at=datetime(2026, 1, 1))
    assert marts.figures()["data_quality"]["hub_keys"] == 1


def test_a_site_id_with_a_quote_stays_a_value() -> None:
    text = (SQL / "visits.sql").read_text("utf-8")
    bound = bind(text, {"site_id": "a' OR '1'='1", "first_day": DAY, "last_day": DAY, "model": "first"})
    assert "'a'' OR ''1''=''1'" in bound
