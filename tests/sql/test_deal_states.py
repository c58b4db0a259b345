"""In which order a deal's events stand, what a deletion holds against, when a deal was made (docs/method.md, requests, deals)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import permutations
from pathlib import Path
from random import Random
from typing import Any

import pytest

from shared.ids import uuid7
from shared.records import CRM_EVENT
from shared.settings import SiteSettings
from tests.histories import without_rounds
from tests.lakes import NOW, Marts, Record, assert_same, deal, marts_of, payment, request, shop, utc, without, write

AT = utc("10-05 10:00")
SECOND, HOUR, DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)
WON: dict[str, Any] = {"stages": [{"stages": {n: n for n in ("working", "qualified", "won", "lost")}, "money_stage": "won"}]}
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


# Fields that somebody emptied


def test_what_was_emptied_holds_no_more_and_what_is_told_again_does(tmp_path: Path) -> None:
    filled = deal("d", AT, branch="Юг", product="Двери", order_id="7", receivable="150", attributes='{"place":"x"}', manager="Анна")
    cleared = deal("d", AT + DAY, emptied="branch order_id product", receivable="0", attributes="{}")
    names = ("branch", "product", "order_id", "receivable", "attributes", "manager")
    for name, told, expected in (
        ("cleared", [filled, cleared], (None, None, None, 0, None, "Анна")),
        ("one", [filled, deal("d", AT + DAY, emptied="product")], ("Юг", None, "7", 150, '{"place":"x"}', "Анна")),
        ("again", [filled, cleared, deal("d", AT + 2 * DAY, branch="Север")], ("Север", None, None, 0, None, "Анна")),
        ("before", [deal("d", AT - DAY, emptied="branch product"), filled], ("Юг", "Двери", "7", 150, '{"place":"x"}', "Анна")),
    ):
        row = the_deal(tmp_path / name, *told)
        assert tuple(row[one] for one in names) == expected, name


def test_a_deal_whose_request_id_was_emptied_stays_with_its_request(tmp_path: Path) -> None:
    told = [request("r", AT), deal("d", AT + HOUR, request_id="r"), deal("d", AT + DAY, emptied="request_id")]
    row = the_deal(tmp_path, *told)
    assert (row["request_id"], row["match_method"]) == ("r", "request_id")


# Sums that the CRM's API tells


def money(tmp_path: Path, *records: Record, **settings: Any) -> list[tuple[int, str, str]]:
    rows = marts_of(tmp_path, records, shop(**WON, **settings)).rows("money_events")
    return sorted((row["day"].day, str(row["original_amount"]), row["currency"]) for row in rows)


HISTORY = [
    deal("d", AT, "working", via="history"),
    deal("d", AT + DAY, "won", via="history"),
    deal("d", AT + 3 * DAY, None, "100", via="api"),
]


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_a_sum_that_the_api_tells_counts_at_the_stages_own_time(order: Sequence[int], tmp_path: Path) -> None:
    assert money(tmp_path, *(HISTORY[n] for n in order)) == [(6, "100.00", "RUB")]


@pytest.mark.parametrize("via", ["crm", "history"])
def test_a_sum_that_an_event_or_the_history_tells_counts_from_its_own_time(via: str, tmp_path: Path) -> None:
    assert money(tmp_path, *HISTORY[:2], deal("d", AT + 3 * DAY, None, "100", via=via)) == [(8, "100.00", "RUB")]


def test_only_the_first_sum_known_holds_for_what_was_before(tmp_path: Path) -> None:
    assert money(tmp_path, *HISTORY, deal("d", AT + 5 * DAY, None, "130", via="api")) == [
        (6, "100.00", "RUB"),
        (10, "30.00", "RUB"),
    ]
    early = deal("d", AT + HOUR, None, "70", via="crm")
    assert money(tmp_path / "early", early, *HISTORY) == [(6, "70.00", "RUB"), (8, "30.00", "RUB")]


def test_the_sum_comes_with_its_currency(tmp_path: Path) -> None:
    told = [*HISTORY[:2], deal("d", AT + 3 * DAY, None, "100", via="api", currency="USD")]
    assert money(tmp_path, *told) == [(6, "100.00", "USD")]
    before = [*HISTORY[:2], deal("d", AT + 2 * DAY, None, currency="EUR"), deal("d", AT + 3 * DAY, None, "100", via="api")]
    assert money(tmp_path / "before", *before) == [(6, "100.00", "EUR")]


@pytest.mark.parametrize("first", ["crm", "api"])
def test_a_state_that_a_hook_and_the_api_told_alike_is_one_whoever_was_first(first: str, tmp_path: Path) -> None:
    """The same record by two ways: what the API told holds for what was before, in whatever order they came."""
    later = timedelta(minutes=5)
    both = [
        deal(
            "d",
            AT + 3 * DAY,
            None,
            "100",
            via=via,
            record_id=IDS[0],
            received_at=AT + 3 * DAY + (0 * later if via == first else later),
        )
        for via in ("crm", "api")
    ]
    assert money(tmp_path, *HISTORY[:2], *both) == [(6, "100.00", "RUB")]
    assert len(marts_of(tmp_path / "states", [*HISTORY[:2], *both]).rows("deal_states")) == 3


# Any order, repetition and delay

LONG_AFTER = AT + 20 * DAY


def random_deals(random: Random) -> list[Record]:
    """Events of four deals, each at a moment (or rank within a second) of its own, by every way; some are told by two ways."""
    records = [request(f"r{n}", AT + n * HOUR, phone=f"p{n}") for n in range(3)]
    moments = random.sample(range(200), 24)
    for moment in moments:
        name, at = random.choice("abcd"), AT + HOUR * (moment // 3)
        told: dict[str, Any] = random.choice(
            [
                {"stage": random.choice(("working", "qualified", "won", "lost", "odd")), "via": "history"},
                {"stage": random.choice(("working", "won")), "amount": random.choice(("10", "25.50")), "via": "api"},
                {"amount": random.choice(("0", "7")), "currency": random.choice((None, "USD"))},
                {"is_deleted": random.choice((True, False))},
                {"is_deleted": True, "merged_into": random.choice("abcd"), "via": "api"},
                {"phone": random.choice(("p0", "p1")), "request_id": random.choice((None, "r2"))},
                {"pipeline": random.choice(("sales", "delivery")), "stage": "won"},
                {"crm_source": random.choice(("Сайт", "Яндекс")), "attributes": '{"place":"x"}', "contact": f"c{name}"},
                {"emptied": random.choice(("request_id", "branch product")), "branch": random.choice((None, "Юг"))},
                {"loss_reason": "double", "manager": random.choice(("Анна", "Борис"))},
            ]
        )
        record_id = uuid7(at + (moment % 3) * timedelta(milliseconds=1), bytes([moment]) * 10)
        records.append(deal(name, at, record_id=record_id, **told))
    both_ways = [Record(r.kind, {**r.values, "via": "api"}) for r in records if r.kind == CRM_EVENT.name and random.random() < 0.2]
    last = deal("a", AT + 100 * HOUR, is_deleted=True, merged_into="b")
    return [*records, *both_ways, last, *(payment(name, AT + n * HOUR, "5", f"p{n}") for n, name in enumerate("ab"))]


def random_rules() -> SiteSettings:
    rules = [*WON["stages"], {"pipeline": "delivery", "kind": "auxiliary"}]
    losses = [{"group": "d", "reasons": ["double"], "is_duplicate": True}]
    return shop(stages=rules, loss_reasons=losses, qualification=[{"filled": ["place"]}])


def delivered(records: Sequence[Record], random: Random) -> list[tuple[datetime, Record]]:
    """Every record once or more, each copy at any time after all of them happened."""
    copies = [record for record in records for _ in range(random.choice((1, 1, 1, 2)))]
    return [(LONG_AFTER + timedelta(milliseconds=random.randrange(10**8)), record) for record in copies]


@pytest.mark.parametrize("seed", range(4))
def test_any_order_repetition_and_delay_of_deals_events_gives_the_same_tables(seed: int, tmp_path: Path) -> None:
    random = Random(seed)
    records = random_deals(random)
    found = []
    for way in ("at once", "in pieces"):
        marts = Marts(tmp_path / way, random_rules())
        arrivals = delivered(records, random)
        random.shuffle(arrivals)
        pieces = [arrivals] if way == "at once" else [arrivals[n::2] for n in range(2)]
        for days, piece in enumerate(pieces):
            told = [Record(record.kind, {**record.values, "received_at": at}) for at, record in piece]
            write(marts.root, told, NOW + days * DAY)
            marts.refresh(NOW + days * DAY)
        found.append(
            {name: [without(row, "received_at") for row in rows] for name, rows in without_rounds(marts.everything()).items()}
        )
    assert found[0]["deal_merges"], "no merge: nothing is proved"
    assert_same(found[0], found[1])
