"""Which touches make a path: the settings of DEFINITIONS' paths on small lakes (docs/method.md, paths)."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.lakes import Record, deal, hit, marts_of, request, shop, utc

REQUESTED = utc("10-25 12:00")
ADS = {"A": "yandex/cpc", "B": "vk/cpc", "C": "google/cpc", "D": ""}
NAMES = {"Yandex Direct": "A", "VK Ads": "B", "Google Ads": "C", "direct": "D"}


def visits(letters: str, until: datetime = REQUESTED) -> list[Record]:
    """One visit an hour, the last one an hour before: A, B and C by ads, D directly."""
    return [hit("v", until - timedelta(hours=len(letters) - n), ADS[letter]) for n, letter in enumerate(letters)]


def path(tmp_path: Path, records: list[Record], request_id: str = "r", **attribution: Any) -> str:
    """The kept path of a request, as letters."""
    marts = marts_of(tmp_path, records, shop(attribution=attribution))
    rows = sorted(marts.rows("paths", "position", "channel", "path_length", request_id=request_id))
    assert [place for place, _, _ in rows] == list(range(1, len(rows) + 1))
    assert {length for _, _, length in rows} <= {len(rows)}
    return "".join(NAMES[channel] for _, channel, _ in rows)


def of_one_request(tmp_path: Path, letters: str, **attribution: Any) -> str:
    return path(tmp_path, [*visits(letters), request("r", REQUESTED, visitor="v")], **attribution)


@pytest.mark.parametrize(
    ("transforms", "letters", "kept"),
    [
        ([], "DABBCDCC", "DABBCDCC"),
        (["unique"], "DABBCDCC", "DABBCDCC"),
        (["exposure"], "DABBCDCC", "DABCDC"),
        (["first"], "DABBCDCC", "DABC"),
        (["drop_direct"], "DADB", "AB"),
        (["drop_direct"], "DDD", "DDD"),
        (["drop_last_direct"], "DADD", "DA"),
        (["drop_last_direct"], "DAD", "DA"),
        (["drop_last_direct"], "DD", "DD"),
        # In the order in which they stand: what lies between two of a channel makes them two, until it is gone.
        (["exposure", "drop_direct"], "ADA", "AA"),
        (["drop_direct", "exposure"], "ADA", "A"),
        (["drop_last_direct", "exposure", "first"], "AABAD", "AB"),
    ],
)
def test_transforms(transforms: list[str], letters: str, kept: str, tmp_path: Path) -> None:
    assert of_one_request(tmp_path, letters, path_transforms=transforms) == kept


def test_of_touches_in_a_row_the_first_one_stays(tmp_path: Path) -> None:
    told = [*visits("AAB"), request("r", REQUESTED, visitor="v")]
    marts = marts_of(tmp_path, told, shop(attribution={"path_transforms": ["exposure"]}))
    assert marts.row("paths", request_id="r", position=1)["touched_at"] == REQUESTED - timedelta(hours=3)


def test_only_the_last_touches_count_and_are_cut_before_the_transforms(tmp_path: Path) -> None:
    assert of_one_request(tmp_path, "ABCCC", lookback_touches=2) == "CC"
    assert of_one_request(tmp_path / "b", "ABCCC", lookback_touches=2, path_transforms=["exposure"]) == "C"
    assert of_one_request(tmp_path / "c", "AB", lookback_touches=9) == "AB"


def test_excluded_channels_are_in_no_path(tmp_path: Path) -> None:
    assert of_one_request(tmp_path, "ABDA", excluded_channels=["direct", "VK Ads"]) == "AA"
    assert of_one_request(tmp_path / "b", "ABC", lookback_touches=2, excluded_channels=["Google Ads"]) == "AB"


def test_where_every_channel_is_excluded_nothing_is_credited(tmp_path: Path) -> None:
    told = [*visits("AA"), request("r", REQUESTED, visitor="v"), deal("d", REQUESTED, "won", "100", request_id="r")]
    marts = marts_of(tmp_path, told, shop(attribution={"excluded_channels": ["Yandex Direct"]}))
    assert (marts.rows("paths"), marts.rows("credits"), marts.rows("credit_money")) == ([], [], [])
    assert marts.row("requests", request_id="r")["no_source_reason"] == "not_determined"


LATER = REQUESTED + timedelta(days=1)


def twice(*outcome: Record) -> list[Record]:
    """Two requests of one visitor, AB before the first, C between them."""
    return [
        *visits("AB"), request("one", REQUESTED, visitor="v"), *visits("C", LATER), request("two", LATER, visitor="v"), *outcome,
    ]  # fmt: skip


SOLD = deal("d1", REQUESTED, "won", "100", request_id="one")
LOST = deal("d1", REQUESTED, "lost", request_id="one")


@pytest.mark.parametrize(
    ("reset", "outcome", "kept"),
    [
        ("never", [SOLD], "ABC"),
        ("request", [SOLD], "C"),
        ("request", [LOST], "C"),
        ("request", [], "ABC"),  # a request that nobody confirmed ends no path
        ("sale", [SOLD], "C"),
        ("sale", [LOST], "ABC"),
    ],
)
def test_the_path_begins_after_the_previous_conversion(reset: str, outcome: list[Record], kept: str, tmp_path: Path) -> None:
    assert path(tmp_path, twice(*outcome), "two", reset_after=reset) == kept


def test_the_first_request_of_a_person_has_its_whole_path(tmp_path: Path) -> None:
    assert path(tmp_path, twice(SOLD), "one", reset_after="sale") == "AB"


def test_a_request_that_the_reset_leaves_with_nothing_keeps_its_last_touch(tmp_path: Path) -> None:
    """Two orders in one visit."""
    soon = request("two", REQUESTED + timedelta(minutes=5), visitor="v")
    assert path(tmp_path, [*visits("AB"), request("one", REQUESTED, visitor="v"), soon, SOLD], "two", reset_after="sale") == "B"


def test_requests_of_the_same_moment_each_have_a_path(tmp_path: Path) -> None:
    told = [*visits("AB"), request("one", REQUESTED, visitor="v"), request("two", REQUESTED, visitor="v"), SOLD]
    assert path(tmp_path, told, "one", reset_after="sale") == "AB"
    assert path(tmp_path / "b", told, "two", reset_after="sale") == "B"


def test_touches_of_the_same_moment_stand_in_the_order_of_their_ids(tmp_path: Path) -> None:
    at = REQUESTED - timedelta(hours=1)
    told = [
        request("r", REQUESTED, phone="p"),
        request("b", at, "vk/cpc", phone="p"),
        request("a", at, "yandex/cpc", phone="p"),
        request("c", at, "google/cpc", phone="p"),
    ]
    assert path(tmp_path, told) == "ABC"


def test_the_day_on_which_clocks_change_is_one_day(tmp_path: Path) -> None:
    """Berlin's clocks went back on 25 October 2026: that day has 25 hours, and the look-back counts days."""
    told = [
        hit("v", utc("10-24 21:59"), "yandex/cpc"),  # 24 October, 23:59
        hit("v", utc("10-24 22:30"), "vk/cpc"),  # 25 October, 00:30
        request("r", utc("10-26 22:59"), visitor="v"),  # 26 October, 23:59
    ]
    marts = marts_of(tmp_path, told, shop(time_zone="Europe/Berlin", attribution={"lookback_days": 1}))
    assert [row["channel"] for row in marts.rows("paths")] == ["VK Ads"]
    assert marts.row("paths", request_id="r")["touch_day"].isoformat() == "2026-10-25"


def test_the_day_of_23_hours_is_one_day_too(tmp_path: Path) -> None:
    """Berlin's clocks went forward on 29 March 2026 at 01:00 UTC: its next midnight is an hour earlier in UTC."""
    told = [
        hit("v", utc("03-28 22:59"), "yandex/cpc"),  # 28 March, 23:59
        hit("v", utc("03-28 23:30"), "vk/cpc"),  # 29 March, 00:30
        hit("v", utc("03-29 21:59"), "google/cpc"),  # 29 March, 23:59
        hit("v", utc("03-29 22:30"), "yandex/cpc"),  # 30 March, 00:30
        request("r", utc("03-30 21:59"), visitor="v"),  # 30 March, 23:59
    ]
    marts = marts_of(tmp_path, told, shop(time_zone="Europe/Berlin", attribution={"lookback_days": 1}))
    rows = sorted(marts.rows("paths", "position", "channel", "touch_day"))
    assert [(channel, day.isoformat()) for _, channel, day in rows] == [
        ("VK Ads", "2026-03-29"),
        ("Google Ads", "2026-03-29"),
        ("Yandex Direct", "2026-03-30"),
    ]


def test_the_month_of_a_path_is_the_sites(tmp_path: Path) -> None:
    told = [hit("v", utc("10-31 20:00"), "vk/cpc"), request("r", utc("10-31 21:30"), visitor="v")]
    months = {zone: marts_of(tmp_path / zone[:3], told, shop(time_zone=zone)) for zone in ("Europe/Moscow", "Asia/Tokyo", "UTC")}
    assert {zone: marts.row("paths", request_id="r")["month"] for zone, marts in months.items()} == {
        "Europe/Moscow": "2026-11",
        "Asia/Tokyo": "2026-11",
        "UTC": "2026-10",
    }
