"""Merged deals and converted leads: one deal is left, with the way it came (docs/method.md, requests, deals)."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.lakes import NOW, Marts, Record, assert_same, call, deal, marts_of, payment, rang, request, shop, utc, write

AT = utc("10-05 10:00")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
WON: dict[str, Any] = {"stages": [{"stages": {n: n for n in ("working", "won", "qualified", "lost")}, "money_stage": "won"}]}


def merged(absorbed: str, survivor: str, at: Any = AT + 2 * DAY, **more: Any) -> Record:
    return deal(absorbed, at, **{"is_deleted": True, "merged_into": survivor, **more})


def made(tmp_path: Path, *records: Record) -> Marts:
    return marts_of(tmp_path, records, shop(**WON))


def events(marts: Marts) -> list[tuple[str, str, str]]:
    return [(row["deal_id"], row["money_event_id"].split(":")[0], str(row["amount"])) for row in marts.rows("money_events")]


def test_the_deal_that_was_taken_over_stands_as_deleted_without_money_and_without_a_request(tmp_path: Path) -> None:
    way = [deal("a", AT, "won", "100"), deal("b", AT + DAY, "won", "150"), merged("a", "b")]
    marts = made(tmp_path, *way)
    row = marts.row("deals", deal_id="crm:a")
    assert (row["meaning"], row["is_confirmed"], row["merged_into"]) == ("cleaning", False, "crm:b")
    assert (row["revenue"], row["sale_day"], row["request_id"], row["match_method"]) == (None, None, "crm:crm:b", "merged")
    assert events(marts) == [("crm:b", "state", "150.00")]
    assert marts.rows("requests", "request_id", "deals", "sales") == [("crm:crm:b", 1, 1)]


@pytest.mark.parametrize(
    ("key", "method"),
    [({"request_id": "r"}, "request_id"), ({"call_id": "c"}, "call_id"), ({"visitor": "v"}, "visitor"), ({"phone": "p"}, "phone"),
     ({"email": "e@"}, "email")],
)  # fmt: skip
def test_the_survivor_finds_its_request_by_what_the_other_deal_told(key: Any, method: str, tmp_path: Path) -> None:
    asked = call("r", AT - HOUR, call_id="c", visitor="v", phone="p", email="e@")
    marts = made(tmp_path, asked, deal("a", AT, "working", **key), deal("b", AT + DAY, "won", "9"), merged("a", "b"))
    row = marts.row("deals", deal_id="crm:b")
    assert (row["request_id"], row["match_method"]) == ("r", method)
    assert marts.rows("requests", "request_id", "deals", "sales") == [("r", 1, 1)]


def test_what_the_survivor_tells_itself_wins(tmp_path: Path) -> None:
    asked = [request("r1", AT - HOUR, phone="p1"), request("r2", AT, phone="p2")]
    own = deal("b", AT + DAY, "won", "9", "vk/cpc", request_id="r2", contact="c2")
    marts = made(
        tmp_path, *asked, deal("a", AT, "working", None, "avito/crm", request_id="r1", contact="c1"), own, merged("a", "b")
    )
    fact = marts.row("deal_facts", deal_id="crm:b")
    assert (fact["named_request_id"], fact["contact_id"], fact["source_key"]) == ("r2", "c2", "vk|cpc|||")
    assert marts.rows("requests", "request_id", "deals", "is_counted") == [("r1", 0, False), ("r2", 1, True)]


def test_the_survivor_inherits_client_and_source_whole_from_the_earliest_that_told_one(tmp_path: Path) -> None:
    early = deal("z", AT, "working", None, "avito/cpc/brand", contact="c1", utm_term="boots")
    late = deal("a", AT + HOUR, "working", None, "vk/cpc/sale", contact="c2")
    marts = made(tmp_path, early, late, deal("b", AT + DAY, "won", "9"), merged("a", "b"), merged("z", "b"))
    fact = marts.row("deal_facts", deal_id="crm:b")
    assert (fact["source_key"], fact["campaign"], fact["term"], fact["contact_id"]) == ("avito|cpc|||brand", "brand", "boots", "c1")
    assert fact["absorbed"] == "crm:a crm:z"
    assert marts.row("requests")["source"] == "avito"


def test_marks_of_a_converted_lead_say_more_than_the_deals_own_source_field(tmp_path: Path) -> None:
    lead = deal("lead:1", AT, "NEW", None, "yandex/cpc", pipeline="lead")
    marts = made(tmp_path, lead, deal("7", AT + DAY, "won", "9", crm_source="Сайт"), merged("lead:1", "7", is_deleted=None))
    assert (marts.row("requests")["request_id"], marts.row("requests")["source"]) == ("crm:crm:7", "yandex")
    assert marts.row("deals", deal_id="crm:lead:1")["meaning"] == "cleaning"


def test_the_origin_of_a_survivor_is_sought_at_the_creation_of_the_earliest(tmp_path: Path) -> None:
    """The lead had found the first request; becoming a deal days later does not move it to a later one."""
    asked = [request("first", AT - HOUR, phone="p"), request("later", AT + DAY, phone="p")]
    lead, won = deal("lead:1", AT, "working", phone="p"), deal("7", AT + 2 * DAY, "won", "9", phone="p")
    marts = made(tmp_path, *asked, lead, won, merged("lead:1", "7", AT + 2 * DAY + HOUR))
    row = marts.row("deals", deal_id="crm:7")
    assert (row["request_id"], row["created_at"].day) == ("first", 7)
    assert marts.row("requests", request_id="later")["repeat_of"] == "crm:7"
    alone = made(tmp_path / "implied", lead, won, merged("lead:1", "7", AT + 2 * DAY + HOUR))
    assert alone.row("requests")["created_at"].day == 5


def test_a_chain_of_merges_ends_at_its_last_deal(tmp_path: Path) -> None:
    chain = [deal(f"d{n}", AT + n * HOUR, "working") for n in range(20)]
    links = [merged(f"d{n}", f"d{n + 1}", AT + DAY + n * HOUR) for n in range(19)]
    marts = made(tmp_path, request("r", AT - HOUR, phone="p"), deal("d0", AT, None, phone="p"), *chain, *links)
    assert {row["merged_into"] for row in marts.rows("deals")} == {"crm:d19", None}
    assert marts.row("deals", deal_id="crm:d19")["request_id"] == "r"
    assert marts.rows("requests", "request_id", "deals") == [("r", 1)]


def test_a_circle_of_merges_ends_and_leaves_no_deal(tmp_path: Path) -> None:
    told = [deal(name, AT, "won", "5") for name in "abc"]
    marts = made(tmp_path, *told, merged("a", "b"), merged("b", "c"), merged("c", "a"), merged("x", "y"), merged("y", "x"))
    assert {row["meaning"] for row in marts.rows("deals")} == {"cleaning"}
    assert (marts.rows("requests"), marts.rows("money_events")) == ([], [])


def test_a_deal_merged_into_itself_is_not_merged(tmp_path: Path) -> None:
    marts = made(tmp_path, deal("a", AT, "won", "5", merged_into="a"))
    assert (marts.row("deals")["meaning"], marts.row("deals")["merged_into"]) == ("won", None)


def test_a_survivor_that_nothing_told_of_yet_leaves_the_other_deleted_all_the_same(tmp_path: Path) -> None:
    marts = made(tmp_path, deal("a", AT, "won", "5"), merged("a", "unheard"), payment("a", AT, "5", "p"))
    assert (marts.row("deals")["merged_into"], marts.row("deals")["request_id"]) == ("crm:unheard", "crm:crm:a")
    assert (marts.rows("requests"), marts.rows("money_events")) == ([], [])


def test_a_deal_that_was_restored_is_itself_again(tmp_path: Path) -> None:
    way = [deal("a", AT, "won", "5", phone="p"), deal("b", AT + HOUR, "won", "7"), merged("a", "b")]
    for name, alive in (("restored", {"is_deleted": False}), ("staged", {"stage": "won"})):
        marts = made(tmp_path / name, *way, deal("a", AT + 3 * DAY, **alive))
        assert marts.row("deals", deal_id="crm:a")["merged_into"] is None
        assert marts.row("deal_facts", deal_id="crm:b")["phone_hash"] is None
        assert sorted(marts.rows("requests", "request_id")) == ["crm:crm:a", "crm:crm:b"]


def test_a_merge_that_is_deleted_once_more_stays_a_merge(tmp_path: Path) -> None:
    way = [deal("a", AT, "won"), deal("b", AT, "won"), merged("a", "b"), deal("a", AT + 3 * DAY, is_deleted=True)]
    assert made(tmp_path, *way).row("deals", deal_id="crm:a")["merged_into"] == "crm:b"


@pytest.mark.parametrize(
    ("survivor", "expected"),
    [
        ([deal("b", AT, "working")], [("crm:b", "payment", "40.00"), ("crm:b", "payment", "-10.00")]),
        ([deal("b", AT, "working", "0")], [("crm:b", "payment", "40.00"), ("crm:b", "payment", "-10.00")]),
        ([deal("b", AT, "won", "100")], [("crm:b", "state", "100.00")]),
        ([deal("b", AT, "working", "100")], []),
        ([deal("b", AT, "working"), payment("b", AT + DAY, "60", "moved")], [("crm:b", "payment", "60.00")]),
    ],
    ids=["nothing", "zero", "sum", "sum not yet", "payment"],
)
def test_payments_of_a_merged_deal_count_where_its_survivor_tells_no_money(survivor: Any, expected: Any, tmp_path: Path) -> None:
    paid = [payment("a", AT, "40", "p1"), payment("a", AT + HOUR, "-10", "p2")]
    assert events(made(tmp_path, deal("a", AT, "won", "50"), *paid, *survivor, merged("a", "b"))) == expected


def test_a_merged_deal_is_nobodys_open_deal_and_no_deal_of_its_client(tmp_path: Path) -> None:
    """As a deleted one it would stay open for ever, and make every later request a repeat."""
    way = [deal("a", AT, "working", phone="p", contact="c"), deal("b", AT + HOUR, "lost", phone="p", contact="c"), merged("a", "b")]
    marts = made(tmp_path, request("r", AT - HOUR, phone="p"), *way, request("new", AT + 4 * DAY, phone="p"))
    assert marts.row("requests", request_id="new")["repeat_of"] is None
    assert [row["deals"] for row in marts.rows("customers")] == [1]


def test_a_call_that_a_merged_deal_named_is_no_spam(tmp_path: Path) -> None:
    rings = [rang(f"c{n}", AT + n * HOUR, 0, phone="p") for n in range(3)]
    way = [deal("a", AT + DAY, "working", call_id="c1"), deal("b", AT + DAY, "working"), merged("a", "b")]
    marts = marts_of(tmp_path, [*rings, *way], shop(**WON, calls={"spam": {"calls": 2}}))
    assert [row["is_spam"] for row in marts.rows("calls")] == [True, False, True]


ARRIVALS: dict[str, list[list[Record]]] = {
    "merged": [[deal("a", AT, "won", "5", phone="p"), deal("b", AT, "working"), payment("a", AT, "4", "p")], [merged("a", "b")]],
    "restored": [
        [deal("a", AT, "won", "5"), deal("b", AT, "working"), payment("a", AT, "4", "p"), merged("a", "b")],
        [deal("a", AT + 3 * DAY, is_deleted=False)],
    ],
    "merged anew": [
        [deal("a", AT, "won", phone="p"), deal("b", AT), deal("c", AT, "working"), payment("a", AT, "4", "p"), merged("a", "b")],
        [merged("a", "c", AT + 3 * DAY)],
    ],
    "late survivor": [[deal("a", AT, "won", "5", phone="p"), payment("a", AT, "4", "p"), merged("a", "b")], [deal("b", AT, "won")]],
    "late fact": [[deal("a", AT, "won"), deal("b", AT, "won", "3"), merged("a", "b")], [deal("a", AT + HOUR, phone="p")]],
    "late payment": [[deal("a", AT, "won"), deal("b", AT, "working"), merged("a", "b")], [payment("a", AT, "4", "p")]],
    "late sum": [
        [deal("a", AT, "won"), deal("b", AT, "won"), merged("a", "b"), payment("a", AT, "4", "p")],
        [deal("b", AT + HOUR, "won", "9")],
    ],
    "longer chain": [
        [deal("a", AT, "won", phone="p"), *(deal(d, AT, "won", "3") for d in "bc"), merged("a", "b")],
        [merged("b", "c", AT + 3 * DAY)],
    ],
}  # fmt: skip


@pytest.mark.parametrize("name", ARRIVALS)
def test_what_arrives_later_makes_the_tables_of_one_rebuild(name: str, tmp_path: Path) -> None:
    records = [request("r", AT - HOUR, phone="p"), *ARRIVALS[name][0]]
    marts = made(tmp_path, *records)
    write(tmp_path, ARRIVALS[name][1], NOW + DAY)
    marts.refresh(NOW + DAY)
    anew = Marts(tmp_path, shop(**WON))
    anew.refresh(NOW + DAY)
    tables, others = marts.everything(), anew.everything()
    assert_same({**tables, "joints": []}, {**others, "joints": []})
