"""What visitors who asked for a number were answered: one row an answer, the end of a lease told by the number's next one."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from tests.lakes import NOW, Marts, Record, assert_same, hit, leased, marts_of, shop, utc, write

AT = utc("10-05 10:00")
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)


def test_every_answer_is_a_row_on_the_sites_own_day(tmp_path: Path) -> None:
    late = leased("a", utc("10-05 21:30"), "l1", utm_source="yandex", pool="spb")
    marts = marts_of(tmp_path, [late, leased("b", AT), leased("t", AT, "l2", is_test=True)])
    told = marts.rows("leases", "visitor_id", "pool", "kind", "reason", "number", "lease_id", "held_numbers", "pool_numbers")
    assert sorted(told) == [
        ("a", "spb", "dynamic", "new", "+74950000031", "l1", 1, 2),
        ("b", "main", "default", "pool_full", "+74950000010", None, 2, 2),
    ]
    assert str(marts.row("leases", visitor_id="a")["day"]) == "2026-10-06"


def test_the_numbers_next_lease_tells_how_one_ended(tmp_path: Path) -> None:
    records = [
        leased("a", AT, "l1"),
        leased("b", AT + 40 * MINUTE, "l2", "l1", former_until=AT + 5 * MINUTE, former_is_confirmed=True),
        leased("b", AT + 90 * MINUTE, "l3", "l2", former_until=AT + 41 * MINUTE, former_is_confirmed=False, reason="again"),
    ]
    ends = marts_of(tmp_path, records).rows("leases", "lease_id", "until", "is_confirmed", "next_at")
    assert sorted(ends) == [
        ("l1", AT + 5 * MINUTE, True, AT + 40 * MINUTE),
        ("l2", AT + 41 * MINUTE, False, AT + 90 * MINUTE),
        ("l3", None, None, None),
    ]


def test_test_traffic_still_ends_the_lease_before_it(tmp_path: Path) -> None:
    marts = marts_of(tmp_path, [leased("a", AT, "l1"), leased("t", AT + DAY, "l2", "l1", is_test=True)])
    assert marts.rows("leases", "lease_id", "next_at") == [("l1", AT + DAY)]


@pytest.mark.parametrize("reason", ["robot", "new"])
def test_robots_and_visitors_whose_day_makes_no_visit_are_marked(reason: str, tmp_path: Path) -> None:
    pages = [hit("fast", AT + timedelta(milliseconds=n)) for n in range(61)] if reason == "new" else []
    other_day = leased("fast", AT + 2 * DAY, "l2")
    marts = marts_of(tmp_path, [*pages, leased("fast", AT, "l1", reason=reason), other_day, leased("slow", AT, "l3")])
    assert sorted(marts.rows("leases", "lease_id", "is_excluded")) == [("l1", True), ("l2", False), ("l3", False)]


def test_what_comes_later_changes_earlier_leases_as_a_rebuild_would(tmp_path: Path) -> None:
    """The number's next lease, and hits by which the day of its visitor makes no visit."""
    first: list[Record] = [leased("a", AT, "l1"), leased("fast", AT, "l2", number="+74950000032"), hit("fast", AT)]
    marts = marts_of(tmp_path, first)
    assert marts.rows("leases", "until", "is_excluded") == [(None, False)] * 2
    later = [leased("b", AT + DAY, "l3", "l1"), *(hit("fast", AT + timedelta(milliseconds=n)) for n in range(1, 61))]
    write(tmp_path, later, NOW + DAY)
    marts.refresh(NOW + DAY)
    assert sorted(marts.rows("leases", "lease_id", "until", "is_excluded")) == [
        ("l1", AT + DAY - 2 * MINUTE, False),
        ("l2", None, True),
        ("l3", None, False),
    ]
    anew = marts_of(tmp_path / "anew", [*first, *later], now=NOW + DAY)
    assert_same(marts.everything(), anew.everything())


def test_a_refresh_without_news_writes_no_lease_again(tmp_path: Path) -> None:
    marts = Marts(tmp_path, shop())
    write(tmp_path, [leased("a", AT, "l1"), leased("b", AT + MINUTE, "l2", "l1")], NOW)
    marts.refresh(NOW)
    before = marts.rows("leases")
    marts.refresh(NOW + DAY)
    assert marts.rows("leases") == before
