"""Deletions whose events are lost: the regular check finds them once a day, whatever happens on the way."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from functions.crm_webhook.bitrix24.gone import memory
from infra.doubles.bitrix24.portal import DEAL, LEAD
from shared.errors import TryLater
from shared.lake import Lake
from tests.api.crm_bitrix24 import BEGIN, World, opened

DAY = 86_400


@pytest.fixture
def world() -> Iterator[World]:
    with opened() as made:
        yield made


def check(world: World, **section: Any) -> bool:
    return world.reconciler().check(world.site(**section), "bitrix24", lambda: True).is_done


def deleted(world: World) -> set[str]:
    return {state["deal_id"] for state in world.stored() if state.get("is_deleted")}


def test_a_deletion_that_nobody_told_is_found_within_a_day(world: World) -> None:
    for number in (1, 2, 3):
        world.portal.add(DEAL, {}, number)
    world.portal.add(LEAD, {}, 3)
    world.portal.add(1220, {"stageId": "DT1220_9:NEW"}, 3)
    world.sleep(60)
    assert check(world, processes=[1220])
    world.portal.delete(DEAL, 3)
    world.portal.delete(LEAD, 3)
    world.portal.delete(1220, 3)
    world.sleep(DAY)
    assert check(world, processes=[1220])
    assert deleted(world) == {"3", "lead:3", "T1220:3"}


def test_what_was_made_and_deleted_between_two_sweeps_is_found(world: World) -> None:
    world.portal.add(DEAL, {}, 1)
    world.sleep(60)
    assert check(world)
    world.portal.deliver = lambda body, headers: world.hear(body, world.site())
    world.portal.add(DEAL, {}, 2)
    world.portal.deliver = None
    world.portal.delete(DEAL, 2)
    world.sleep(DAY)
    assert check(world)
    assert deleted(world) == {"2"}


def test_deals_of_a_backfill_are_missed_too(world: World) -> None:
    world.portal.add(DEAL, {}, 1)
    world.sleep(60 * DAY)
    day = BEGIN.date()
    assert world.reconciler().backfill(world.site(), "bitrix24", day, day, lambda: True).is_done
    world.portal.delete(DEAL, 1)
    assert check(world)
    assert deleted(world) == {"1"}


def test_a_deal_that_is_hidden_is_not_deleted_and_is_missed_later(world: World) -> None:
    world.portal.add(DEAL, {}, 1)
    world.sleep(60)
    assert check(world)
    world.portal.hidden.add((DEAL, 1))
    world.sleep(DAY)
    assert check(world)
    assert deleted(world) == set()
    world.portal.hidden.clear()
    world.portal.delete(DEAL, 1)
    world.sleep(DAY)
    assert check(world)
    assert deleted(world) == {"1"}


def test_the_sweep_runs_once_a_day_and_asks_for_2500_deals_by_one_call(world: World) -> None:
    for number in range(1, 2600, 13):
        world.portal.add(DEAL, {}, number)
    world.sleep(3600)
    assert check(world)
    world.sleep(900)
    calls = world.portal.bucket.calls
    assert check(world)
    assert world.portal.bucket.calls == calls + 4  # four lists of what changed
    world.sleep(DAY)
    calls = world.portal.bucket.calls
    assert check(world)
    assert world.portal.bucket.calls == calls + 5 + 1  # ids of two blocks lie in two pages


def test_a_deletion_is_told_until_it_is_surely_kept_and_then_no_more(world: World) -> None:
    world.portal.add(DEAL, {}, 1)
    world.sleep(60)
    assert check(world)
    world.portal.delete(DEAL, 1)
    times = []
    for _ in range(4):
        world.sleep(DAY)
        before = len(world.stored())
        assert check(world)
        times.append(len(world.stored()) - before)
    assert times == [1, 1, 0, 0]


def test_a_sweep_that_is_cut_off_loses_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "BLOCK", 10)
    for number in range(1, 101):
        world.portal.add(DEAL, {}, number)
    world.sleep(60)
    assert check(world)
    for number in range(5, 101, 10):
        world.portal.delete(DEAL, number)
    world.sleep(DAY)
    append, failures = Lake.append, iter([True, False] * 20)

    def put(lake: Lake, *told: Any) -> None:
        if next(failures, False):
            raise TryLater("the lake cannot be reached")
        append(lake, *told)

    monkeypatch.setattr(Lake, "append", put)
    tries = 1
    while not check(world):
        tries += 1
        world.sleep(30)
    assert tries > 5
    assert deleted(world) == set(map(str, range(5, 101, 10)))


def test_a_portal_that_lists_nothing_for_a_while_does_not_lose_its_deals(world: World) -> None:
    for number in (1, 2):
        world.portal.add(DEAL, {}, number)
    world.sleep(60)
    assert check(world)
    lagging = dict(world.portal.items[DEAL])
    world.portal.items[DEAL].clear()
    world.sleep(DAY)
    assert check(world)
    assert deleted(world) == {"1", "2"}
    world.portal.items[DEAL] |= lagging
    world.sleep(DAY)
    assert check(world)
    last = {state["deal_id"]: state["is_deleted"] for state in in_order(world) if "is_deleted" in state}
    assert last == {"1": False, "2": False}


def in_order(world: World) -> list[dict[str, Any]]:
    return sorted(world.stored(), key=lambda one: (one["occurred_at"], one["record_id"][:13], one["received_at"]))


def test_ids_are_kept_apart_by_site(world: World) -> None:
    first, other = (memory.Memory(world.tools.pace, site) for site in ("kvartal", "other"))
    first.seen(DEAL, ["1", "2500", "2501", "9" * 19, "x"])
    assert [sorted(block.ids) for block in first.blocks("")] == [["1"], ["2500", "2501"], ["9" * 19]]
    assert other.blocks("") == []
    at = int(timedelta(days=1).total_seconds() * 1000)
    first.missed(DEAL, ["1"], at)
    assert first.seen(DEAL, ["1", "2"]) == {"1": at}
    first.drop(first.blocks("")[0].place, ["1", "2"])
    assert first.blocks("")[0].ids == frozenset()
