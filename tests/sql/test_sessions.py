"""Visits (docs/method.md, visits) and the channels that the rule table gives them."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.lakes import HOST, Marts, hit, marts_of, request, shop, utc

START = utc("10-05 10:00")


def later(seconds: float) -> Any:
    return START + timedelta(seconds=seconds)


def visits(tmp_path: Path, *hits: tuple[float, dict[str, Any]]) -> list[Any]:
    """(channel, hits, seconds from start to last hit) of one visitor's visits in their order."""
    marts = marts_of(tmp_path, [hit("v", later(seconds), **told) for seconds, told in hits])
    rows = sorted(marts.rows("sessions"), key=lambda row: row["started_at"])
    return [(row["channel"], row["hits"], (row["last_hit_at"] - row["started_at"]).total_seconds()) for row in rows]


def test_a_gap_below_1800_seconds_continues_the_visit(tmp_path: Path) -> None:
    assert visits(tmp_path, (0, {}), (1799, {}), (3598.999, {})) == [("direct", 3, 3598.999)]


def test_a_gap_of_1800_seconds_starts_a_new_one(tmp_path: Path) -> None:
    assert visits(tmp_path, (0, {}), (1800, {})) == [("direct", 1, 0), ("direct", 1, 0)]


def test_the_gap_counts_from_the_previous_hit_not_from_the_start(tmp_path: Path) -> None:
    assert visits(tmp_path, *((n * 1700, {}) for n in range(5))) == [("direct", 5, 6800)]


def test_another_source_starts_a_new_visit_and_the_same_one_does_not(tmp_path: Path) -> None:
    ads = [{"ad": "yandex/cpc/a"}, {}, {"ad": "yandex/cpc/a"}, {"ad": "google/cpc"}, {}, {"ad": "yandex/cpc/a"}]
    found = visits(tmp_path, *((n * 60.0, ad) for n, ad in enumerate(ads)))
    assert found == [("Yandex Direct", 3, 120), ("Google Ads", 2, 60), ("Yandex Direct", 1, 0)]


@pytest.mark.parametrize("name", ["utm_campaign", "utm_content", "utm_term", "click_id"])
def test_any_part_of_the_source_that_differs_starts_a_new_visit(name: str, tmp_path: Path) -> None:
    told: dict[str, Any] = {"ad": "yandex/cpc", "click_id_name": "yclid", "click_id": "1"}
    assert len(visits(tmp_path, (0, told), (60, {**told, name: "2"}))) == 2
    assert len(visits(tmp_path / "same", (0, told), (60, told))) == 1


def test_a_source_within_a_direct_visit_starts_a_new_one(tmp_path: Path) -> None:
    assert visits(tmp_path, (0, {}), (60, {"ad": "vk/cpc"})) == [("direct", 1, 0), ("VK Ads", 1, 0)]


def test_direct_hits_keep_the_visits_source(tmp_path: Path) -> None:
    own = [{"referrer_host": HOST}, {"referrer_host": f"blog.{HOST}"}, {"ad": "(direct)/(none)"}, {}]
    assert visits(tmp_path, (0, {"ad": "vk/cpc"}), *((60.0 * n, told) for n, told in enumerate(own, 1))) == [("VK Ads", 5, 240)]


def test_after_silence_the_same_source_is_a_new_visit_and_direct_is_direct(tmp_path: Path) -> None:
    found = visits(tmp_path, (0, {"ad": "vk/cpc"}), (1800, {"ad": "vk/cpc"}), (3600, {}))
    assert found == [("VK Ads", 1, 0), ("VK Ads", 1, 0), ("direct", 1, 0)]


def test_a_visit_is_not_cut_at_midnight_and_belongs_to_the_local_day_of_its_start(tmp_path: Path) -> None:
    records = [hit("v", utc("10-05 20:59:59.999")), hit("v", utc("10-05 21:20")), hit("w", utc("10-05 21:00"))]
    rows = marts_of(tmp_path, records).rows("sessions", "visitor_id", "day", "hits")
    assert [(visitor, str(day), hits) for visitor, day, hits in sorted(rows)] == [("v", "2026-10-05", 2), ("w", "2026-10-06", 1)]


@pytest.mark.parametrize(
    ("told", "excluded"),
    [
        ({"user_agent": "Mozilla/5.0 (compatible; Googlebot/2.1)"}, "bot"),
        ({"kind": "email_open"}, "email_open"),
        ({"is_test": True}, "test"),
        ({"received_at": START - timedelta(minutes=5, milliseconds=1)}, "future"),
        ({"received_at": START - timedelta(minutes=5)}, None),
        ({}, None),
    ],
)
def test_what_is_no_person_now_is_kept_apart_and_makes_no_visit(told: dict[str, Any], excluded: str | None, tmp_path: Path) -> None:
    marts = marts_of(tmp_path, [hit("v", START, **told)])
    assert marts.rows("hits", "excluded") == [excluded]
    assert len(marts.rows("sessions")) == (1 if excluded is None else 0)


def test_a_robots_hit_does_not_bridge_a_gap(tmp_path: Path) -> None:
    assert len(visits(tmp_path, (0, {}), (1000, {"user_agent": "curl/8"}), (2000, {}))) == 2


def test_repeats_of_a_hit_count_once_and_the_earliest_arrival_stands(tmp_path: Path) -> None:
    once = hit("v", START, received_at=later(5))
    again = hit("v", START, received_at=later(3), record_id=once.values["record_id"])
    row = marts_of(tmp_path, [once, again, once]).row("hits")
    assert row["received_at"] == later(3)


def test_hits_at_the_same_moment_go_by_their_ids(tmp_path: Path) -> None:
    records = [hit("v", START, "vk/cpc", record_id="b"), hit("v", START, "yandex/cpc", record_id="a")]
    found = marts_of(tmp_path, records).rows("sessions", "session_id", "channel")
    assert found == [("a:2026-10-05", "Yandex Direct"), ("b:2026-10-05", "VK Ads")]


def test_the_visit_shows_its_first_page_and_place(tmp_path: Path) -> None:
    records = [hit("v", START, page_path="/a", city="Тула"), hit("v", later(5), page_path="/b", city="Омск")]
    row = marts_of(tmp_path, records).row("sessions")
    assert (row["landing_path"], row["city"]) == ("/a", "Тула")


def touches(marts: Marts) -> list[Any]:
    return marts.rows("touches", "kind", "channel")


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (-1, [("request", "Offline ads"), ("session", "VK Ads")]),
        (0, [("session", "VK Ads")]),
        (1859.999, [("session", "VK Ads")]),
        (1860, [("request", "Offline ads"), ("session", "VK Ads")]),
    ],
)
def test_a_request_with_a_source_is_a_touch_when_no_visit_covers_it(seconds: float, expected: list[Any], tmp_path: Path) -> None:
    visit = [hit("v", START, "vk/cpc"), hit("v", later(60))]
    assert sorted(touches(marts_of(tmp_path, [*visit, request("r", later(seconds), "flyer/offline", visitor="v")]))) == expected


def test_a_request_without_a_source_is_no_touch(tmp_path: Path) -> None:
    assert touches(marts_of(tmp_path, [request("r", START, phone="p"), request("q", START, "(direct)/(none)")])) == []


CHANNELS = [
    ({"ad": "yandex/cpc"}, "Yandex Direct", "yandex"),
    ({"ad": "YANDEX/CPC"}, "Yandex Direct", "yandex"),
    ({"ad": "Google/cpc"}, "Google Ads", "google"),
    ({"ad": "Instagram/Paid_Social"}, "Meta Ads", "instagram"),
    ({"ad": "foo/Bar"}, "foo / bar", "foo"),
    ({"ad": "foo"}, "foo / (not set)", "foo"),
    ({"ad": "newsletter/email"}, "E-mail", "newsletter"),
    ({"click_id_name": "yclid", "click_id": "1"}, "Yandex Direct", "yandex"),
    ({"click_id_name": "gclid", "click_id": "1", "referrer_host": "google.com"}, "Google Ads", "google"),
    ({"click_id_name": "fbclid", "click_id": "1"}, "Social networks", "facebook"),
    ({"ad": "vk/cpc", "click_id_name": "gclid", "click_id": "1"}, "VK Ads", "vk"),
    ({"referrer_host": "yandex.ru"}, "Organic search", "yandex"),
    ({"referrer_host": "notyandex.ru"}, "Referral", "notyandex.ru"),
    ({"referrer_host": "google.de"}, "Organic search", "google"),
    ({"referrer_host": "google.com.evil.example"}, "Referral", "google.com.evil.example"),
    ({"referrer_host": "notgoogle.com"}, "Referral", "notgoogle.com"),
    ({"referrer_host": "mail.yandex.ru"}, "E-mail", "yandex-mail"),
    ({"referrer_host": "m.vk.com"}, "Social networks", "vk"),
    ({"referrer_host": "vk.com.evil.example"}, "Referral", "vk.com.evil.example"),
    ({"referrer_host": "org.telegram.messenger"}, "Messengers", "telegram"),
    ({"referrer_host": "chatgpt.com"}, "AI assistants", "chatgpt"),
    ({"referrer_host": "other.example"}, "Referral", "other.example"),
    ({"referrer_host": HOST}, "direct", "(direct)"),
    ({"referrer_host": f"blog.{HOST}", "page_host": f"m.{HOST}"}, "direct", "(direct)"),
    ({"referrer_host": f"not{HOST}"}, "Referral", f"not{HOST}"),
    ({"referrer_host": f"{HOST}.evil.example"}, "Referral", f"{HOST}.evil.example"),
    ({"referrer_host": "shopxexample"}, "Referral", "shopxexample"),
    ({"referrer_host": "pay.bank.example"}, "direct", "(direct)"),
    ({"referrer_host": "bank.example"}, "Referral", "bank.example"),
    ({"referrer_host": HOST, "ad": "yandex/cpc"}, "Yandex Direct", "yandex"),
    ({"utm_campaign": "alone"}, "direct", "(direct)"),
    ({"utm_source": "a|b", "utm_medium": "c|d"}, "a/b / c/d", "a/b"),
    ({"utm_source": "'; DROP TABLE hits; --", "utm_medium": "cpc"}, "'; drop table hits; -- / cpc", "'; drop table hits; --"),
]


@pytest.fixture(scope="module")
def by_case(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """One visitor per case."""
    records = [hit(str(number), START, **told) for number, (told, _, _) in enumerate(CHANNELS)]
    marts = marts_of(tmp_path_factory.mktemp("channels"), records, shop(payment_hosts=["pay.bank.example"]))
    return {row["visitor_id"]: (row["channel"], row["source"]) for row in marts.rows("sessions")}


@pytest.mark.parametrize("number", range(len(CHANNELS)), ids=lambda n: str(CHANNELS[n][0]))
def test_the_rule_table_names_channel_and_source(number: int, by_case: dict[str, Any]) -> None:
    assert by_case[str(number)] == CHANNELS[number][1:]
