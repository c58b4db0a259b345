"""Calls and call tracking in the report, asked of marts made from raw records: coverage, pools, calls without a visitor."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from functions.report.figures import Figures, build
from functions.report.marts import questions
from functions.report.marts.questions import Period, ask
from shared.pool_size import loss, numbers_for
from shared.settings import SiteSettings, published
from shared.times import lake_text
from tests.lakes import NOW, Record, hit, leased, marts_of, rang, request, shop, utc

OCTOBER = Period(date(2026, 10, 1), date(2026, 10, 31))
AT = utc("10-12 09:00")
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
STATIC, DEFAULT, FIRST, SECOND, STRANGE = (f"+7495000001{n}" for n in range(5))
NUMBERS: dict[str, Any] = {
    "default": DEFAULT,
    "static": [{"number": STATIC, "source": "flyer", "medium": "offline"}],
    "pools": [{"name": "spb", "cool_down_seconds": 600, "unconfirmed_cool_down_seconds": 60}],
}


def figures_of(root: Path, *records: Record, settings: SiteSettings | None = None) -> Figures:
    site = settings or shop(numbers=NUMBERS)
    marts = marts_of(root, records, site)
    told = published(site)
    return build(told, OCTOBER, *ask(marts.warehouse, told, OCTOBER), NOW)


def pool_of(figures: Figures, name: str = "main") -> dict[str, Any]:
    return next(pool for pool in figures["call_tracking"]["pools"] if pool["pool"] == name)


def test_coverage_counts_people_once_and_leaves_robots_out(tmp_path: Path) -> None:
    records = [
        leased("a", AT, "l1"),
        leased("a", AT + DAY, "l2", "l1"),
        leased("b", AT),
        leased("b", AT + DAY, "l3", "l2", pool="spb"),
        leased("c", AT, reason="too_many_from_address", kind="static", number=STATIC),
        leased("c", AT + HOUR),
        leased("robot", AT, reason="robot"),
        leased("old", utc("09-30 12:00"), "l0"),
        leased("test", AT, is_test=True),
    ]
    tracking = figures_of(tmp_path, *records)["call_tracking"]
    assert (tracking["visitors"], tracking["with_number"], tracking["share"], tracking["excluded"]) == (3, 2, 2 / 3, 1)
    assert tracking["without_number"] == [{"kind": "default", "reason": "pool_full", "visitors": 1}]
    told = {pool["pool"]: (pool["visitors"], pool["with_number"], pool["leases"], pool["pool_full"]) for pool in tracking["pools"]}
    assert told == {"main": (3, 1, 2, 2), "spb": (1, 1, 1, 0)}


def test_who_lost_every_race_for_a_number_is_an_arrival_too(tmp_path: Path) -> None:
    """Like who found none free: leaving out those who were turned away would make the pool look large enough."""
    records = [leased("a", AT, "l1"), leased("b", AT + MINUTE, reason="busy"), leased("c", AT + MINUTE)]
    records.append(leased("d", AT + MINUTE, reason="too_many_from_address"))
    pool = pool_of(figures_of(tmp_path, *records))
    assert (pool["busiest_hour"]["arrivals"], pool["pool_full"]) == (3, 1)


def test_a_number_is_held_from_its_lease_to_the_end_of_the_pools_cool_down_or_its_visitors_return(tmp_path: Path) -> None:
    ends: dict[str, Any] = {"former_until": AT + 5 * MINUTE}
    records = [
        # Confirmed: 5 min of lease and 30 of cool-down. Unconfirmed: 90 s and 5 min.
        leased("a", AT, "l1", number=FIRST),
        leased("b", AT + 3 * HOUR, "l2", "l1", number=FIRST, **ends),
        leased("c", AT, "l3", number=SECOND),
        leased("d", AT + 3 * HOUR, "l4", "l3", number=SECOND, former_until=AT + 90 * MINUTE / 60, former_is_confirmed=False),
        # He came back after 20 minutes, in the cool-down.
        leased("e", AT, "l5", number=STRANGE),
        leased("e", AT + 20 * MINUTE, "l6", "l5", number=STRANGE, reason="again", **ends),
        # Cool-downs of its own: 5 + 10 min, 5 + 1 min.
        leased("f", AT, "s1", number=STATIC, pool="spb"),
        leased("g", AT + DAY, "s2", "s1", number=STATIC, pool="spb", **ends),
        leased(
            "h", AT + 2 * DAY, "s3", "s2", number=STATIC, pool="spb", former_until=AT + DAY + 5 * MINUTE, former_is_confirmed=False
        ),
    ]
    figures = figures_of(tmp_path, *records)
    assert pool_of(figures)["mean_hold_seconds"] == (35 * 60 + (90 + 300) + 20 * 60) / 3
    assert pool_of(figures, "spb")["mean_hold_seconds"] == (15 * 60 + 6 * 60) / 2


def test_the_busiest_hour_counts_every_lease_and_once_whoever_found_none_free(tmp_path: Path) -> None:
    records = [
        *(leased(f"v{n}", AT + n * MINUTE, f"l{n}", number=FIRST) for n in range(6)),
        *(leased("unlucky", AT + n * MINUTE) for n in range(10, 15)),
        leased("lucky", AT + 20 * MINUTE, reason="busy"),
        leased("lucky", AT + 21 * MINUTE),
        leased("lucky", AT + 22 * MINUTE, "l9", number=FIRST),
        leased("robot", AT, reason="robot"),
        leased("next", AT + HOUR, "l10", "l0", number=FIRST, former_until=AT + 30 * MINUTE),
    ]
    pool = pool_of(figures_of(tmp_path, *records))
    assert pool["busiest_hour"] == {"from": lake_text(AT), "to": lake_text(AT + HOUR), "arrivals": 8}
    assert pool["mean_hold_seconds"] == 3600  # 30 min and 30 min of cool-down
    assert (pool["load"], pool["needed"], pool["loss"]) == (8.0, numbers_for(8.0, 0.01), loss(8.0, 2))


def test_the_need_of_a_pool_is_that_of_erlang_b_by_hand(tmp_path: Path) -> None:
    """Load 1 erlang: B(1) = 1/2, B(2) = 1/5, B(3) = 1/16, B(4) = 1/65 = 1.5 %, B(5) = 1/326 = 0.3 %: five numbers."""
    former: dict[str, Any] = {"former_until": AT + 30 * MINUTE, "former_is_confirmed": True}
    pool = pool_of(figures_of(tmp_path, leased("a", AT, "l1"), leased("b", AT + DAY, "l2", "l1", pool_numbers=4, **former)))
    assert (pool["load"], pool["needed"], pool["numbers"]) == (1.0, 5, 4)
    assert pool["loss"] == pytest.approx(1 / 65)


def test_the_peak_is_the_most_numbers_held_at_once(tmp_path: Path) -> None:
    counts = [(3, 10), (9, 12), (8, 10), (None, None)]
    records = [
        leased(f"v{n}", AT + n * MINUTE, f"l{n}", held_numbers=held, pool_numbers=numbers)
        for n, (held, numbers) in enumerate(counts)
    ]
    pool = pool_of(figures_of(tmp_path, *records))
    assert (pool["peak_held"], pool["peak_utilisation"], pool["numbers"]) == (9, 0.8, 10)
    assert (pool["mean_hold_seconds"], pool["load"], pool["needed"], pool["loss"]) == (None, None, None, None)


@pytest.mark.parametrize(("lucky", "is_short"), [(99, False), (98, True)])
def test_a_pool_is_short_when_more_than_one_visitor_of_a_hundred_found_none_free(
    lucky: int, is_short: bool, tmp_path: Path
) -> None:
    records = [leased(f"v{n}", AT + n * MINUTE, f"l{n}") for n in range(lucky)]
    assert pool_of(figures_of(tmp_path, *records, leased("unlucky", AT)))["is_short"] is is_short


def test_calls_without_a_visitor_are_told_by_the_number_that_was_called(tmp_path: Path) -> None:
    records = [
        leased("v", AT, "l1", number=FIRST),
        rang("found", AT, visitor="v", number=FIRST, lease_id="l1"),
        rang("late", AT + DAY, number=FIRST),
        rang("default", AT, number=DEFAULT),
        rang("static", AT, number=STATIC, ad="flyer/offline", resolved_by="number"),
        rang("known", AT, number=STATIC, ad="flyer/offline", resolved_by="caller", visitor="v"),
        rang("unknown", AT, number=STRANGE),
        rang("out", AT, number=DEFAULT, direction="out"),
        *(rang(f"spam-{n}", AT + n * MINUTE, 0, number=DEFAULT, phone="s") for n in range(10)),
    ]
    tracking = figures_of(tmp_path, *records)["call_tracking"]
    assert tracking["calls"] == 6
    assert tracking["calls_without_visitor"] == {"static": 1, "default": 1, "late": 1, "unknown": 1}
    assert tracking["static_numbers"] == [{"number": STATIC, "source": "flyer", "medium": "offline", "campaign": "", "calls": 2}]


def test_a_number_is_silent_when_its_leases_should_have_brought_a_call_with_99_percent(tmp_path: Path) -> None:
    """30 confirmed leases and 15 calls of the first number, n and none of the second: n × 15 / (30 + n) ≥ 4.605 from n = 14 on."""

    def leases(number: str, count: int) -> list[Record]:
        return [
            leased(f"v{n}", AT + n * HOUR, f"{number}-{n}", f"{number}-{n - 1}" if n else None, number=number)
            for n in range(count + 1)
        ]

    calls = [rang(f"c{n}", AT + n * HOUR, number=FIRST, visitor=f"v{n}", lease_id=f"{FIRST}-{n}") for n in range(15)]
    for root, count, silent in (("13", 13, []), ("14", 14, [SECOND])):
        told = figures_of(tmp_path / root, *leases(FIRST, 30), *calls, *leases(SECOND, count))["call_tracking"]
        assert told["calls_per_lease"] == 15 / (30 + count)
        assert [row["number"] for row in told["silent_numbers"]] == silent
    assert told["silent_numbers"][0]["expected_calls"] == pytest.approx(14 * 15 / 44)
    rung = rang("one", AT, 0, number=SECOND, phone="p")
    told = figures_of(tmp_path / "rung", *leases(FIRST, 30), *calls, *leases(SECOND, 14), rung)["call_tracking"]
    assert told["silent_numbers"] == []


def test_without_numbers_there_is_no_call_tracking_and_with_them_nobody_may_have_asked(tmp_path: Path) -> None:
    assert figures_of(tmp_path / "none", hit("v", AT), settings=shop())["call_tracking"] is None
    told = figures_of(tmp_path / "set", hit("v", AT))["call_tracking"]
    assert (told["visitors"], told["share"], told["pools"], told["calls_per_lease"]) == (0, None, [], None)
    assert figures_of(tmp_path / "leased", leased("v", AT, "l1"), settings=shop())["call_tracking"]["visitors"] == 1


def test_every_call_of_the_period_is_listed_with_what_became_of_it(tmp_path: Path) -> None:
    records = [
        hit("v", AT - HOUR, "yandex/cpc/kuhni"),
        rang("a", AT, 0, phone="p", visitor="v", outcome="abandoned", other_visitor_id="w", other_resolved_by="caller"),
        rang("b", AT + HOUR, 60, phone="p", direction="out", answered_by="104"),
        rang("c", AT + 2 * HOUR, 0, phone="q", number=DEFAULT),
        rang("d", AT + 3 * HOUR, 0, phone="p", visitor="v"),
        rang("before", utc("09-30 12:00")),
    ]
    calls = figures_of(tmp_path, *records)["calls"]
    rows = {row["call_id"]: row for row in calls["list"]}
    assert (list(rows), calls["list_total"]) == (["d", "c", "b", "a"], 4)
    first = rows["a"]
    assert (first["outcome"], first["wait_seconds"], first["is_reached"], first["other_resolved_by"]) == (
        "abandoned",
        12,
        True,
        "caller",
    )
    assert (first["channel"], first["source"], first["campaign"]) == ("Yandex Direct", "yandex", "kuhni")
    assert (rows["b"]["channel"], rows["b"]["answered_by"], rows["b"]["direction"]) == ("", "104", "out")
    assert (rows["c"]["channel"], rows["c"]["has_visitor"], rows["c"]["is_reached"]) == ("no source", False, False)
    assert (rows["d"]["is_repeat"], rows["d"]["is_reached"]) == (True, False)
    assert calls["outcomes"] == {"missed": 2, "abandoned": 1, "busy": 0, "failed": 0}
    assert (calls["repeats"], calls["two_candidates"], calls["missed"]) == (1, 1, 3)


def test_of_very_many_calls_the_newest_are_listed_and_all_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(questions, "MOST_CALLS", 2)
    calls = figures_of(tmp_path, *(rang(f"{n}", AT + n * MINUTE) for n in range(4)))["calls"]
    assert ([row["call_id"] for row in calls["list"]], calls["list_total"], calls["incoming"]) == (["3", "2"], 4, 4)


def test_a_call_whose_path_is_shared_names_its_heaviest_source(tmp_path: Path) -> None:
    visits = [hit("v", AT - 3 * DAY, "vk/cpc"), hit("v", AT - 2 * DAY, "yandex/cpc"), hit("v", AT - DAY, "google/cpc")]
    site = shop(numbers=NUMBERS, attribution={"default_model": "position"})
    (row,) = figures_of(tmp_path, *visits, rang("a", AT, visitor="v"), request("r", AT), settings=site)["calls"]["list"]
    assert row["channel"] == "VK Ads"  # 40/20/40: of equals the earliest


def test_settings_published_before_there_were_pools_are_understood(tmp_path: Path) -> None:
    site = published(shop())
    marts = marts_of(tmp_path, [leased("a", AT, "l1"), leased("b", AT + DAY, "l2", "l1", former_until=AT + MINUTE)])
    for numbers in (None, {"default": DEFAULT}):
        told = {**site, "numbers": numbers}
        figures = build(told, OCTOBER, *ask(marts.warehouse, told, OCTOBER), datetime(2026, 11, 20, tzinfo=NOW.tzinfo))
        assert pool_of(figures)["mean_hold_seconds"] == 31 * 60
