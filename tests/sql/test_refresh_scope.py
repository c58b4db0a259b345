"""What a refresh reads and computes anew: what arrived since the last one and two days before, and whom it touches."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from functions.attribution.refresh import FIRST_ARRIVAL, OVERLAP
from infra.warehouse.duckdb import DuckDbWarehouse
from shared.models import RULE_MODELS
from tests.lakes import NOW, Marts, Record, deal, hit, marts_of, request, shop, utc, write

AT = utc("10-05 10:00")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
RULES = ", ".join(f"'{model}'" for model in RULE_MODELS)
# Marked by hand after the first refresh: what is computed anew loses the mark, what is left alone keeps it.
MARKS = {
    "paths": "UPDATE paths SET campaign = 'marked'",  # no other table is made of it
    "credits": f"UPDATE credits SET channel = 'marked' WHERE model IN ({RULES})",
    "credit_money": "UPDATE credit_money SET revenue = 7777",
}
MARKED = {
    "paths": "campaign = 'marked'",
    "credits": f"channel = 'marked' AND model IN ({RULES})",
    "credit_money": "revenue = 7777",
}


def bought(name: str, at: datetime, visitor: str) -> list[Record]:
    """Two visits by ads, a request and its sale."""
    visits = [hit(visitor, at - DAY, "vk/cpc"), hit(visitor, at - 2 * HOUR, "yandex/cpc")]
    return [*visits, request(name, at, visitor=visitor), deal(f"d-{name}", at + HOUR, "won", "100", request_id=name)]


def test_paths_and_credits_are_computed_for_persons_touched_alone(tmp_path: Path) -> None:
    """Paths and rule models by person. Money is cut for all models together, and two of them lean on all paths of the month."""
    first = [*bought("touched", AT, "v1"), *bought("same-month", AT, "v2"), *bought("other-month", utc("09-05 10:00"), "v3")]
    marts = marts_of(tmp_path, first, shop(stages=[{"stages": {"won": "won"}, "money_stage": "won"}]))
    for mark in MARKS.values():
        marts.warehouse.start(mark)
    write(tmp_path, [hit("v1", AT - HOUR, "google/cpc")], NOW + DAY)
    marts.refresh(NOW + DAY)

    def kept(table: str) -> set[str]:
        rows: Sequence[Any] = marts.warehouse.rows(f"SELECT DISTINCT request_id FROM {table} WHERE {MARKED[table]}")
        return {row["request_id"] for row in rows}

    assert {table: kept(table) for table in MARKS} == {
        "paths": {"same-month", "other-month"},
        "credits": {"same-month", "other-month"},
        "credit_money": {"other-month"},
    }
    assert marts.credits("touched", "linear") == pytest.approx({"VK Ads": 1 / 3, "Yandex Direct": 1 / 3, "Google Ads": 1 / 3})


class Opened(DuckDbWarehouse):
    """Remembers between which arrival days it was read."""

    read: set[tuple[str, str]]

    def open_raw(self, kind: str, first_arrival: str, last_arrival: str) -> None:
        self.read.add((first_arrival, last_arrival))
        super().open_raw(kind, first_arrival, last_arrival)


def test_a_refresh_reads_from_two_days_before_the_last_arrival_and_a_full_one_from_the_first(tmp_path: Path) -> None:
    warehouse = Opened(tmp_path, None, threads=1)
    marts = Marts(tmp_path, warehouse=warehouse)

    def read(now: datetime) -> set[tuple[str, str]]:
        warehouse.read = set()
        marts.refresh(now)
        return warehouse.read

    write(tmp_path, [hit("v", AT)], NOW)
    assert read(NOW) == {(FIRST_ARRIVAL, "2026/11/20")}
    assert OVERLAP == 2 * DAY
    # Counted from the last run's arrivals, not from this one's clock: days without a refresh are not missed.
    assert read(NOW + 5 * DAY) == {("2026/11/18", "2026/11/25")}
    assert read(NOW + 5 * DAY + HOUR) == {("2026/11/23", "2026/11/25")}
    marts.sites = [shop(time_zone="UTC")]
    assert read(NOW + 6 * DAY) == {(FIRST_ARRIVAL, "2026/11/26")}


def test_what_arrives_in_the_overlap_is_found_and_what_lies_before_it_is_not_read(tmp_path: Path) -> None:
    marts = marts_of(tmp_path, [hit("v", AT)])
    write(tmp_path, [hit("late", AT)], NOW - OVERLAP)
    write(tmp_path, [hit("too-late", AT)], NOW - OVERLAP - DAY)
    marts.refresh(NOW + DAY)
    assert set(marts.rows("hits", "visitor_id")) == {"v", "late"}
