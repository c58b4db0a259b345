"""Payments that are corrected: the latest change counts, however late its word arrives."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from functions.crm_webhook.deals import PaymentTold, payment_record
from functions.crm_webhook.outcome import Arrival
from tests.lakes import Record, deal, marts_of, payment, shop, utc

AT = utc("10-05 10:00")
HOUR = timedelta(hours=1)


def told(amount: str, changed: datetime | None, received: datetime, delivery: str, **more: Any) -> Record:
    """Payment P1 of the deal d as a webhook's body makes it."""
    values = {"amount": float(amount), "currency": "RUB"}
    one = PaymentTold(deal_id="d", payment_id="P1", told_at=AT, values=values, changed_at=changed, **{"via": "crm"} | more)
    kind, line = payment_record(one, "crm", Arrival("shop", delivery, received, b"k"))
    record = json.loads(line)
    record |= {name: datetime.fromisoformat(record[name]).replace(tzinfo=UTC) for name in ("occurred_at", "received_at")}
    return Record(kind.name, record)


def standing(folder: Path, *records: Record) -> list[Any]:
    rows = marts_of(folder, [deal("d", AT, "working", "1"), *records], shop()).rows("money_events")
    return [str(row["amount"]) for row in rows if row["money_event_id"].startswith("payment:")]


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_a_payment_put_back_to_an_earlier_sum_counts_so_in_whatever_order_it_is_told(order: Any, tmp_path: Path) -> None:
    sums = ("1000", "900", "1000")
    records = [told(sums[n], AT + n * HOUR, AT + 9 * HOUR + arrival * HOUR, f"w{n}") for arrival, n in enumerate(order)]
    assert standing(tmp_path, *records) == ["1000.00"]


def test_a_stale_retry_does_not_bring_an_earlier_sum_back(tmp_path: Path) -> None:
    records = [told("1000", AT, AT, "w1"), told("900", AT + HOUR, AT + HOUR, "w2"), told("1000", AT, AT + 9 * HOUR, "w3")]
    assert standing(tmp_path, *records) == ["900.00"]


def test_without_a_time_of_change_the_first_arrival_of_each_delivery_counts(tmp_path: Path) -> None:
    first, second = told("1000", None, AT, "w1"), told("900", None, AT + HOUR, "w2")
    assert standing(tmp_path / "a", first, second, told("1000", None, AT + 2 * HOUR, "w1")) == ["900.00"]
    assert standing(tmp_path / "b", first, second, told("1000", None, AT + 2 * HOUR, "w3")) == ["1000.00"]


def test_a_deals_time_that_stays_leaves_it_to_the_arrival(tmp_path: Path) -> None:
    records = [told(amount, AT, AT + n * HOUR, f"w{n}") for n, amount in enumerate(("1000", "900", "1000"))]
    assert standing(tmp_path, *records) == ["1000.00"]


def test_a_payment_taken_back_counts_no_more(tmp_path: Path) -> None:
    assert standing(tmp_path, told("1000", AT, AT, "w1"), told("0", AT + HOUR, AT + HOUR, "w2")) == []


def test_what_tells_its_time_of_change_counts_before_what_does_not(tmp_path: Path) -> None:
    timed, untimed = told("1000", AT + HOUR, AT + HOUR, "w1"), told("900", None, AT + 2 * HOUR, "w2")
    assert standing(tmp_path / "a", timed, untimed) == ["1000.00"]
    assert standing(tmp_path / "b", untimed, told("800", AT + 3 * HOUR, AT + 3 * HOUR, "w3"), timed) == ["800.00"]


def test_the_latest_import_counts_whatever_day_it_tells_and_the_crms_own_word_before_it(tmp_path: Path) -> None:
    early = payment("d", AT, "60", "P1", via="import", received_at=AT + 9 * HOUR)
    later = payment("d", AT - 48 * HOUR, "50", "P1", via="import", received_at=AT + 10 * HOUR)
    assert standing(tmp_path / "a", early, later) == ["50.00"]
    assert standing(tmp_path / "b", told("70", AT, AT, "w1"), later) == ["70.00"]


def test_what_an_api_reads_twice_is_one_record() -> None:
    first, again = (told("5", AT, AT + n * HOUR, f"w{n}", via="api").values["record_id"] for n in range(2))
    assert first == again
