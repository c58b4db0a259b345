"""However records came and wherever the refresh died: the marts are those of one rebuild, and changes of closed days are noted."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.histories import random_history


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.proof) for seed in range(1, 5))])
def test_any_history_ends_in_the_tables_of_one_rebuild_with_its_changes_noted(seed: int, tmp_path: Path) -> None:
    random_history(tmp_path, seed).check()
