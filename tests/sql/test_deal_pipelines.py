"""Pipelines that stand apart, auxiliary (delivery) and marketing (ripening) ones, judge no deal (docs/method.md, section 2)."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

from tests.lakes import NOW, Marts, Record, assert_same, deal, marts_of, payment, request, shop, utc, write

AT = utc("10-05 10:00")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NAMES = {name: name for name in ("unsorted", "working", "qualified", "contract", "won", "lost")}
RULES: dict[str, Any] = {
    "stages": [
        {"stages": NAMES, "money_stage": "won"},
        {"pipeline": "contracts", "stages": NAMES, "money_stage": "contract"},
        {"pipeline": "delivery", "kind": "auxiliary"},
        {"pipeline": "warming", "kind": "marketing"},
        {"pipeline": "opened", "kind": "marketing"},
        {"pipeline": "opened", "valid_from": "2026-10-07", "stages": NAMES, "money_stage": "won"},
    ]
}


def made(tmp_path: Path, *records: Record) -> Marts:
    return marts_of(tmp_path, records, shop(**RULES))


def amounts(marts: Marts) -> list[tuple[int, str]]:
    return sorted((row["day"].day, str(row["amount"])) for row in marts.rows("money_events"))


def test_a_deal_in_delivery_keeps_its_meaning_and_its_money(tmp_path: Path) -> None:
    way = [deal("d", AT, "won", "100", pipeline="sales"), deal("d", AT + DAY, "packed", pipeline="delivery")]
    marts = made(tmp_path, *way, deal("d", AT + 2 * DAY, "lost"))
    row = marts.row("deals")
    assert (row["stage"], row["meaning"], row["pipeline"], row["pipeline_kind"]) == ("lost", "won", "delivery", "auxiliary")
    assert (row["is_unknown_stage"], row["is_confirmed"], row["is_apart"]) == (False, True, False)
    assert amounts(marts) == [(5, "100.00")]
    assert [row["pipeline_kind"] for row in marts.rows("deal_states")] == ["sales", "auxiliary", "auxiliary"]


def test_a_sum_that_changes_in_delivery_changes_the_money(tmp_path: Path) -> None:
    way = [deal("d", AT, "contract", "100", pipeline="contracts"), deal("d", AT + DAY, "packed", "90", pipeline="delivery")]
    assert amounts(made(tmp_path, *way)) == [(5, "100.00"), (6, "-10.00")]


def test_a_pipeline_that_stands_apart_has_no_money_stage(tmp_path: Path) -> None:
    way = [deal("d", AT, "qualified", "100", pipeline="sales"), deal("d", AT + DAY, "won", pipeline="delivery")]
    marts = made(tmp_path, *way)
    assert (marts.row("deals")["meaning"], amounts(marts)) == ("qualified", [])


def test_a_deal_that_ripened_counts_from_its_first_sales_pipeline_on(tmp_path: Path) -> None:
    ripe = [deal("d", AT, "won", "70", pipeline="warming", phone="p"), deal("d", AT + DAY, "won", pipeline="sales")]
    marts = made(tmp_path, request("r", AT - HOUR, phone="p"), *ripe)
    assert [row["meaning"] for row in marts.rows("deal_states")] == ["unsorted", "won"]
    assert (marts.row("deals")["is_apart"], marts.row("deals")["request_id"], amounts(marts)) == (False, "r", [(6, "70.00")])


def test_a_deal_that_only_ever_stood_apart_is_no_deal_of_the_report(tmp_path: Path) -> None:
    apart = [deal("m", AT, "won", "70", pipeline="warming", phone="p"), deal("m", AT + DAY, "won", pipeline="delivery")]
    marts = made(tmp_path, *apart, payment("m", AT, "30", "p1"))
    row = marts.row("deals")
    assert (row["is_apart"], row["is_confirmed"], row["was_qualified"], row["revenue"]) == (True, False, False, None)
    assert (marts.rows("requests"), marts.rows("money_events"), marts.rows("customers")) == ([], [], [])


def test_such_a_deal_takes_no_request_away_and_makes_none_a_repeat(tmp_path: Path) -> None:
    asked = [request("r", AT - HOUR, phone="p"), request("new", AT + DAY, phone="p")]
    both = [deal("m", AT - timedelta(minutes=1), "any", pipeline="warming", phone="p"), deal("d", AT, "lost", phone="p")]
    marts = made(tmp_path, *asked, *both)
    assert marts.row("deals", deal_id="crm:d")["request_id"] == "r"
    assert marts.rows("requests", "request_id", "deals", "repeat_of") == [("new", 0, None), ("r", 1, None)]
    named = made(tmp_path / "named", *asked, deal("m", AT, "won", pipeline="warming", request_id="r"))
    assert named.row("requests", request_id="r")["deals"] == 0


def test_a_state_before_its_pipeline_was_told_does_not_make_a_deal_one_of_sales(tmp_path: Path) -> None:
    marts = made(tmp_path, deal("m", AT, "won", "9", phone="p"), deal("m", AT + HOUR, "any", pipeline="warming"))
    row = marts.row("deals")
    assert (row["is_apart"], row["is_confirmed"], row["was_qualified"], amounts(marts)) == (True, False, False, [])


def test_what_a_pipeline_is_goes_by_the_day_of_the_event(tmp_path: Path) -> None:
    early = [deal("early", AT, "won", "5", pipeline="opened")]
    late = [deal("late", AT, "won", "5", pipeline="opened"), deal("late", AT + 2 * DAY, "won")]
    marts = made(tmp_path, *early, *late)
    assert marts.rows("deals", "deal_id", "is_apart", "meaning") == [("crm:early", True, "unsorted"), ("crm:late", False, "won")]
    assert amounts(marts) == [(7, "5.00")]


def test_a_deal_that_comes_into_sales_later_makes_the_tables_of_one_rebuild(tmp_path: Path) -> None:
    marts = made(tmp_path, request("r", AT - HOUR, phone="p"), deal("m", AT, "any", "7", pipeline="warming", phone="p"))
    assert marts.row("requests")["deals"] == 0
    write(tmp_path, [deal("m", AT + DAY, "won", pipeline="sales")], NOW + DAY)
    marts.refresh(NOW + DAY)
    anew = Marts(tmp_path, shop(**RULES))
    anew.refresh(NOW + DAY)
    assert marts.row("requests")["sales"] == 1
    assert_same({**marts.everything(), "joints": []}, {**anew.everything(), "joints": []})


def test_a_changed_kind_makes_history_anew(tmp_path: Path) -> None:
    marts = made(tmp_path, deal("m", AT, "won", "7", pipeline="warming"))
    marts.sites = [shop(stages=[{"stages": NAMES, "money_stage": "won"}])]
    marts.refresh(NOW + DAY)
    assert (marts.row("deals")["is_apart"], amounts(marts)) == (False, [(5, "7.00")])
