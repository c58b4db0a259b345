"""Criteria of qualification and reasons of losses, by the site's settings (docs/method.md, requests, deals)."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from shared.errors import SettingsError
from tests.lakes import NOW, Record, call, deal, marts_of, request, shop, utc

AT = utc("10-05 10:00")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
WARM = {"filled": ["place", "budget"]}


def told(at: Any = AT, stage: str | None = "working", deal_id: str = "d", **attributes: str) -> Record:
    """A state of a deal with its filled fields."""
    text = orjson.dumps(attributes).decode() if attributes else None
    return deal(deal_id, at, stage, attributes=text)


def was_qualified(tmp_path: Path, criteria: list[dict[str, Any]], *records: Record) -> bool:
    return bool(marts_of(tmp_path, records, shop(qualification=criteria)).row("deals")["was_qualified"])


@pytest.mark.parametrize(
    ("criteria", "attributes", "expected"),
    [
        ([WARM], {"place": "Москва", "budget": "10"}, True),
        ([WARM], {"place": "Москва"}, False),
        ([WARM], {"place": "Москва", "budget": ""}, False),
        ([], {"place": "Москва", "budget": "10"}, False),
        ([{"equal": {"kind": ["опт", "Wholesale"]}}], {"kind": "ОПТ"}, True),
        ([{"equal": {"kind": ["опт", "Wholesale"]}}], {"kind": "wholesale"}, True),
        ([{"equal": {"kind": ["опт"]}}], {"kind": "оптом"}, False),
        ([{"equal": {"kind": ["опт"]}, "filled": ["kind", "place"]}], {"kind": "опт", "place": "x"}, True),
        ([{"equal": {"kind": ["опт"]}, "filled": ["kind", "place"]}], {"kind": "no", "place": "x"}, False),
        ([{"equal": {"kind": ["a"], "place": ["b"]}}], {"kind": "a", "place": "c"}, False),
        ([{"equal": {"kind": ['5" "kind":"x"']}}], {"kind": '5" "kind":"x"'}, True),
        ([{"equal": {"kind": ["x"]}}], {"kind": '5" "kind":"x"'}, False),
        ([{"filled": ["other"]}, WARM], {"place": "Москва", "budget": "10"}, True),
    ],
)
def test_a_criterion_asks_for_fields_that_are_filled_or_equal_in_any_case(
    criteria: Any, attributes: Any, expected: bool, tmp_path: Path
) -> None:
    assert was_qualified(tmp_path, criteria, told(**attributes)) is expected


def test_fields_that_came_one_by_one_count_together_and_once_qualified_stays_so(tmp_path: Path) -> None:
    way = [told(place="Москва"), told(AT + HOUR, budget="10"), told(AT + DAY, place="Тула")]
    assert was_qualified(tmp_path / "together", [WARM], *way)
    met = [told(kind="опт"), told(AT + HOUR, "lost", kind="розница")]
    assert was_qualified(tmp_path / "once", [{"equal": {"kind": ["опт"]}}], *met)


@pytest.mark.parametrize(
    ("day", "attributes", "expected"),
    [
        (4, {"a": "1"}, False),
        (5, {"a": "1"}, True),
        (7, {"b": "1"}, True),
        (7, {"c": "1"}, True),
        (7, {"a": "1"}, False),
    ],
)
def test_criteria_hold_from_their_day_until_the_next_day_that_has_any(
    day: int, attributes: dict[str, str], expected: bool, tmp_path: Path
) -> None:
    criteria = [
        {"valid_from": "2026-10-05", "filled": ["a"]},
        {"valid_from": "2026-10-07", "filled": ["b"]},
        {"valid_from": "2026-10-07", "filled": ["c"]},
    ]
    assert was_qualified(tmp_path, criteria, told(utc(f"10-{day:02d} 12:00"), **attributes)) is expected


def test_a_day_is_the_sites_own(tmp_path: Path) -> None:
    criteria = [{"valid_from": "2026-10-06", "filled": ["a"]}]
    assert was_qualified(tmp_path / "on", criteria, told(utc("10-05 21:00"), a="1"))
    assert not was_qualified(tmp_path / "before", criteria, told(utc("10-05 20:59"), a="1"))


def test_a_pipeline_that_stands_apart_qualifies_nobody(tmp_path: Path) -> None:
    rules: dict[str, Any] = {
        "stages": [{"stages": {"working": "working"}}, {"pipeline": "delivery", "kind": "auxiliary"}],
        "qualification": [{"filled": ["a"]}],
    }
    text = '{"a":"1"}'
    way = [deal("d", AT, "working", pipeline="sales"), deal("d", AT + HOUR, "sent", pipeline="delivery", attributes=text)]
    assert not marts_of(tmp_path / "apart", way, shop(**rules)).row("deals")["was_qualified"]
    back = [*way, deal("d", AT + DAY, "working", pipeline="sales")]
    assert marts_of(tmp_path / "back", back, shop(**rules)).row("deals")["was_qualified"]


def test_a_claim_is_never_qualified_and_a_lost_deal_that_met_the_criteria_is_not_disqualified(tmp_path: Path) -> None:
    assert not was_qualified(tmp_path / "claim", [WARM], told(stage="claim", place="x", budget="1"))
    lost = [request("r", AT - HOUR), deal("d", AT, "lost", request_id="r", attributes='{"place":"x","budget":"1"}')]
    row = marts_of(tmp_path, lost, shop(qualification=[WARM])).row("requests")
    assert (row["is_qualified"], row["is_disqualified"]) == (True, False)


def test_changed_criteria_make_history_anew(tmp_path: Path) -> None:
    marts = marts_of(tmp_path, [told(place="x", budget="1")])
    marts.sites = [shop(qualification=[WARM])]
    marts.refresh(NOW + DAY)
    assert marts.row("deals")["was_qualified"]


# Reasons of losses

LOSSES: dict[str, Any] = {
    "loss_reasons": [
        {"group": "Дорого", "reasons": ["Нет бюджета", "price", 17]},
        {"group": "Дубли", "reasons": ["Дубль"], "is_duplicate": True},
    ]
}


@pytest.mark.parametrize(
    ("reason", "group"), [("нет бюджета", "Дорого"), ("PRICE", "Дорого"), ("17", "Дорого"), ("дубль", "Дубли"), ("other", None)]
)
def test_a_reason_stands_in_its_group_in_any_case(reason: str, group: str | None, tmp_path: Path) -> None:
    row = marts_of(tmp_path, [deal("d", AT, "lost", loss_reason=reason)], shop(**LOSSES)).row("deals")
    assert (row["loss_reason"], row["loss_group"]) == (reason, group)


def test_a_deal_lost_as_a_duplicate_is_not_confirmed(tmp_path: Path) -> None:
    way = (("double", "lost", "Дубль"), ("dear", "lost", "price"), ("alive", "working", "Дубль"))
    lost = [deal(name, AT, stage, loss_reason=reason, request_id=name) for name, stage, reason in way]
    marts = marts_of(tmp_path, [*(request(name, AT - HOUR) for name in ("double", "dear", "alive")), *lost], shop(**LOSSES))
    told = marts.rows("deals", "deal_id", "is_confirmed", "is_duplicate")
    assert told == [("crm:alive", True, False), ("crm:dear", True, False), ("crm:double", False, True)]
    assert marts.rows("requests", "request_id", "is_counted") == [("alive", True), ("dear", True), ("double", False)]


def test_a_target_call_counts_whatever_the_crm_calls_its_deal(tmp_path: Path) -> None:
    rang = [call("r", AT - HOUR, phone="p"), deal("d", AT, "lost", loss_reason="Дубль", request_id="r")]
    assert marts_of(tmp_path, rang, shop(**LOSSES)).row("requests")["is_counted"]


def test_changed_groups_make_history_anew(tmp_path: Path) -> None:
    marts = marts_of(tmp_path, [deal("d", AT, "lost", loss_reason="Дубль")])
    assert marts.row("requests")["is_counted"]
    marts.sites = [shop(**LOSSES)]
    marts.refresh(NOW + DAY)
    assert (marts.row("deals")["loss_group"], marts.row("requests")["is_counted"]) == ("Дубли", False)


@pytest.mark.parametrize(
    ("closed", "group", "is_duplicate"),
    [
        ("10-04 12:00", None, False),
        ("10-05 12:00", "Дубли", True),
        ("10-06 20:59:59", "Дубли", True),
        ("10-06 21:00", "Повторы", False),  # midnight in Moscow
    ],
)
def test_a_reason_goes_by_the_rule_of_the_day_on_which_the_deal_was_lost(
    closed: str, group: str | None, is_duplicate: bool, tmp_path: Path
) -> None:
    rules = [
        {"valid_from": "2026-10-07", "group": "Повторы", "reasons": ["дубль"]},
        {"valid_from": "2026-10-05", "group": "Дубли", "reasons": ["Дубль"], "is_duplicate": True},
    ]
    way = [
        deal("d", utc("10-01 12:00"), "working"),
        deal("d", utc(closed), "lost"),
        deal("d", utc("10-15 12:00"), loss_reason="Дубль"),
    ]
    marts = marts_of(tmp_path, way, shop(loss_reasons=rules))
    row = marts.row("deals")
    assert (row["loss_group"], row["is_duplicate"], row["is_confirmed"]) == (group, is_duplicate, not is_duplicate)


def test_one_reason_has_one_rule_a_day() -> None:
    twice = [{"group": name, "reasons": ["Дубль"]} for name in ("a", "b")]
    with pytest.raises(SettingsError, match="loss_reasons"):
        shop(loss_reasons=twice)
    assert shop(loss_reasons=[twice[0], {**twice[1], "valid_from": "2026-10-07"}]).loss_reasons[0].valid_from.year == 2000
