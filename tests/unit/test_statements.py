"""Texts of the SQL: files with their parts, DDL per engine, and the one way a table is written."""

from __future__ import annotations

import re
from pathlib import Path

import duckdb
import pytest
import sqlglot

from functions.attribution import statements
from functions.attribution.own_parameters import decoded, mark_columns
from functions.attribution.path_tables import CREDITS
from functions.attribution.rules import RULE_TABLES
from functions.attribution.statements import append, create_table, insert, merge, render, render_text, sql_text, update
from functions.attribution.steps import STEPS
from functions.attribution.table import Table
from functions.attribution.tables import COSTS, MARTS
from functions.attribution.visit_tables import HITS, SESSIONS
from functions.attribution.working_tables import STAGED, WORKING
from infra.warehouse.duckdb import to_duckdb
from shared.records import KINDS, Column
from shared.robots import cleaned_sql
from shared.settings import parse_settings
from shared.trino_place import TrinoPlace
from shared.trino_tables import folder_of, lake_schema, missing_tables, table_of
from tests.athena_functions import ATHENA_FUNCTIONS, called

SQL = sorted((Path(render.__code__.co_filename).parent / "sql").glob("*.sql"))
ROOT = Path(__file__).parents[2]
EVERY_SQL = sorted(path for folder in ("functions/*/sql", "infra/sources/sql") for path in ROOT.glob(f"{folder}/*.sql"))
TABLES = (*WORKING, *MARTS)
SMALL = Table(
    "small",
    "A table.",
    ("id",),
    (
        Column("site_id", "varchar", "site"),
        Column("id", "varchar", "id"),
        Column("received_at", "timestamp", "when"),
        Column("occurred_at", "timestamp", "when"),
        Column("name", "varchar", "what's told"),
        Column("refresh_id", "varchar", "refresh"),
    ),
)


def test_a_part_is_put_in_with_its_values() -> None:
    text = "WITH\n-- include: part_path_none from=path to=steps\nx AS (SELECT {column} FROM steps)"
    assert render_text(text, column="a") == (
        "WITH\n-- Every touch of the path counts.\nsteps AS (SELECT * FROM path),\nx AS (SELECT a FROM steps)"
    )


def test_a_part_that_the_caller_names_is_put_in() -> None:
    assert "steps AS (SELECT * FROM path)" in render_text("-- include: :transform from=path to=steps", transform="part_path_none")


def test_an_unknown_part_is_an_error() -> None:
    with pytest.raises(FileNotFoundError):
        render_text("-- include: part_of_nothing")


@pytest.mark.parametrize("path", SQL, ids=lambda path: path.stem)
def test_every_file_begins_with_its_question(path: Path) -> None:
    """That it is used at all: tests/api/test_smoke.py."""
    first = next(line for line in sql_text(path.stem).splitlines() if not line.startswith("-- include"))
    assert first.startswith("-- ") or first == "WITH", path.name


def test_names_of_steps_are_unique() -> None:
    assert len({step.name for step in STEPS}) == len(STEPS)


@pytest.mark.parametrize("path", EVERY_SQL, ids=lambda path: f"{path.parent.parent.name}/{path.stem}")
def test_only_functions_that_athena_documents_are_called(path: Path) -> None:
    assert called(path.read_text(encoding="utf-8")) <= ATHENA_FUNCTIONS


def test_what_is_put_into_the_statements_calls_no_others() -> None:
    site = parse_settings(
        {"site_id": "a", "name": "a", "hosts": ["a.example"],
         "sources": {"parameters": {"utm_source": ["from"]}, "click_ids": {"x": {"source": "x"}}}}
    )  # fmt: skip
    columns, _ = mark_columns(site)
    names = called(" ".join([*columns.values(), decoded("a"), cleaned_sql("a")]))
    assert "url_decode" in names
    assert names <= ATHENA_FUNCTIONS


@pytest.mark.parametrize(
    ("sql", "names"),
    [
        ("SELECT lower(trim (a)) FROM t", {"lower", "trim"}),
        ("SELECT CAST(a AS decimal(18, 2)), 'nope(', x -- off(\nFROM (VALUES (1)) AS v (x)", {"cast"}),
        ("INSERT INTO requests (a) SELECT approx_percentile(a, 0.5) OVER (PARTITION BY b) FROM t", {"approx_percentile"}),
        ("WITH path AS (SELECT {column} FROM t WHERE a IN (:list)), list_filter (a) AS (SELECT 1)", {"list_filter"}),
    ],
)
def test_a_call_is_told_from_names_types_and_texts(sql: str, names: set[str]) -> None:
    assert called(sql) == names


@pytest.mark.parametrize("path", SQL, ids=lambda path: path.stem)
def test_no_decimal_literal_without_its_digits(path: Path) -> None:
    """DuckDB reads DECIMAL '0.000001' as decimal(18,3), which is 0."""
    assert not re.search(r"\bdecimal\s*'", sql_text(path.stem), re.IGNORECASE)


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_ddl_has_every_column_for_every_engine(table: Table) -> None:
    for dialect, read in (("duckdb", "duckdb"), ("iceberg_trino", "trino"), ("iceberg_athena", "athena")):
        tree = sqlglot.parse_one(create_table(table, dialect, "s3://lake/marts/"), read=read)
        columns = [column.this.name for column in tree.this.expressions]
        assert columns == table.column_names, dialect


def test_ddl_is_partitioned_by_day_where_rows_come_by_the_million() -> None:
    assert "partitioning = ARRAY['day']" in create_table(HITS, "iceberg_trino", "")
    assert "PARTITIONED BY (day)" in create_table(SESSIONS, "iceberg_athena", "s3://lake/marts/")
    assert "LOCATION 's3://lake/marts/costs/'" in create_table(COSTS, "iceberg_athena", "s3://lake/marts/")
    assert "PARTITIONED" not in create_table(CREDITS, "iceberg_athena", "s3://lake/marts/")


def test_an_unknown_dialect_is_an_error() -> None:
    with pytest.raises(ValueError, match="no DDL for the dialect"):
        create_table(SMALL, "csv", "")


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_keys_are_columns_of_the_table_and_every_table_knows_site_and_refresh(table: Table) -> None:
    assert {"site_id", "refresh_id", *table.key} <= set(table.column_names)
    assert len(set(table.column_names)) == len(table.column_names)


@pytest.fixture
def small() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute(create_table(SMALL, "duckdb", ""))
    connection.execute(to_duckdb(insert(SMALL, rows(("a", 5, "gone"), ("b", 5, "same"), ("c", 5, "old"), refresh="1"))))
    connection.execute(to_duckdb(insert(SMALL, rows(("a", 5, "other site"), site="other", refresh="1"))))
    return connection


def rows(*told: tuple[str, int, str], site: str = "s", refresh: str = "2") -> str:
    lines = (
        f"SELECT '{site}' AS site_id, '{key}' AS id, TIMESTAMP '2026-10-0{day} 00:00:00' AS received_at,"
        f" TIMESTAMP '2026-10-01 00:00:00' AS occurred_at, '{name}' AS name, '{refresh}' AS refresh_id"
        for key, day, name in told
    )
    return "\nUNION ALL ".join(lines)


def kept(connection: duckdb.DuckDBPyConnection) -> list[tuple[str, ...]]:
    return connection.execute("SELECT site_id, id, name, refresh_id FROM small ORDER BY 1, 2").fetchall()


def test_merge_writes_only_what_differs_and_deletes_what_vanished(small: duckdb.DuckDBPyConnection) -> None:
    new = rows(("b", 5, "same"), ("c", 5, "new"), ("d", 5, "added"))
    small.execute(to_duckdb(merge(SMALL, new, "SELECT * FROM small WHERE site_id = 's'")))
    assert kept(small) == [
        ("other", "a", "other site", "1"),
        ("s", "b", "same", "1"),
        ("s", "c", "new", "2"),
        ("s", "d", "added", "2"),
    ]


def test_merge_leaves_alone_what_the_old_selection_does_not_name(small: duckdb.DuckDBPyConnection) -> None:
    small.execute(to_duckdb(merge(SMALL, rows(("c", 5, "new")), "SELECT * FROM small WHERE site_id = 's' AND id = 'c'")))
    assert [row[1:3] for row in kept(small)] == [("a", "other site"), ("a", "gone"), ("b", "same"), ("c", "new")]


def test_append_adds_and_lets_the_earliest_arrival_stand(small: duckdb.DuckDBPyConnection) -> None:
    small.execute(to_duckdb(append(SMALL, rows(("a", 4, "earlier"), ("b", 5, "again"), ("c", 6, "later"), ("d", 5, "new")))))
    assert [row[1:] for row in kept(small)][1:] == [
        ("a", "earlier", "2"),
        ("b", "same", "1"),
        ("c", "old", "1"),
        ("d", "new", "2"),
    ]


def test_update_neither_adds_nor_deletes(small: duckdb.DuckDBPyConnection) -> None:
    small.execute(to_duckdb(update(SMALL, rows(("c", 5, "new"), ("d", 5, "nobody")))))
    assert [row[2] for row in kept(small)] == ["other site", "gone", "same", "new"]


@pytest.mark.parametrize(
    ("athena", "expected"),
    [
        ("SELECT 7 / 2", 3),
        ("SELECT date_diff('day', TIMESTAMP '2026-10-01 23:00:00', TIMESTAMP '2026-10-02 01:00:00')", 0),
        ("SELECT date_diff('millisecond', TIMESTAMP '2026-10-01 00:00:00', TIMESTAMP '2026-10-01 00:00:00.250')", 250),
        ("SELECT CAST(date_add('day', -2, DATE '2026-10-01') AS varchar)", "2026-09-29"),
        ("SELECT min_by(a, b) FROM (VALUES (NULL, 1), ('x', 2)) AS t (a, b)", None),
        ("SELECT max_by(a, b) FILTER (WHERE a IS NOT NULL) FROM (VALUES (NULL, 3), ('x', 2)) AS t (a, b)", "x"),
        ("SELECT date_format(TIMESTAMP '2026-10-01 01:02:03.4', '%Y-%m-%d %H:%i:%s.%f')", "2026-10-01 01:02:03.400000"),
        ("SELECT CAST(CAST(5 AS decimal(18, 0)) * 0.000001 AS varchar)", "0.000005"),
    ],
)
def test_the_translation_keeps_the_meaning(athena: str, expected: object) -> None:
    connection = duckdb.connect()
    connection.execute("SET integer_division = true")
    (row,) = connection.execute(to_duckdb(athena)).fetchall()
    assert row[0] == expected


def test_raw_and_rule_tables_for_a_trino_have_the_columns_of_the_contracts() -> None:
    place = TrinoPlace("trino", 443, "skvoz", lake_catalog="hive", schema="shop", location="s3://lake")
    assert lake_schema(place) == "CREATE SCHEMA IF NOT EXISTS hive.shop WITH (location = 's3://lake/marts')"
    kinds = [*KINDS.values(), *RULE_TABLES]
    for text, kind in zip(missing_tables(place, kinds, {}), kinds, strict=True):
        assert text.startswith(f"CREATE TABLE IF NOT EXISTS hive.shop.{table_of(kind)} (")
        assert f"external_location = 's3://lake/{folder_of(kind)}'" in text
        columns = re.findall(r"^    (\w+) ", text, re.MULTILINE)
        assert columns == [c.name for c in kind.columns] + ["arrival_day"] * (kind.name in KINDS)


def test_staged_tables_keep_every_field_of_their_records() -> None:
    for kind, table in STAGED.items():
        assert {c.name for c in KINDS[kind].columns} < set(table.column_names)


def test_the_version_of_the_queries_covers_the_code_that_makes_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    before = statements.sql_version()
    statements.sql_version.cache_clear()
    monkeypatch.setattr(statements, "_CODE_OF_FIGURES", ())
    try:
        assert statements.sql_version() != before
    finally:
        statements.sql_version.cache_clear()
