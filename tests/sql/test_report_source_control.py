"""The questions of source control, asked of small marts on DuckDB: where requests and deals come from, and where deals stand."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from functions.report.figures import Figures
from tests.report_cases import PERIOD
from tests.report_marts import BEFORE, DAY, SEARCH, YANDEX, SmallMarts

AT = datetime(2026, 10, 1, 9, 0, tzinfo=UTC)
END = datetime(2026, 10, 12, 21, 0, tzinfo=UTC)  # midnight after the period's last day in Moscow
FROM_YANDEX = {"last_non_direct": [(YANDEX, 1.0, "0", None)]}
FROM_SEARCH = {"last_non_direct": [(SEARCH, 1.0, "0", None)]}


@pytest.fixture
def marts(tmp_path: Path) -> Iterator[SmallMarts]:
    made = SmallMarts(tmp_path)
    yield made
    made.warehouse.close()


def deal(marts: SmallMarts, name: str, request_id: str | None = None, day: date = DAY, **told: Any) -> None:
    """A deal of a sales pipeline that is worked on since its creation, unless told otherwise."""
    at = datetime(day.year, day.month, day.day, 9, tzinfo=UTC)
    row: dict[str, Any] = {"created_at": at, "stage_since": at, "pipeline": "7", "stage": "11", "meaning": "working"}
    row |= {"pipeline_kind": "sales", "is_apart": False, "is_unknown_stage": False, "was_qualified": False}
    marts.add("deals", deal_id=f"amocrm:{name}", day=day, request_id=request_id, match_method="request_id", **{**row, **told})


def control(marts: SmallMarts, **changes: Any) -> Figures:
    found: Figures = marts.figures(**changes)["source_control"]
    return found


def of(rows: list[Figures], **told: Any) -> Figures:
    (row,) = (row for row in rows if all(row[name] == value for name, value in told.items()))
    return row


def test_every_request_counts_where_the_default_model_credits_it_most(marts: SmallMarts) -> None:
    shared = {"last_non_direct": [(YANDEX, 0.4, "0", None), (SEARCH, 0.6, "0", None)]}
    marts.request("a", credits=FROM_YANDEX, is_counted=False)
    marts.request("b", credits=shared)
    marts.request("c", credits={"first": [(YANDEX, 1.0, "0", None)]}, no_source_reason="not_passed")
    marts.request("old", day=BEFORE, credits=FROM_YANDEX)
    found = control(marts)
    assert (found["requests"], found["requests_before"]) == (3, 1)
    told = {(row["channel"], row["requests"], row["requests_before"]) for row in found["channels"]}
    assert told == {("Yandex Direct", 1, 1), ("Organic search", 1, 0), ("no source", 1, 0)}
    (lost,) = (row for row in found["channels"] if row["channel"] == "no source")
    assert [(row["source"], row["requests"]) for row in lost["sources"]] == [
        ("not_passed", 1), ("overwritten", 0), ("not_determined", 0),
    ]  # fmt: skip
    assert found["without_source"]["share"] == pytest.approx(1 / 3)


def test_deals_count_on_their_own_day_at_the_source_of_their_request(marts: SmallMarts) -> None:
    marts.request("old", day=BEFORE, credits=FROM_YANDEX)
    marts.request("lost", no_source_reason="overwritten")
    deal(marts, "1", "old")
    deal(marts, "2", "lost", DAY + timedelta(days=1), is_handmade=True)
    deal(marts, "3")
    deal(marts, "merged", "lost", merged_into="amocrm:2")
    deal(marts, "apart", "lost", is_apart=True, pipeline_kind="auxiliary")
    deal(marts, "before", "old", BEFORE)
    found = control(marts)
    assert found["deals"] == 3
    assert of(found["channels"], channel="Yandex Direct")["deals"] == 1
    assert [row["deals"] for row in found["channels"][-1]["sources"]] == [0, 1, 1]
    assert found["handmade"] | {"share": None} == {
        "deals": 1, "share": None, "share_before": 0.0, "is_jump": False, "without_source": 1,
    }  # fmt: skip
    assert [(row["method"], row["deals"]) for row in found["match_methods"]] == [("request_id", 2), ("unmatched", 1)]
    days = {row["day"]: (row["requests"], row["deals"], row["overwritten"], row["handmade"]) for row in found["days"]}
    assert days["2026-10-01"] == (1, 2, 1, 0)
    assert days["2026-10-02"] == (0, 1, 0, 1)


def test_every_day_of_the_period_is_a_row_the_newest_first(marts: SmallMarts) -> None:
    days = control(marts)["days"]
    assert [row["day"] for row in (days[0], days[-1])] == [PERIOD.last.isoformat(), PERIOD.first.isoformat()]
    assert {(row["requests"], row["share"]) for row in days} == {(0, None)}


def stay(marts: SmallMarts, name: str, *moves: tuple[str | None, float]) -> None:
    """States of a deal: stages with the days from 1 September on which it was told at them."""
    for place, (stage, day) in enumerate(moves, 1):
        at = datetime(2026, 9, 1, tzinfo=UTC) + timedelta(days=day)
        marts.add(
            "deal_states",
            record_id=f"{name}-{place}",
            deal_id=f"amocrm:{name}",
            place=place,
            occurred_at=at,
            pipeline="7",
            stage=stage,
        )


def test_the_usual_stay_is_the_mean_of_those_that_are_over(marts: SmallMarts) -> None:
    for number, days in enumerate((1, 2, 3, 4, 5)):
        # Told again, or not at all, is no new stay.
        stay(marts, f"over{number}", ("11", 0), ("11", 0.5), (None, 0.6), ("12", days), ("13", days + 1))
    stay(marts, "open", ("11", 0))
    deal(marts, "late", stage_since=END - timedelta(days=14))
    deal(marts, "fresh", stage_since=END - timedelta(days=4))
    deal(marts, "other", stage="12", stage_since=END - timedelta(days=1))
    found = control(marts)["stages"]
    told = of(found, stage="11")
    assert (told["deals"], told["days"], told["usual_days"], told["stays"], told["late"], told["is_slow"]) == (2, 9, 3, 5, 1, True)
    other = of(found, stage="12")
    assert (other["days"], other["usual_days"], other["late"], other["is_slow"]) == (1, 1, 0, False)


def test_a_stage_with_few_finished_stays_is_not_judged(marts: SmallMarts) -> None:
    for number in range(4):
        stay(marts, f"over{number}", ("11", 0), ("12", 1))
    deal(marts, "late", stage_since=END - timedelta(days=100))
    told = of(control(marts)["stages"], stage="11")
    assert (told["stays"], told["usual_days"], told["late"], told["is_slow"]) == (4, None, None, False)


def test_closed_cleaned_absorbed_deals_and_those_of_pipelines_apart_do_not_stand(marts: SmallMarts) -> None:
    deal(marts, "won", meaning="won", closed_at=AT)
    deal(marts, "deleted", meaning="cleaning")
    deal(marts, "merged", merged_into="amocrm:x")
    deal(marts, "ripening", pipeline_kind="marketing")
    assert control(marts)["stages"] == []


def test_the_backlog_is_of_all_time_and_tells_its_oldest(marts: SmallMarts) -> None:
    deal(marts, "old", day=BEFORE, meaning="unsorted", stage="1", stage_since=END - timedelta(days=40))
    deal(marts, "new", meaning="unsorted", stage="1", stage_since=END - timedelta(days=2))
    deal(marts, "elsewhere", meaning="unsorted", stage="9", stage_since=END - timedelta(days=3))
    deal(marts, "unknown", meaning="unsorted", stage="??", is_unknown_stage=True)
    crm = {"amocrm": {"stages": {"1": "Неразобранное"}, "pipelines": {"7": "Продажи"}}}
    backlog = control(marts, crm=crm)["unsorted"]
    assert (backlog["deals"], backlog["oldest_days"]) == (3, 40)
    assert backlog["places"][0] == {"stage": "Неразобранное", "pipeline": "Продажи", "deals": 2, "oldest_days": 40}


def test_dimensions_tell_who_makes_deals_without_a_source(marts: SmallMarts) -> None:
    marts.request("a", credits=FROM_YANDEX)
    marts.request("lost")
    deal(marts, "1", "a", manager="5", branch="Москва", tags='["кухня", "акция"]', communications=3)
    deal(marts, "2", "lost", manager="5", is_handmade=True, tags='["кухня"]', communications=5)
    deal(marts, "3", "lost", manager="6", tags="no list")
    found = control(marts, crm={"amocrm": {"managers": {"5": "Анна"}}})
    anna = of(found["managers"], name="Анна")
    assert {name: anna[name] for name in ("deals", "without_source", "handmade", "handmade_without_source", "share")} == {
        "deals": 2, "without_source": 1, "handmade": 1, "handmade_without_source": 1, "share": 0.5,
    }  # fmt: skip
    assert anna["mean_communications"] == 4
    assert {(row["name"], row["deals"]) for row in found["branches"]} == {("Москва", 1), ("", 2)}
    assert {(row["name"], row["deals"]) for row in found["tags"]} == {("кухня", 2), ("акция", 1), ("no list", 1)}
    assert found["products"] == []
    assert found["communications"] == {"deals": 2, "total": 8, "mean": 4}


def test_losses_are_told_by_group_and_a_reason_without_one_is_its_own(marts: SmallMarts) -> None:
    deal(marts, "1", meaning="lost", loss_reason="501", loss_group="Не наш клиент")
    deal(marts, "2", meaning="lost", loss_reason="502", loss_group="Не наш клиент", was_qualified=True)
    deal(marts, "3", meaning="lost", loss_reason="503")
    deal(marts, "open", loss_reason="501")
    found = control(marts, crm={"amocrm": {"loss_reasons": {"501": "Дорого", "503": "Умер"}}})["losses"]
    assert [(row["group"], row["deals"], row["disqualified"]) for row in found] == [("Не наш клиент", 2, 1), ("Умер", 1, 1)]
    assert [row["reason"] for row in found[0]["reasons"]] == ["502", "Дорого"]


def test_pipelines_apart_and_receivables_are_told_apart(marts: SmallMarts) -> None:
    deal(marts, "1", is_apart=True, pipeline="delivery", pipeline_kind="auxiliary", request_id=None)
    deal(marts, "2", day=BEFORE, receivable=Decimal("150.50"), currency="RUB")
    deal(marts, "3", receivable=Decimal("49.50"), currency="RUB")
    deal(marts, "4", receivable=Decimal("7.00"), currency="USD")
    deal(marts, "5", receivable=Decimal("9.00"), currency="USD", meaning="cleaning")
    deal(marts, "cleared", receivable=Decimal("0.00"), currency="RUB")
    found = control(marts)
    assert found["pipelines_apart"] == [{"pipeline": "delivery", "kind": "auxiliary", "deals": 1}]
    assert found["receivables"] == [
        {"currency": "RUB", "deals": 2, "amount": Decimal("200.00")}, {"currency": "USD", "deals": 1, "amount": Decimal("7.00")},
    ]  # fmt: skip


def test_new_sources_are_those_that_nobody_saw_in_the_90_days_before(marts: SmallMarts) -> None:
    def visit(number: int, day: date, channel: str, source: str) -> None:
        marts.add("sessions", session_id=f"s{number}", day=day, channel=channel, source=source)

    visit(1, BEFORE, "Yandex Direct", "yandex")
    visit(2, DAY, "Yandex Direct", "yandex")
    visit(3, DAY, "VK Ads", "vk")
    visit(4, DAY, "Referral", "new.example")
    visit(5, PERIOD.first - timedelta(days=91), "Google Ads", "google")
    visit(6, DAY, "Google Ads", "google")
    deal(marts, "1", day=BEFORE, crm_source="77")
    deal(marts, "2", crm_source="78")
    new = control(marts, crm={"amocrm": {"sources": {"78": "Агент"}}})["new_sources"]
    assert (new["total"], [(row["kind"], row["source"], row["arrivals"]) for row in new["sources"]]) == (
        3, [("crm", "Агент", 1), ("visits", "google", 1), ("visits", "vk", 1)],
    )  # fmt: skip


def test_where_nothing_came_before_nothing_is_new(marts: SmallMarts) -> None:
    marts.add("sessions", session_id="s", day=DAY, **{name: SEARCH[name] for name in ("channel", "source")})
    deal(marts, "1", crm_source="78")
    assert control(marts)["new_sources"]["total"] == 0


def test_what_source_control_counts_agrees_with_data_quality(marts: SmallMarts) -> None:
    marts.request("a", credits=FROM_SEARCH)
    marts.request("b", is_counted=False)
    deal(marts, "1", "a")
    deal(marts, "2", "b", merged_into="amocrm:1")
    figures = marts.figures()
    assert figures["source_control"]["requests"] == figures["data_quality"]["requests"]["made"] == 2
    assert figures["source_control"]["deals"] == figures["data_quality"]["deals"]["made"] == 1
