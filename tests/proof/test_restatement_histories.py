"""Restatement at length: a refresh that dies before and after every one of its statements, and many random histories."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from tests.histories import History, random_history
from tests.random_lakes import random_records, random_shop, shuffled

pytestmark = pytest.mark.proof
MODELS = {"attribution": {"lookback_days": 9, "reset_after": "sale", "path_transforms": ["exposure"], "markov_order": 2}}


@pytest.mark.parametrize("seed", range(100, 130))
def test_any_history_ends_in_the_tables_of_one_rebuild_with_its_changes_noted(seed: int, tmp_path: Path) -> None:
    random_history(tmp_path, seed, visitors=6 + seed % 3 * 8).check()


@pytest.mark.parametrize("is_given_up", [False, True], ids=["goes on and does it again", "is begun anew"])
def test_a_refresh_may_die_at_any_of_its_statements(is_given_up: bool, tmp_path: Path) -> None:
    """Each delivery's refresh dies one statement later than the one before; the first ones are the tables' own."""
    records = random_records(seed=17, visitors=6)
    history = History(tmp_path, random_shop(**MODELS))
    first, *deliveries = shuffled(records, 17, 80)
    history.arrive(first)
    history.refresh()
    place = tables = history.warehouse.tables
    for delivered in deliveries:
        place += 1
        history.now += timedelta(hours=3)
        history.arrive(delivered)
        if not history.die(place, after=not is_given_up):
            break
        if is_given_up:
            history.give_up()
        history.refresh()
    else:
        pytest.fail(f"the refresh has more than {place - tables} statements: deliver oftener")
    history.check()
