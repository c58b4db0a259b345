"""The questions of payback, sections of the site, qualification, team and budget, asked of small marts on DuckDB."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.report_cases import PERIOD
from tests.report_marts import BEFORE, DAY, SEARCH, YANDEX, SmallMarts

AT = datetime(2026, 10, 1, 9, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
FROM_YANDEX = {"last_non_direct": [(YANDEX, 1.0, "0", None)]}


@pytest.fixture
def marts(tmp_path: Path) -> Iterator[SmallMarts]:
    made = SmallMarts(tmp_path)
    yield made
    made.warehouse.close()


def ad(marts: SmallMarts) -> None:
    marts.add("sources", entry_key="a", is_ad=True, is_direct=False, **{k: v for k, v in YANDEX.items() if k != "campaign"})


def spent(marts: SmallMarts, name: str, day: date, cost: str | None, clicks: int | None, shown: int | None = None) -> None:
    money = None if cost is None else Decimal(cost)
    marts.add("costs", cost_id=name, day=day, cost=money, clicks=clicks, impressions=shown, **YANDEX)


# Clicks


def test_clicks_are_those_of_the_period_and_of_lines_with_a_rate(marts: SmallMarts) -> None:
    ad(marts)
    spent(marts, "a", DAY, "100", 20, 1000)
    spent(marts, "b", DAY, "50", None)
    spent(marts, "without rate", DAY, None, 999)
    spent(marts, "before", BEFORE, "30", 10)
    row = marts.figures()["payback"]["rows"][0]
    assert row["steps"]["clicks"] | {"price_change": None} == {
        "count": 20, "price": 7.5, "previous_count": 10, "previous_price": 3.0, "count_change": 1.0, "price_change": None,
    }  # fmt: skip
    assert row["impressions"] == 1000


# Sections of the site


def visit(marts: SmallMarts, name: str, start: datetime, paths: tuple[str | None, ...], visitor: str = "v", **hit: Any) -> None:
    """A session of that day whose pages follow each other by a minute."""
    last = start + (len(paths) - 1) * MINUTE
    marts.add("sessions", session_id=name, visitor_id=visitor, day=start.date(), started_at=start, last_hit_at=last)
    for number, path in enumerate(paths):
        told = {"kind": "page_view", "page_path": path, **hit}
        at = start + number * MINUTE
        marts.add("hits", record_id=f"{name}{number}", visitor_id=visitor, day=at.date(), occurred_at=at, **told)


def sections(marts: SmallMarts) -> dict[str, tuple[int, int, int]]:
    return {row["section"]: (row["visits"], row["requests"], row["sales"]) for row in marts.figures()["site_sections"]["rows"]}


def test_a_visit_stands_once_at_every_section_that_it_saw(marts: SmallMarts) -> None:
    visit(marts, "a", AT, ("/", "/catalog/kuhni", "/catalog/shkafy", "/dostavka", None))
    visit(marts, "b", AT + 60 * MINUTE, ("/catalog",))
    visit(marts, "event", AT + 120 * MINUTE, ("/secret",), kind="event")
    visit(marts, "bot", AT + 180 * MINUTE, ("/bot",), excluded="bot")
    visit(marts, "old", datetime(2026, 9, 1, 9, tzinfo=UTC), ("/old",))
    assert sections(marts) == {"catalog": (2, 0, 0), "": (1, 0, 0), "dostavka": (1, 0, 0)}


def test_a_request_belongs_to_its_visitors_latest_visit_until_1800_seconds_after_its_last_hit(marts: SmallMarts) -> None:
    visit(marts, "a", AT, ("/catalog",))
    visit(marts, "b", AT + 10 * MINUTE, ("/dostavka",))
    visit(marts, "other", AT, ("/other",), visitor="w")
    for name, minutes in (("in b", 10), ("at its end", 40), ("in a", 5)):
        marts.request(name, visitor_id="v", created_at=AT + minutes * MINUTE, sales=1)
    marts.request("repeat", visitor_id="v", created_at=AT + 6 * MINUTE, is_counted=False)
    assert sections(marts) == {"catalog": (1, 1, 1), "dostavka": (1, 1, 1), "other": (1, 0, 0)}


def test_a_visit_that_goes_on_past_midnight_keeps_its_request(marts: SmallMarts) -> None:
    first = datetime(2026, 9, 12, 20, 55, tzinfo=UTC)
    marts.add("sessions", session_id="n", visitor_id="v", day=date(2026, 9, 12), started_at=first, last_hit_at=first + 9 * MINUTE)
    seen = {"kind": "page_view", "page_path": "/night", "occurred_at": first + 9 * MINUTE}
    marts.add("hits", record_id="h", visitor_id="v", day=PERIOD.first, **seen)
    marts.request("r", day=PERIOD.first, visitor_id="v", created_at=first + 9 * MINUTE)
    assert sections(marts) == {"night": (0, 1, 0)}


def test_requests_come_from_visits_where_they_were_made_during_one(marts: SmallMarts) -> None:
    visit(marts, "a", AT, ("/catalog",))
    half = {"last_non_direct": [(YANDEX, 0.5, "0", None), (SEARCH, 0.5, "0", None)]}
    marts.request("on visit", visitor_id="v", created_at=AT + 5 * MINUTE, credits=half)
    marts.request("no credit", visitor_id="v", created_at=AT)
    marts.request("repeat", visitor_id="v", created_at=AT, is_counted=False, credits=FROM_YANDEX)
    marts.request("call an hour later", visitor_id="v", created_at=AT + 60 * MINUTE, credits=FROM_YANDEX)
    marts.request("call of nobody", created_at=AT, credits=FROM_YANDEX)
    told = marts.figures()["funnel"]
    (step,) = [step for step in told["steps"] if step["step"] == "requests"]
    assert (step["count"], step["of"], step["reached"], step["rate"], step["lost"]) == (4, 1, 2, 2.0, 0)


# Qualification


def deal(marts: SmallMarts, name: str, request_id: str, hours: int = 1, **told: Any) -> None:
    row = {"created_at": AT + timedelta(hours=hours), "meaning": "lost", "is_apart": False, **told}
    marts.add("deals", deal_id=f"amocrm:{name}", day=DAY, request_id=request_id, **row)


def test_requests_are_judged_whole_where_the_default_model_credits_them_most(marts: SmallMarts) -> None:
    shared = {"last_non_direct": [(YANDEX, 0.4, "0", None), (SEARCH, 0.6, "0", None)]}
    marts.request("good", credits=shared)
    marts.request("bad", credits=FROM_YANDEX, is_qualified=False, is_disqualified=True)
    marts.request("open", credits=FROM_YANDEX, is_qualified=False, is_disqualified=False)
    marts.request("repeat", credits=FROM_YANDEX, is_counted=False, is_qualified=False, is_disqualified=True)
    marts.request("lost", is_qualified=False, is_disqualified=True)
    deal(marts, "2", "bad", 2, loss_reason="Позже", loss_group=None)
    deal(marts, "1", "bad", 1, loss_reason="Дорого", loss_group="Деньги")
    deal(marts, "0", "bad", 0, loss_reason="Слито", merged_into="amocrm:1")
    told = marts.figures()["qualification"]
    counts = ("made", "counted", "qualified", "disqualified", "waiting")
    assert {row["channel"]: tuple(row[name] for name in counts) for row in told["channels"]} == {
        "Yandex Direct": (3, 2, 0, 1, 1), "Organic search": (1, 1, 1, 0, 0), "no source": (1, 1, 0, 1, 0),
    }  # fmt: skip
    assert [(row["group"], row["reasons"]) for row in told["groups"]] == [
        ("", [{"reason": "", "requests": 1}]), ("Деньги", [{"reason": "Дорого", "requests": 1}]),
    ]  # fmt: skip


# Team


def test_deals_of_the_period_stand_by_manager_branch_and_product(marts: SmallMarts) -> None:
    marts.request("r", credits=FROM_YANDEX)
    told: dict[str, Any] = {"meaning": "won", "branch": "Москва", "currency": "RUB", "is_claim": False}
    sold = {"sale_day": DAY, "revenue": Decimal("900.00"), "communications": 4, "receivable": Decimal("50.00")}
    deal(marts, "1", "r", **{**told, **sold, "manager": "7"})
    deal(marts, "2", "x", **{**told, "manager": "7", "communications": 2, "receivable": Decimal("-1.00")})
    deal(marts, "3", "x", **{**told, "manager": None, "meaning": "cleaning", "receivable": Decimal("9.00")})
    deal(marts, "claim", "x", **{**told, "is_claim": True, "manager": "7"})
    deal(marts, "merged", "x", **{**told, "merged_into": "amocrm:1", "manager": "7"})
    deal(marts, "apart", "x", **{**told, "is_apart": True, "manager": "7"})
    team = marts.figures()["team"]
    found = {
        row["name"]: (row["deals"], row["sales"], row["revenue"], row["communications"], row["without_source"])
        for row in team["managers"]
    }
    assert found == {"7": (2, 1, 900, 3, 1), "": (1, 0, 0, None, 1)}
    assert team["managers"][0]["receivables"] == [{"currency": "RUB", "deals": 1, "amount": 50}]
    assert [(row["name"], row["deals"]) for row in team["branches"]] == [("Москва", 3)]
    assert (team["products"], team["average"]["deals"], team["average"]["communications"]) == ([], 3, 3)


# Budget


def test_a_week_has_its_spend_and_the_sales_of_its_requests(marts: SmallMarts) -> None:
    ad(marts)
    monday = date(2026, 9, 7)
    half = {"last_non_direct": [(YANDEX, 0.5, "300.00", None), (SEARCH, 0.5, "300.00", None)], "first": [(SEARCH, 1.0, "9", None)]}
    marts.request("early", day=monday - timedelta(days=7), credits=FROM_YANDEX)
    marts.request("mon", day=monday, credits=half, sales=2)
    marts.request("sun", day=monday + timedelta(days=6), credits=FROM_YANDEX, sales=1, is_counted=False)
    for name, days in (("a", 0), ("b", 6), ("next", 7), ("same day", 7), ("last", 9)):
        spent(marts, name, monday + timedelta(days=days), "10.50", 1)
    told = marts.figures()["budget"]
    (row,) = told["channels"]
    assert row["points"] == [
        {"week": "2026-09-07", "cost": Decimal("21.00"), "sales": 2},
        {"week": "2026-09-14", "cost": Decimal("31.50"), "sales": 0},
    ]
    assert row["why"] == "few_weeks"
    assert row["aov"] == 150.0


def test_what_lies_before_the_history_is_not_asked(marts: SmallMarts) -> None:
    ad(marts)
    marts.request("old", day=date(2025, 1, 6), credits=FROM_YANDEX, sales=1)
    spent(marts, "old", date(2025, 1, 6), "10", 1)
    spent(marts, "next", date(2025, 1, 13), "10", 1)
    assert marts.figures()["budget"]["first_week"] is None
    told = marts.figures(report={"history_days": 1000})["budget"]
    assert told["first_week"] == "2025-01-13"  # the first week with requests may be a part of one
    assert told["channels"][0]["cost"] == 10
