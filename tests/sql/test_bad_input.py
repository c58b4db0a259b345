"""What records and settings may do to the figures at worst: each has a stated outcome, nothing crashes, nothing goes in silence."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from functions.attribution.tables import MARTS
from shared.models import PATH_MODELS
from tests.lakes import NOW, Marts, Record, cost, deal, hit, marts_of, payment, request, shop, utc

AT = utc("10-05 12:00")
VISIT = hit("v", AT - timedelta(hours=1), "yandex/cpc")
ASKED = request("r", AT, visitor="v")


def sold(amount: str, **told: Any) -> list[Record]:
    return [VISIT, ASKED, deal("d", AT, "won", amount, request_id="r", **told)]


def revenues(marts: Marts) -> dict[str, Decimal]:
    """Model → sum of its credits."""
    return {
        model: sum((row["revenue"] or Decimal(0) for row in marts.rows("credits") if row["model"] == model), Decimal(0))
        for model in PATH_MODELS
    }


def test_empty_tables_make_empty_marts(tmp_path: Path) -> None:
    marts = marts_of(tmp_path, [])
    assert {table.name: marts.rows(table.name) for table in MARTS} == {table.name: [] for table in MARTS}


@pytest.mark.parametrize("kind", ["visits", "requests", "deals", "costs"])
def test_one_kind_of_records_alone_is_enough(kind: str, tmp_path: Path) -> None:
    alone = {
        "visits": [VISIT],
        "requests": [ASKED],
        "deals": [deal("d", AT, "won", "10")],
        "costs": [cost("10-05", "yandex/cpc", "5")],
    }
    marts = marts_of(tmp_path, alone[kind])
    counts = {name: len(marts.rows(name)) for name in ("sessions", "requests", "deals", "costs", "credits")}
    assert counts == {
        "sessions": kind == "visits",
        "requests": kind in ("requests", "deals"),
        "deals": kind == "deals",
        "costs": kind == "costs",
        "credits": 0,
    }


def test_a_deal_without_a_request_has_an_implied_one_without_a_source(tmp_path: Path) -> None:
    marts = marts_of(tmp_path, [deal("d", AT, "won", "10")])
    implied = marts.row("requests", request_id="crm:crm:d")
    assert (implied["contact_channel"], implied["no_source_reason"], implied["revenue"]) == ("crm", "not_passed", Decimal(10))
    assert marts.rows("credits") == marts.rows("paths") == []


def test_a_request_without_touches_keeps_its_money_and_no_model_credits_it(tmp_path: Path) -> None:
    marts = marts_of(tmp_path, [ASKED, deal("d", AT, "won", "10", request_id="r")])
    assert marts.row("requests", request_id="r")["revenue"] == Decimal(10)
    assert marts.row("requests", request_id="r")["no_source_reason"] == "not_determined"
    assert (marts.rows("credits"), marts.rows("removal_effects"), marts.rows("path_counts")) == ([], [], [])


def test_a_sale_of_nothing_is_no_sale_and_its_path_none_that_sold(tmp_path: Path) -> None:
    marts = marts_of(tmp_path, sold("0"))
    assert (marts.row("deals", deal_id="crm:d")["sale_day"], marts.rows("money_events"), marts.rows("credit_money")) == (
        None,
        [],
        [],
    )
    assert marts.rows("path_months", "conversions", "nulls") == [(0, 1)]
    assert set(revenues(marts).values()) == {Decimal(0)}


def test_a_negative_sum_is_money_gone_in_every_model(tmp_path: Path) -> None:
    marts = marts_of(tmp_path, sold("-10.01"))
    assert marts.row("deals", deal_id="crm:d")["sale_day"] is None
    assert revenues(marts) == dict.fromkeys(PATH_MODELS, Decimal("-10.01"))


def test_more_given_back_than_paid_stays_a_sale_with_negative_money(tmp_path: Path) -> None:
    paid = [payment("d", AT + timedelta(days=1), "10", "a"), payment("d", AT + timedelta(days=2), "-15", "b")]
    marts = marts_of(tmp_path, [*sold("10"), *paid])
    assert marts.row("deals", deal_id="crm:d")["sale_day"].isoformat() == "2026-10-06"
    assert revenues(marts) == dict.fromkeys(PATH_MODELS, Decimal(-5))
    assert sorted(row["revenue"] for row in marts.rows("credit_money") if row["model"] == "linear") == [Decimal(-15), Decimal(10)]


@pytest.mark.parametrize("currency", ["EUR", "XXX"])
def test_money_without_a_rate_keeps_its_currency_and_stays_out_of_totals(currency: str, tmp_path: Path) -> None:
    marts = marts_of(tmp_path, sold("10", currency=currency))
    event = marts.row("money_events", deal_id="crm:d")
    assert (event["amount"], event["original_amount"], event["currency"]) == (None, Decimal(10), currency)
    assert set(revenues(marts).values()) == {Decimal(0)}
    assert marts.rows("credit_money") == []


def test_a_rate_that_comes_later_restates_the_money_without_a_new_record(tmp_path: Path) -> None:
    marts = marts_of(tmp_path, sold("10", currency="EUR"))
    marts.sites[:] = [shop(rates=[{"currency": "EUR", "day": "2026-10-05", "rate": "90"}])]
    marts.refresh(NOW + timedelta(days=1))
    assert revenues(marts) == dict.fromkeys(PATH_MODELS, Decimal(900))


@pytest.mark.parametrize(
    ("stages", "meaning", "unknown"),
    [
        ({"never seen": "won"}, "unsorted", True),  # rules that match nothing
        ({"won": "claim"}, "claim", False),
        ({"won": "cleaning"}, "cleaning", False),
        ({"won": "unsorted"}, "unsorted", False),
    ],
)
def test_stages_that_mean_nothing_or_no_sale_bring_no_sale_and_say_so(
    stages: dict[str, str], meaning: str, unknown: bool, tmp_path: Path
) -> None:
    marts = marts_of(tmp_path, sold("10"), shop(stages=[{"money_stage": "won", "stages": stages}]))
    found = marts.row("deals", deal_id="crm:d")
    assert (found["meaning"], found["is_unknown_stage"], found["sale_day"]) == (meaning, unknown, None)
    assert set(revenues(marts).values()) == {Decimal(-10) if meaning == "claim" else Decimal(0)}


def test_a_source_that_takes_everything_leaves_one_channel(tmp_path: Path) -> None:
    own = {"own": [{"id": "all", "name": "Everything", "synonyms": ["yandex", "vk", "google"], "channel": "Everything"}]}
    told = [hit("v", AT - timedelta(hours=n + 1), f"{name}/cpc") for n, name in enumerate(("yandex", "vk", "google"))]
    marts = marts_of(tmp_path, [*told, ASKED, deal("d", AT, "won", "10", request_id="r")], shop(sources=own))
    assert {row["channel"] for row in marts.rows("credits")} == {"Everything"}
    assert {row["channel"]: row["share"] for row in marts.rows("removal_effects")} == {"Everything": 1.0}


def test_excluded_channels_that_nobody_came_by_change_nothing(tmp_path: Path) -> None:
    plain = marts_of(tmp_path, sold("10"))
    other = marts_of(tmp_path / "b", sold("10"), shop(attribution={"excluded_channels": ["No such channel"]}))
    assert revenues(plain) == revenues(other) == dict.fromkeys(PATH_MODELS, Decimal(10))
