"""The statements of `make smoke` before a real Trino, which is what Athena is made of: it understands each, and runs none."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from functions.attribution.ddl import ALL, create_statements
from functions.attribution.rules import RULE_TABLES
from infra.servers.trino import OLDEST_JAVA, TrinoServer
from infra.smoke.explain import explained
from infra.smoke.statements import Statement, statements
from shared.records import KINDS
from shared.trino import TrinoWarehouse
from tests.lakes import NOW
from tests.real_trino import warehouse as trino
from tests.requires import need_java, need_maven

pytestmark = [pytest.mark.proof, pytest.mark.trino]


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TrinoWarehouse]:
    """A Trino with every table, all empty."""
    need_java(OLDEST_JAVA)
    need_maven()
    with TrinoServer(tmp_path_factory.mktemp("smoke")) as server:
        made = trino(TrinoWarehouse, server, "smoke")
        made.open_lake((*KINDS.values(), *RULE_TABLES))
        for sql in create_statements(made.ddl_dialect, ""):
            made.run(sql)
        yield made


def test_every_statement_is_understood_and_none_is_run(warehouse: TrinoWarehouse) -> None:
    asked = statements([], NOW)
    answers = explained(warehouse, asked, time.sleep)
    assert {(a.statement.what, a.statement.sql.split(" ")[0], a.words) for a in answers if a.words} == set()
    assert len(answers) == len(asked)
    assert {t.name: warehouse.rows(f"SELECT count(*) AS n FROM {t.name}")[0]["n"] for t in ALL} == {t.name: 0 for t in ALL}


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("SELECT string_agg(site_id, ',') FROM hits", "string_agg"),
        ("SELECT nobody FROM hits", "COLUMN_NOT_FOUND"),
        ("MERGE INTO nowhere AS t USING (SELECT 1 AS a) AS s ON t.a = s.a WHEN MATCHED THEN DELETE", "nowhere"),
    ],
)
def test_what_is_not_understood_is_told_in_the_engines_words(warehouse: TrinoWarehouse, sql: str, words: str) -> None:
    (answer,) = explained(warehouse, [Statement("one", sql, ())], time.sleep)
    assert words in answer.words
