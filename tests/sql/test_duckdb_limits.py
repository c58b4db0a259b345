"""DuckDB keeps to its share of the memory, spills what does not fit, and leaves nothing behind."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from infra.warehouse.duckdb import JOINS_AS_WRITTEN, MOST_MEMORY_BYTES, DuckDbWarehouse
from shared.errors import TooLarge

SMALL = 64 * 2**20
BIG = "CREATE TEMP TABLE big AS SELECT md5(CAST(i AS varchar)) AS a, md5(CAST(i * 7 AS varchar)) AS b FROM range(2000000) AS r (i)"


def limit_of(warehouse: DuckDbWarehouse) -> float:
    number, unit = warehouse.rows("SELECT current_setting('memory_limit') AS told")[0]["told"].split()
    return float(number) * {"MiB": 2**20, "GiB": 2**30}[unit]


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def test_the_machines_memory_is_not_taken_whole(tmp_path: Path) -> None:
    warehouse = DuckDbWarehouse(tmp_path)
    assert 0 < limit_of(warehouse) <= MOST_MEMORY_BYTES
    warehouse.close()


def test_an_in_memory_database_spills_into_a_folder_that_goes_with_it(tmp_path: Path, temporary: Path) -> None:
    warehouse = DuckDbWarehouse(tmp_path / "lake", threads=1, memory_bytes=SMALL)
    assert limit_of(warehouse) == pytest.approx(SMALL, rel=0.01)
    warehouse.connection.execute(BIG)
    assert list(temporary.glob("skvoz-spill-*/duckdb_temp*"))
    assert warehouse.rows("SELECT count(*) AS n FROM big")[0]["n"] == 2_000_000
    warehouse.close()
    assert list(temporary.iterdir()) == []


def test_a_database_file_spills_beside_itself(tmp_path: Path, temporary: Path) -> None:
    database = tmp_path / "marts" / "warehouse.duckdb"
    warehouse = DuckDbWarehouse(tmp_path, database, threads=1, memory_bytes=SMALL)
    warehouse.connection.execute(BIG)
    assert list(database.parent.glob("warehouse.duckdb.tmp/*"))
    warehouse.close()
    assert [path.name for path in database.parent.iterdir()] == ["warehouse.duckdb"]
    assert list(temporary.iterdir()) == []


def test_an_answer_that_is_too_large_is_read_no_further(tmp_path: Path) -> None:
    warehouse = DuckDbWarehouse(tmp_path)
    huge = "SELECT repeat('x', 100000) AS t FROM unnest(sequence(1, 100000)) AS r (n)"  # 10 GB as one
    with pytest.raises(TooLarge, match="more than 1,000,000 characters"):
        warehouse.rows(huge, 1_000_000)
    assert len(warehouse.rows("SELECT repeat('x', 9) AS t FROM unnest(sequence(1, 250)) AS r (n)", 9 * 250)) == 250


def test_joins_of_a_statement_that_asks_for_it_are_planned_as_written_and_those_of_the_next_are_not(tmp_path: Path) -> None:
    warehouse = DuckDbWarehouse(tmp_path)
    warehouse.connection.execute("CREATE TABLE few AS SELECT 1 AS n; CREATE TABLE many AS SELECT range AS n FROM range(100000)")
    text = "SELECT count(*) AS n FROM few AS a LEFT JOIN many AS b ON b.n = a.n"
    for line, disabled in ((f"{JOINS_AS_WRITTEN}\n", "build_side_probe_side"), ("", "")):
        assert warehouse.rows(line + text) == [{"n": 1}]
        assert warehouse.connection.execute("SELECT current_setting('disabled_optimizers')").fetchone() == (disabled,)
    warehouse.close()
