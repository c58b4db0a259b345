"""Deals with their paths, contact channels and calls of a report, from the marts; whatever the lake, they agree with the totals."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from functions.report.figures import Figures, build, to_json
from functions.report.marts import questions
from functions.report.marts.questions import Period, ask
from shared.models import PATH_MODELS
from shared.settings import SiteSettings, published
from tests.lakes import NOW, Marts, Record, deal, hit, marts_of, rang, request, shop, utc
from tests.random_lakes import random_records, random_shop

AT = utc("10-12 09:00")
OCTOBER = Period(date(2026, 10, 1), date(2026, 10, 31))
DAY = timedelta(days=1)


def report(marts: Marts, site: SiteSettings, period: Period = OCTOBER) -> Figures:
    chosen = published(site)
    return build(chosen, period, *ask(marts.warehouse, chosen, period), NOW)


def figures_of(tmp_path: Path, *records: Record, **changes: Any) -> Figures:
    site = shop(**changes)
    return report(marts_of(tmp_path, records, site), site)


@cache
def lake(seed: int) -> Marts:
    with TemporaryDirectory() as folder:  # the marts are in memory
        return marts_of(Path(folder), random_records(seed, 30), random_shop())


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(300, 302), st.integers(0, 25), st.integers(1, 31), st.sampled_from(PATH_MODELS))
def test_channels_contact_channels_and_deals_agree_with_the_totals(seed: int, start: int, days: int, model: str) -> None:
    first = date(2026, 9, 29) + timedelta(days=start)
    site = random_shop(attribution={"lookback_days": 9, "default_model": model})
    figures = report(lake(seed), site, Period(first, first + timedelta(days=days - 1)))
    totals, contacts = figures["totals"], figures["contact_channels"]
    for name in ("requests", "qualified", "sales"):
        assert sum(row[name] for row in contacts) == pytest.approx(totals[name], abs=1e-6), name
    assert sum((row["revenue"] for row in contacts), Decimal(0)) == totals["revenue"]
    assert sum((row["gross_profit"] or Decimal(0) for row in contacts), Decimal(0)) == (totals["gross_profit"] or 0)
    assert sum(row["made"] for row in contacts) == figures["data_quality"]["requests"]["made"]
    assert figures["deals_total"] == len(figures["deals"])
    assert sum((row["revenue"] for row in figures["deals"]), Decimal(0)) == totals["revenue"]
    assert sum(row["sale_day"] is not None for row in figures["deals"]) == pytest.approx(totals["sales"], abs=1e-6)
    for row in figures["deals"]:
        check_path(row, model)
    check_calls(figures["calls"])
    check_tracking(figures["call_tracking"], figures["calls"])
    check_control(figures["source_control"], figures["data_quality"])
    to_json(figures)


def check_path(row: Figures, model: str) -> None:
    """A path is told whole, its weights are all of the request, and the deal stands at the heaviest touch."""
    path = row["path"]
    assert [touch["position"] for touch in path] == list(range(1, row["path_length"] + 1))
    assert [touch["touched_at"] for touch in path] == sorted(touch["touched_at"] for touch in path)
    if not path:
        assert row["channel"] == "no source"
        assert row["why"]["code"] in ("no_touch", "visits_left_out")
        assert row["no_source_reason"] in ("not_passed", "overwritten", "not_determined")
        return
    assert sum(touch["weight"] for touch in path) == pytest.approx(1)
    heaviest = path[row["why"]["touch"] - 1]
    assert heaviest["weight"] == pytest.approx(max(touch["weight"] for touch in path))
    assert (row["channel"], row["source"], row["campaign"]) == (heaviest["channel"], heaviest["source"], heaviest["campaign"])
    assert row["no_source_reason"] is None
    if row["path_length"] > 1:
        assert row["why"]["code"] in (model, "own_source", "last_non_direct", "all_direct")


def check_calls(calls: Figures) -> None:
    assert calls["answered"] + calls["missed"] == calls["incoming"] == sum(calls["resolved"].values())
    assert calls["unique_target"] <= calls["target"] <= calls["answered"]
    assert sum(calls["outcomes"].values()) == calls["missed"]
    assert len(calls["list"]) == calls["list_total"] == calls["incoming"] + calls["outgoing"]
    assert sum(row["is_spam"] for row in calls["list"]) == calls["spam"]


def check_tracking(tracking: Figures | None, calls: Figures) -> None:
    if tracking is None:  # nobody asked for a number in the period, and none is set up
        return
    assert tracking["visitors"] == tracking["with_number"] + sum(row["visitors"] for row in tracking["without_number"])
    assert tracking["calls"] == calls["incoming"] - calls["spam"]
    without = sum(not row["has_visitor"] for row in calls["list"] if row["direction"] == "in" and not row["is_spam"])
    assert sum(tracking["calls_without_visitor"].values()) == without
    assert all(pool["with_number"] <= min(pool["visitors"], pool["leases"]) for pool in tracking["pools"])


def check_control(control: Figures, quality: Figures) -> None:
    """Channels, sources, days and ways of matching are cuts of the same requests and deals, those that data quality counts."""
    channels = control["channels"]
    for name, total in (("requests", quality["requests"]["made"]), ("deals", quality["deals"]["made"])):
        assert control[name] == total == sum(row[name] for row in channels) == sum(row[name] for row in control["days"]), name
        assert all(sum(source[name] for source in row["sources"]) == row[name] for row in channels), name
        assert all(sum(source[name] for source in row["sources"]) == row[name] for row in control["days"]), name
    assert sum(row["deals"] for row in control["match_methods"]) == control["deals"]
    assert not control["managers"] or sum(row["deals"] for row in control["managers"]) == control["deals"]
    assert control["without_source"]["requests"] == channels[-1]["requests"] == sum(r["without_source"] for r in control["days"])
    assert control["unsorted"]["deals"] <= sum(row["deals"] for row in control["stages"])
    assert all(0 <= (row["late"] or 0) <= row["deals"] and row["days"] >= 0 for row in control["stages"])


def test_random_lakes_have_every_reason(tmp_path: Path) -> None:
    """So that the test above says something."""
    chosen = [*((300, model) for model in PATH_MODELS), (301, "last"), (302, "last")]
    figures = [
        report(lake(seed), random_shop(attribution={"default_model": m}), Period(date(2026, 9, 1), OCTOBER.last))
        for seed, m in chosen
    ]
    assert {row["why"]["code"] for some in figures for row in some["deals"]} == {
        "no_touch", "visits_left_out", "own_source", "only_touch", "all_direct", *PATH_MODELS,
    }  # fmt: skip
    assert all(figures[0]["calls"]["resolved"].values())


def test_a_long_path_shows_its_ends_its_heaviest_touch_and_the_latest_and_tells_its_length(tmp_path: Path) -> None:
    ads = [hit("v", AT - n * DAY) for n in range(1, 40) if n != 30]
    bought = [request("r", AT, visitor="v"), deal("d", AT, "won", "5", request_id="r")]
    (row,) = figures_of(tmp_path, *ads, hit("v", AT - 30 * DAY, "vk/cpc/old"), *bought)["deals"]
    assert (row["path_length"], row["why"], row["campaign"]) == (39, {"code": "last_non_direct", "touch": 10, "of": 39}, "old")
    assert [touch["position"] for touch in row["path"]] == [1, 10, *range(22, 40)]


def test_of_very_many_deals_the_newest_are_listed_and_all_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    records = [
        r
        for n in range(4)
        for r in (hit(f"v{n}", AT + n * DAY, "vk/cpc"), request(f"r{n}", AT + n * DAY, visitor=f"v{n}"),
                  deal(f"d{n}", AT + n * DAY, "won", "10", request_id=f"r{n}"))
    ]  # fmt: skip
    monkeypatch.setattr(questions, "MOST_DEALS", 2)
    figures = figures_of(tmp_path, *records)
    assert ([row["deal_id"] for row in figures["deals"]], figures["deals_total"]) == (["crm:d3", "crm:d2"], 4)
    assert [row["path_length"] for row in figures["deals"]] == [1, 1]
    assert figures["totals"]["sales"] == 4


def test_a_deal_is_listed_by_the_day_of_its_request(tmp_path: Path) -> None:
    before = [request("old", utc("09-30 12:00")), deal("late", AT, "won", "10", request_id="old")]
    figures = figures_of(tmp_path, *before, request("r", AT), deal("d", AT + 40 * DAY, "won", "10", request_id="r"))
    (row,) = figures["deals"]
    assert (row["deal_id"], row["request_day"], row["created_at"]) == ("crm:d", "2026-10-12", "2026-11-21 09:00:00.000")


def test_a_deal_tells_all_that_the_crm_told(tmp_path: Path) -> None:
    told = {"pipeline": "sales", "manager": "Anna", "order_id": "7", "loss_reason": "price", "currency": "RUB"}
    (row,) = figures_of(tmp_path, deal("d", AT, "lost", "10", ad="avito/crm/doors", **told))["deals"]
    assert {name: row[name] for name in told} == told
    assert (row["stage"], row["meaning"], row["amount"], row["revenue"], row["sale_day"]) == ("lost", "lost", 10, 0, None)
    assert (row["contact_channel"], row["match_method"], row["request_id"]) == ("crm", "implied", "crm:crm:d")
    assert (row["channel"], row["campaign"], row["why"]) == ("Marketplaces", "doors", {"code": "own_source", "touch": 1, "of": 1})


def test_calls_of_the_period_are_counted_by_what_became_of_them(tmp_path: Path) -> None:
    records = [
        rang("target", AT, 60, phone="p", visitor="v", wait_seconds=10),
        rang("again", AT + timedelta(hours=1), 60, phone="p", resolved_by="caller", visitor="v", wait_seconds=20),
        rang("short", AT, 5, phone="q", resolved_by="number", wait_seconds=None),
        rang("missed", AT, 0, phone="r", wait_seconds=45),
        rang("out", AT, 300, direction="out", wait_seconds=99),
        rang("before", utc("09-30 12:00")),
    ]
    calls = figures_of(tmp_path, *records)["calls"]
    assert (len(calls.pop("list")), calls.pop("list_total")) == (5, 5)
    assert calls == {
        "incoming": 4, "answered": 3, "missed": 1, "target": 2, "unique_target": 1, "outgoing": 1, "talk_seconds": 125,
        "outcomes": {"missed": 1, "abandoned": 0, "busy": 0, "failed": 0}, "repeats": 1, "spam": 0, "two_candidates": 0,
        "mean_wait_seconds": 25.0, "resolved": {"lease": 1, "code": 0, "late_lease": 0, "caller": 1, "number": 1, "nothing": 1},
    }  # fmt: skip


def test_without_calls_the_mean_wait_is_empty(tmp_path: Path) -> None:
    calls = figures_of(tmp_path)["calls"]
    assert (calls["incoming"], calls["mean_wait_seconds"], set(calls["resolved"].values())) == (0, None, {0})


def test_a_contact_channel_with_money_and_no_cost_price_has_no_gross_profit(tmp_path: Path) -> None:
    records = [
        rang("a", AT, phone="p"), deal("a", AT, "won", "100", phone="p"),
        request("r", AT, phone="q"), deal("b", AT, "won", "70", request_id="r", cost_price="50"),
        request("chat", AT, contact_channel="chat"),
    ]  # fmt: skip
    names = ("contact_channel", "made", "requests", "qualified", "sales", "revenue", "gross_profit")
    assert [tuple(row[name] for name in names) for row in figures_of(tmp_path, *records)["contact_channels"]] == [
        ("call", 1, 1, 1, 1, 100, None),
        ("form", 1, 1, 1, 1, 70, 20),
        ("chat", 1, 0, 0, 0, 0, 0),
    ]
