"""SQL of own sections: what is taken, what is refused, and what an engine is asked."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest
import sqlglot
from sqlglot.errors import SqlglotError

from functions.attribution.bi.views import VIEWS as BI_VIEWS
from functions.attribution.tables import MARTS as ALL_MARTS
from functions.report.own.query import MARTS, VIEWS, query_of
from functions.report.own.reading import read_select
from functions.report.own.section import mistakes_of
from functions.report.own.words import KEYWORDS
from shared.errors import BadInput
from shared.report_settings import OwnSection
from tests.own_cases import VALUES
from tests.report_cases import PERIOD


def test_tables_that_a_query_may_name_are_the_marts_and_the_views_for_bi() -> None:
    assert set(VIEWS) == {view.name for view in BI_VIEWS}
    assert set(MARTS) == {table.name for table in ALL_MARTS} | {"touches"}


def test_a_query_sees_its_own_site_alone_and_no_more_rows_than_are_shown() -> None:
    sql = query_of("select manager, count(*) from deals group by manager", VALUES)
    assert sql == (
        "WITH deals AS (SELECT * FROM deals WHERE site_id = 'kvartal') "
        "select manager, count(*) from deals group by manager\nLIMIT 1001"
    )


def test_parameters_are_literals_and_comments_vanish() -> None:
    sql = query_of(
        "WITH won AS (SELECT * FROM deals WHERE sale_day BETWEEN :first_day AND :last_day -- the period's\n)\n"
        "/* all of them */ SELECT ':model' AS text, :model AS model FROM won LIMIT 10;",
        VALUES,
    )
    assert sql == (
        "WITH deals AS (SELECT * FROM deals WHERE site_id = 'kvartal'), won AS (SELECT * FROM deals WHERE sale_day BETWEEN "
        f"DATE '{PERIOD.first}' AND DATE '{PERIOD.last}' ) SELECT ':model' AS text, 'linear' AS model FROM won LIMIT 10"
    )


TAKEN = [
    "SELECT 1 AS n",
    "SELECT * FROM (VALUES (1, 2), (3, 4)) AS v (a, b)",
    "SELECT a.request_id FROM requests a, deals b, (SELECT 1 AS n) c WHERE a.request_id = b.request_id",
    "SELECT r.*, d.revenue AS won FROM requests r LEFT JOIN (deals d CROSS JOIN costs c) ON r.request_id = d.request_id",
    "SELECT * FROM requests WHERE repeat_of IS NOT DISTINCT FROM duplicate_of AND loss_reason IS DISTINCT FROM 'x'",
    "SELECT t.tag FROM deals CROSS JOIN UNNEST(CAST(json_parse(tags) AS array(varchar))) WITH ORDINALITY AS t (tag, n)",
    'SELECT "from", "select" FROM (SELECT 1 AS "from", 2 AS "select") AS "deals of mine"',
    "SELECT 1 AS n UNION ALL SELECT count(*) FROM deals WHERE deal_id IN (SELECT deal_id FROM money_events) ORDER BY n",
    "SELECT sum(revenue) OVER (PARTITION BY manager ORDER BY day, deal_id) AS s, 'a, b from secret; --' AS t FROM deals",
    "WITH a AS (SELECT 1 AS x), b (y) AS (SELECT x FROM a) SELECT * FROM a, b WHERE EXISTS (SELECT 1 FROM b WHERE y = x)",
    "SELECT r.request_id, d.n FROM requests r, LATERAL (SELECT count(*) AS n FROM deals WHERE request_id = r.request_id) d",
]


@pytest.mark.parametrize("sql", TAKEN)
def test_a_plain_select_is_taken(sql: str) -> None:
    assert query_of(sql, VALUES)


REFUSED = {
    "": "must be one query",
    "DELETE FROM deals": "must be one query",
    "(SELECT 1)": "must be one query",
    "EXPLAIN SELECT 1": "must be one query",
    "SELECT 1; SELECT 2": "several statements",
    "SELECT 1;;": "several statements",
    "SELECT * FROM secret": "no table secret",
    "SELECT * FROM raw_hit": "no table raw_hit",
    "SELECT * FROM other.deals": "qualified name",
    'SELECT * FROM "other"."deals"': "qualified name",
    "SELECT * FROM information_schema.tables": "qualified name",
    "SELECT * FROM system . runtime . queries": "qualified name",
    "SELECT * FROM deals, secret": "no table secret",
    "SELECT * FROM deals d JOIN secret s ON true": "no table secret",
    "SELECT * FROM deals d JOIN other.secret s ON true": "qualified name",
    "SELECT * FROM (deals CROSS JOIN secret)": "no table secret",
    "SELECT * FROM ((SELECT 1) CROSS JOIN secret)": "no table secret",
    "SELECT * FROM deals limit, secret": "no table secret",
    "SELECT * FROM deals AS d (a, b), secret": "no table secret",
    "SELECT * FROM deals -- x\n, secret": "no table secret",
    "SELECT * FROM/**/secret": "no table secret",
    "SELECT (SELECT max(x) FROM secret) FROM deals": "no table secret",
    "SELECT * FROM deals WHERE 1 IN (SELECT x FROM secret)": "no table secret",
    "SELECT * FROM deals UNION SELECT * FROM secret": "no table secret",
    "SELECT * FROM deals UNION TABLE secret": "word TABLE",
    "SELECT * FROM deals WHERE EXISTS (TABLE secret)": "word TABLE",
    "SELECT * FROM TABLE(exclude_columns(input => TABLE(deals), columns => DESCRIPTOR(x)))": "TABLE stands where a table's name",
    "SELECT * FROM read_csv('/etc/passwd')": "function in place of a table",
    "SELECT * FROM '/etc/passwd'": "stands where a table's name should",
    "SELECT * FROM unnest": "unnest stands where a table's name",
    "WITH a AS (SELECT * FROM secret), secret AS (SELECT 1) SELECT * FROM a": "no table secret",
    "WITH secret AS (SELECT * FROM secret) SELECT 1": "no table secret",
    "SELECT * FROM (WITH secret AS (SELECT 1) SELECT * FROM secret) a, secret": "WITH stands where a table's name",
    "SELECT 1 WHERE 1 IN (WITH secret AS (SELECT 1) SELECT 1)": "only stand at its very beginning",
    "WITH deals AS (SELECT 1) SELECT * FROM deals": "which is taken",
    "WITH RECURSIVE a AS (SELECT 1) SELECT * FROM a": "is a word of SQL",
    "WITH FUNCTION f() RETURNS bigint RETURN 1 SELECT f()": "after function must come",
    "WITH a AS MATERIALIZED (SELECT 1) SELECT 1": "after a must come",
    "WITH a AS (DELETE FROM deals) SELECT 1": "must stand a SELECT",
    "WITH a AS (SELECT 1) DELETE FROM deals": "must come SELECT",
    'WITH "\u212a" AS (SELECT 1) SELECT * FROM k': "after WITH must come",
    "SELECT * INTO x FROM deals": "word INTO",
    'WITH "table" AS (SELECT 1 AS x) SELECT * FROM (TABLE marts.skvoz.deals) AS t': "name table, which is a word of SQL",
    'WITH "Describe" AS (SELECT 1 AS x) SELECT * FROM (DESCRIBE raw_hit) AS t': "name describe, which is a word of SQL",
    'WITH "from" AS (SELECT 1 AS x) SELECT * FROM (FROM secret) AS t': "name from, which is a word of SQL",
    "SELECT * FROM (TABLE deals) AS t": "TABLE stands where a table's name",
    "SELECT * FROM (SHOW TABLES) AS t": "SHOW stands where a table's name",
    "SELECT * FROM (FROM secret) AS t": "FROM stands where a table's name",
    "SELECT * FROM deals, VALUES": "VALUES stands where a table's name",
    "SELECT (WITH time AS (SELECT 1), deals AS (SELECT 2 AS y) SELECT max(y) FROM deals) FROM deals": "very beginning",
    "SELECT (WITH ordinality AS (SELECT 1 AS y) SELECT max(y) FROM deals) FROM deals": "very beginning",
    "SELECT r.x FROM deals FOR VERSION AS OF listagg('x', ',') WITHIN GROUP (ORDER BY 1), other.secret AS r": "word FOR",
    "SELECT * FROM deals FOR TIMESTAMP AS OF TIMESTAMP '2026-01-01 00:00:00'": "word FOR",
    "SELECT 1 FROM deals d JOIN deals e ON listagg('x', ',') WITHIN GROUP (ORDER BY 1) = 'x', secret": "after GROUP must come BY",
    "SELECT 1 FROM deals order, secret": "after ORDER must come BY",
    "SELECT 1 FROM deals AS where, secret": "WHERE is a word of SQL",
    "WITH t AS (SELECT 1 AS \"order\") SELECT 1 FROM t JOIN deals d ON t.order = 1, read_text('x')": "ORDER is a word of SQL",
    'WITH t AS (SELECT 1 AS "group") SELECT 1 FROM t JOIN deals d ON t . group = 1, secret': "GROUP is a word of SQL",
    "SELECT 1 FROM deals d JOIN deals e ON d.having = 1, secret": "HAVING is a word of SQL",
    "SELECT revenue AS limit FROM deals": "LIMIT is a word of SQL",
    "SELECT 1 /* x": "comment /* is not closed",
    "SELECT EXTRACT(day FROM created_at) FROM deals": "instead of EXTRACT",
    "SELECT `x` FROM deals": "belongs into no SELECT",
    "SELECT U&'x' FROM deals": "belongs into no SELECT",
    "SELECT ? FROM deals": "belongs into no SELECT",
    "SELECT x::text FROM deals": "belongs into no SELECT",
    "SELECT 'x FROM deals": "not closed",
    "SELECT '\\' || ' FROM secret --' FROM deals": "backslash before a quote",
    "SELECT (1 FROM deals": "bracket is not closed",
    "SELECT 1) FROM secret": "closing bracket",
    "SELECT * FROM": "name is missing",
    "SELECT * FROM deals LIMIT 5000": "number up to 1000",
    "SELECT * FROM deals LIMIT ALL": "number up to 1000",
    "SELECT * FROM deals OFFSET 5 LIMIT 5": "number up to 1000",
    "SELECT * FROM deals WHERE day > :today": "no parameter :today",
}


@pytest.mark.parametrize("sql", REFUSED)
def test_a_query_that_could_reach_more_is_refused_with_the_reason(sql: str) -> None:
    with pytest.raises(BadInput) as refused:
        query_of(sql, VALUES)
    assert REFUSED[sql] in refused.value.message
    (told,) = [mistake for mistake in mistakes_of(OwnSection.model_construct(sql=sql, template="")) if mistake.startswith("sql: ")]
    assert REFUSED[sql] in told


def disguises() -> Iterator[str]:
    """Queries that hide a table which is not given behind a word that may be a keyword here and a name there."""
    duckdb_words = [
        str(row[0]).upper() for row in duckdb.connect().execute("SELECT keyword_name FROM duckdb_keywords()").fetchall()
    ]
    for word in sorted(KEYWORDS | set(duckdb_words) | {"BERNOULLI", "CONNECT", "DESCRIBE", "FINAL", "SAMPLE", "WITHIN", "VERSION"}):
        for shape in (
            "SELECT 1 FROM deals {}, hidden",
            "SELECT 1 FROM deals AS {}, hidden",
            "SELECT 1 FROM deals d JOIN deals e ON d.{} = 1, hidden",
            "SELECT 1 FROM deals d JOIN deals e ON {} = 1, hidden",
            "SELECT 1 FROM deals d JOIN deals e ON sum(1) OVER {} = 1, hidden",
            "SELECT 1 FROM deals d JOIN deals e ON true {} BY 1, hidden",
            "SELECT 1 FROM deals d JOIN deals e USING (site_id) {}, hidden",
            "SELECT 1 FROM ({} hidden) AS t",
            "SELECT 1 FROM {} hidden",
            'WITH "{}" AS (SELECT 1 AS x) SELECT 1 FROM ({} hidden) AS t',
            'WITH "{}" AS (SELECT 1 AS x) SELECT 1 FROM {} hidden',
            'WITH "{}" AS (SELECT 1 AS x) SELECT 1 FROM {}, hidden',
            "SELECT {} DISTINCT FROM hidden",
            "SELECT 1 AS {} DISTINCT FROM hidden",
            "SELECT (SELECT 1 {} hidden) FROM deals",
            "SELECT ({} hidden) FROM deals",
            "SELECT 1 {} TABLE hidden",
        ):
            yield shape.replace("{}", word)


def test_no_word_hides_a_table_from_the_reader() -> None:
    """What the reader takes names no other table for sqlglot's parser either, which is lenient where engines are not."""
    taken = 0
    for sql in disguises():
        try:
            read_select(sql, ("deals",))
        except BadInput:
            continue
        try:
            tree = sqlglot.parse_one(sql, read="trino")
        except SqlglotError:
            continue
        taken += 1
        names = {table.name.lower() for table in tree.find_all(sqlglot.exp.Table) if table.name}
        assert "hidden" not in names, sql
    assert taken


EQUAL_NAMES = {
    "SELECT manager, manager FROM deals": "named manager",
    'SELECT manager, count(*) AS "Manager" FROM deals GROUP BY manager': "named manager",
    "SELECT d.day, r.day FROM deals d, requests r": "named day",
    "SELECT d.*, r.* FROM deals d, requests r": "[*] of several tables",
    "SELECT * FROM deals d JOIN requests r ON r.request_id = d.request_id": "[*] of several tables",
}


@pytest.mark.parametrize("sql", EQUAL_NAMES)
def test_columns_of_one_name_are_refused_in_words(sql: str) -> None:
    with pytest.raises(BadInput, match=EQUAL_NAMES[sql]):
        query_of(sql, VALUES)


def test_names_that_only_look_equal_are_taken() -> None:
    for sql in (
        "SELECT day, count(*), count(*), max(day) FROM deals GROUP BY day",
        "SELECT CASE WHEN day IS NULL THEN day END, day, day + INTERVAL '1' DAY, d.day AS other FROM deals d",
        "SELECT * FROM deals UNION ALL SELECT * FROM deals",
        "SELECT d.*, count(*) OVER (PARTITION BY manager) AS n FROM deals d JOIN requests r ON r.request_id = d.request_id",
    ):
        assert query_of(sql, VALUES)
