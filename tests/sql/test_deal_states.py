"""In which order a deal's events stand, what a deletion holds against, when a deal was made (docs/method.md, requests, deals)."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from shared.ids import uuid7
from tests.lakes import Record, deal, marts_of, utc

AT = utc("10-05 10:00")
SECOND = timedelta(seconds=1)
IDS = [uuid7(AT, bytes([n]) * 10) for n in (9, 1)]  # of one millisecond; the second one sorts first


def the_deal(tmp_path: Path, *records: Record) -> Any:
    return marts_of(tmp_path, records).row("deals", deal_id="crm:d")


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_of_two_events_of_one_moment_the_one_that_arrived_later_stands(tmp_path: Path, order: tuple[int, int]) -> None:
    first, second = (IDS[n] for n in order)
    row = the_deal(
        tmp_path,
        deal("d", AT, "working", "100", received_at=AT + SECOND, record_id=first, manager="Анна"),
        deal("d", AT, "won", "200", received_at=AT + 2 * SECOND, record_id=second, manager="Борис"),
    )
    assert (row["meaning"], str(row["amount"]), row["manager"]) == ("won", "200.00", "Борис")


def test_the_time_within_an_events_id_counts_before_its_arrival(tmp_path: Path) -> None:
    earlier, later = uuid7(AT, bytes(10)), uuid7(AT + timedelta(milliseconds=3), bytes(10))
    row = the_deal(
        tmp_path,
        deal("d", AT, "won", received_at=AT + SECOND, record_id=later),
        deal("d", AT, "working", received_at=AT + 2 * SECOND, record_id=earlier),
    )
    assert row["meaning"] == "won"


def test_a_deletion_holds_until_the_deal_is_told_alive(tmp_path: Path) -> None:
    deleted = [deal("d", AT, "won", "100"), deal("d", AT + SECOND, is_deleted=True)]
    touched = [*deleted, deal("d", AT + 2 * SECOND, contact_id="c1", phone="hash-1")]
    assert the_deal(tmp_path / "deleted", *deleted)["meaning"] == "cleaning"
    assert the_deal(tmp_path / "touched", *touched)["meaning"] == "cleaning"
    assert the_deal(tmp_path / "restored", *touched, deal("d", AT + 3 * SECOND, is_deleted=False))["meaning"] == "won"
    assert the_deal(tmp_path / "staged", *touched, deal("d", AT + 3 * SECOND, "working"))["meaning"] == "working"


def test_a_deal_that_was_deleted_again_is_in_cleaning(tmp_path: Path) -> None:
    way = [("won", None), (None, True), (None, False), (None, True)]
    records = [deal("d", AT + n * SECOND, stage, is_deleted=deleted) for n, (stage, deleted) in enumerate(way)]
    assert the_deal(tmp_path, *records)["meaning"] == "cleaning"


def test_an_older_event_of_somebody_else_does_not_move_a_creation_that_was_told(tmp_path: Path) -> None:
    contact = deal("d", AT - timedelta(days=40), contact_id="c1")
    told = the_deal(tmp_path / "told", contact, deal("d", AT + SECOND, "working", deal_created_at=AT))
    assert told["created_at"].replace(tzinfo=AT.tzinfo) == AT
    untold = the_deal(tmp_path / "untold", deal("d", AT + SECOND, "working"))
    assert untold["created_at"].replace(tzinfo=AT.tzinfo) == AT + SECOND
