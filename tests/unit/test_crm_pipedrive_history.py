"""Pipedrive: what the changelog of a deal becomes."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from functions.crm_webhook.outcome import Arrival
from functions.crm_webhook.pipedrive.deal import Deal, Reader
from functions.crm_webhook.pipedrive.history import history_states
from functions.crm_webhook.reading import Private
from tests.api.crm_apis import KEY

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
ARRIVAL = Arrival("shop", "delivery-1", NOW, KEY)
DEAL = {"id": 8817, "value": 100, "currency": "RUB", "status": "open", "stage_id": 72, "pipeline_id": 12}
TIMES = {"add_time": "2026-10-12T07:56:02Z", "update_time": "2026-10-14T09:15:40Z"}


def line(field: str, before: Any, after: Any, at: str) -> dict[str, Any]:
    return {"field_key": field, "old_value": before, "new_value": after, "time": f"2026-10-{at}", "actor_user_id": 1}


def history(lines: list[dict[str, Any]], **data: Any) -> list[tuple[str, dict[str, Any]]]:
    reader = Reader(ARRIVAL, {}, Private([], KEY), Counter())
    made = history_states(Deal({**DEAL, **TIMES, **data}), lines[::-1], reader)
    ordered = sorted(made, key=lambda state: ((state.told_at or NOW), state.rank))
    return [(f"{state.told_at:%d %H:%M:%S}", dict(state.values)) for state in ordered]


def test_a_deal_begins_with_what_each_field_was_before_its_first_change() -> None:
    lines = [
        line("stage_id", "71", "72", "13 10:00:00"),
        line("value", "0", "186400", "14 08:00:00"),
        line("title", "a", "b", "14 08:00:00"),
        line("status", "open", "won", "14 09:15:40"),
    ]
    assert history(lines, status="won", value=186400, won_time="2026-10-14T09:15:40Z") == [
        ("12 07:56:02", {"stage": "71", "pipeline": "12", "amount": Decimal("0.00"), "currency": "RUB"}),
        ("13 10:00:00", {"stage": "72"}),
        ("14 08:00:00", {"amount": Decimal("186400.00")}),
        ("14 09:15:40", {"stage": "won"}),
    ]


def test_a_closing_that_people_dated_back_is_told_at_that_time_and_not_undone_by_later_typing() -> None:
    lines = [
        line("stage_id", "71", "72", "14 09:00:00"),
        line("status", "open", "won", "14 09:15:40"),
    ]
    assert [one for one in history(lines, status="won", won_time="2026-10-13T12:00:00Z") if "stage" in one[1]] == [
        ("12 07:56:02", {"stage": "71", "pipeline": "12", "amount": Decimal("100.00"), "currency": "RUB"}),
        ("13 12:00:00", {"stage": "won"}),
    ]


def test_a_deal_lost_opened_again_and_won_tells_all_three() -> None:
    lines = [
        line("status", "open", "lost", "12 10:00:00"),
        line("lost_reason", None, "price", "12 10:00:00"),
        line("status", "lost", "open", "13 10:00:00"),
        line("status", "open", "won", "14 09:15:40"),
    ]
    found = history(lines, status="won", won_time="2026-10-14T09:15:40Z")
    assert [one[1].get("stage") for one in found] == ["72", "lost", "72", "won"]
    assert found[1][1]["loss_reason"] == "price"


def test_a_deal_imported_as_won_was_open_before_its_own_time_of_winning() -> None:
    found = history([], status="won", won_time="2026-10-13T00:00:00Z")
    assert [(at, one["stage"]) for at, one in found] == [("12 07:56:02", "72"), ("13 00:00:00", "won")]


def test_odd_sums_of_the_history_are_rounded_or_counted() -> None:
    reader = Reader(ARRIVAL, {}, Private([], KEY), Counter())
    lines = [line("value", "33.333333", "1e16", "13 10:00:00"), line("value", "1e16", "199.999", "14 09:00:00")]
    made = history_states(Deal({**DEAL, **TIMES}), lines[::-1], reader)
    assert [str(one.values["amount"]) for one in made if "amount" in one.values] == ["33.33", "200.00"]
    assert reader.passed_over == {"unreadable_field": 1}


def test_two_moves_within_a_second_are_both_told_in_their_order() -> None:
    lines = [line("stage_id", "71", "72", "14 09:00:00"), line("stage_id", "72", "73", "14 09:00:00")]
    assert [one["stage"] for _, one in history(lines, stage_id=73)] == ["71", "72", "73"]
