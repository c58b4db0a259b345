"""The four clients of the shop "Kvartal": what really brought each of them is what the marts say."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from tests.lakes import Marts, marts_of, utc
from tests.story_lake import CHANNELS, SITE_ID, STORY, story_records, story_shop


@pytest.fixture(scope="module")
def marts(tmp_path_factory: pytest.TempPathFactory) -> Marts:
    return marts_of(tmp_path_factory.mktemp("story"), story_records(), story_shop())


def sold(marts: Marts, client: str) -> dict[str, object]:
    lead = STORY["deals"][client]["ids"]["amocrm_lead"]
    return dict(marts.row("deals", deal_id=f"crm:{lead}"))


def test_every_deal_finds_its_own_request_by_what_the_crm_knew(marts: Marts) -> None:
    found = {client: (sold(marts, client)["request_id"], sold(marts, client)["match_method"]) for client in "ABCD"}
    assert found == {
        "A": ("call-A", "phone"),
        "B": ("call-B", "call_id"),
        "C": ("form-C", "request_id"),
        "D": ("call-D", "phone"),
    }


@pytest.mark.parametrize(
    ("request_id", "model", "channel"),
    [
        ("call-A", "last_non_direct", "Yandex Direct"),
        ("call-B", "last_non_direct", "Google Ads"),
        ("call-B", "last", "direct"),
        ("form-C", "last_non_direct", "VK Ads"),
        ("call-D", "last_non_direct", "Google Ads"),
        ("call-D", "first", "Meta Ads"),
    ],
)
def test_each_client_is_credited_to_the_true_source(marts: Marts, request_id: str, model: str, channel: str) -> None:
    assert marts.credits(request_id, model) == {channel: 1.0}


def test_the_campaign_is_the_one_that_was_clicked(marts: Marts) -> None:
    campaigns = dict(marts.rows("credits", "request_id", "campaign", model="last_non_direct"))
    assert campaigns == {"call-A": "708815521", "call-B": "22381907754", "form-C": "15520873", "call-D": "22381907754"}


def test_the_missed_call_with_a_lost_deal_is_a_request_that_was_disqualified(marts: Marts) -> None:
    lost = marts.row("requests", request_id="call-B")
    assert (lost["is_counted"], lost["is_qualified"], lost["is_disqualified"]) == (True, False, True)
    assert (lost["loss_reason"], lost["sales"], lost["revenue"]) == ("Не дозвонились", 0, None)


def test_the_missed_call_is_a_request_that_counts_only_once_its_deal_left_the_unsorted(tmp_path: Path) -> None:
    until = utc("10-21 00:00")
    early = marts_of(tmp_path, [r for r in story_records() if r.values["occurred_at"] < until], story_shop())
    missed = early.row("requests", request_id="call-B")
    assert (missed["contact_channel"], missed["deals"], missed["is_confirmed"], missed["is_counted"]) == ("call", 1, False, False)


def test_calls_are_told_with_who_held_the_number_and_an_attempt_to_call_back_is_no_request(marts: Marts) -> None:
    names = ("request_id", "direction", "number", "is_answered", "is_target", "is_unique", "wait_seconds", "resolved_by")
    told = {row["visitor_id"]: tuple(row[name] for name in names) for row in marts.rows("calls")}
    assert told == {
        "visitor-A": ("call-A", "in", "+74950000031", True, True, True, 14, "lease"),
        "visitor-B": ("call-B", "in", "+74950000033", False, False, True, 37, "lease"),
        "visitor-D": ("call-D", "in", "+74950000034", True, True, True, 12, "lease"),
        None: (None, "out", "+74950000010", False, False, False, 12, None),
    }
    assert marts.rows("requests", "request_id") == ["call-A", "call-B", "call-D", "form-C"]


def test_the_return_lowers_the_money_and_takes_its_cost_price_along(marts: Marts) -> None:
    told = STORY["deals"]["C"]
    assert sold(marts, "C")["revenue"] == Decimal(told["net_amount"])
    assert sold(marts, "C")["gross_profit"] == Decimal(told["net_amount"]) - Decimal(told["net_cost"])
    assert marts.rows("money_events", "kind", "amount", "cost_price", deal_id=f"crm:{told['ids']['amocrm_lead']}") == [
        ("refund", Decimal("-9750.00"), Decimal("-5940.00")),
        ("stage", Decimal("94250.00"), Decimal("57420.00")),
    ]
    assert str(sold(marts, "C")["sale_day"]) == "2026-11-09"


@pytest.mark.parametrize("client", ["A", "D"])
def test_gross_profits_follow_costs(marts: Marts, client: str) -> None:
    assert sold(marts, client)["revenue"] == Decimal(STORY["deals"][client]["amount"])
    assert sold(marts, client)["gross_profit"] == Decimal(STORY["deals"][client]["profit"])


def test_money_follows_the_credit(marts: Marts) -> None:
    revenue: dict[str, Decimal] = {}
    for channel, amount in marts.rows("credits", "channel", "revenue", model="last_non_direct"):
        revenue[channel] = revenue.get(channel, Decimal(0)) + (amount or 0)
    assert revenue == {
        "Yandex Direct": Decimal("186400.00"),
        "Google Ads": Decimal("61300.00"),
        "VK Ads": Decimal("84500.00"),
    }


def test_ad_costs_of_every_day_are_exact_to_a_millionth(marts: Marts) -> None:
    told = {
        (CHANNELS[account], day): Decimal(amount)
        for account, days in STORY["ad_cost"].items()
        for day, amount in days.items()
        if day != "total" and Decimal(amount)  # a sum of 0 takes its row away
    }
    assert {(channel, str(day)): cost for channel, day, cost in marts.rows("costs", "channel", "day", "cost")} == told
    for account, days in STORY["ad_cost"].items():
        total = sum(cost for channel, cost in marts.rows("costs", "channel", "cost") if channel == CHANNELS[account])
        assert total == Decimal(days["total"])


def test_everything_belongs_to_the_shop(marts: Marts) -> None:
    for table, rows in marts.everything().items():
        assert {row["site_id"] for row in rows} <= {SITE_ID}, table
