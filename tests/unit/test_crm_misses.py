"""Deals that a CRM does not find: asked for again, and told as deleted only when they stay missing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from functions.crm_webhook.api.http import CrmBusy
from functions.crm_webhook.misses import LAG, Misses
from functions.crm_webhook.outcome import Arrival, Outcome, Pointer

NOW = datetime(2026, 10, 12, 7, 0, 0, 123_456, tzinfo=UTC)
MILLIS = NOW.replace(microsecond=123_000)


def asked(at: datetime, *pointers: Pointer, missing: tuple[str, ...] = ("7",)) -> tuple[list[tuple[str, datetime]], list[Pointer]]:
    outcome = Outcome()
    misses = Misses(pointers, Arrival("shop", "cause", at, b"key"))
    assert set(missing) <= set(misses.ids)
    return misses.gone(missing, outcome), outcome.to_read


def test_a_first_miss_is_asked_for_again_and_tells_nothing() -> None:
    gone, again = asked(NOW, Pointer("deal", "7"))
    assert gone == []
    assert again == [Pointer("missing", f"7@{int(MILLIS.timestamp() * 1000)}")]


def test_a_deal_that_stays_missing_is_gone_since_then_whenever_that_is_read() -> None:
    _, (pointer,) = asked(NOW, Pointer("deal", "7"))
    for later in (LAG, timedelta(hours=5)):
        assert asked(NOW + later, pointer, Pointer("deal", "7")) == ([("7", MILLIS + LAG)], [])


def test_one_that_may_still_come_waits_with_its_order_or_is_put_off_from_among_others() -> None:
    _, (pointer,) = asked(NOW, Pointer("deal", "7"))
    with pytest.raises(CrmBusy):
        asked(NOW + timedelta(minutes=9), pointer)
    assert asked(NOW + timedelta(minutes=9), pointer, Pointer("deal", "8")) == ([], [pointer])


def test_one_that_is_found_again_is_told_nothing_of() -> None:
    _, (pointer,) = asked(NOW, Pointer("deal", "7"))
    assert asked(NOW + timedelta(hours=1), pointer, missing=()) == ([], [])


@pytest.mark.parametrize("odd", ["7", "7@", "7@yesterday", "7@999999999999999"])
def test_a_pointer_without_a_moment_is_a_first_miss(odd: str) -> None:
    gone, (again,) = asked(NOW, Pointer("missing", odd))
    assert (gone, again.id.partition("@")[0]) == ([], "7")
