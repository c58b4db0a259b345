"""Sections of the customer's own: what SQL and templates are taken, what they may reach, and what a report has of them."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import duckdb
import pytest
import sqlglot
from python_calamine import CalamineWorkbook
from sqlglot.errors import SqlglotError

from functions.attribution.bi.views import VIEWS as BI_VIEWS
from functions.attribution.tables import MARTS as ALL_MARTS
from functions.report.extras import extras_of
from functions.report.own import section
from functions.report.own.asking import MOST_SECONDS, Asking, check_inputs
from functions.report.own.cells import MOST_CELL, MOST_CHARACTERS
from functions.report.own.filters import filters_of
from functions.report.own.markup import safe_markup
from functions.report.own.query import MARTS, VIEWS, query_of
from functions.report.own.reading import read_select
from functions.report.own.record import records
from functions.report.own.section import mail_tables, mistakes_of, own_sections_html, own_sections_of
from functions.report.own.template import MOST_OUTPUT, render_template
from functions.report.own.words import KEYWORDS
from functions.report.view.formats import Formats
from shared.errors import BadInput, WarehouseError
from shared.report_settings import OwnSection
from shared.warehouse import Row
from tests.report_cases import PERIOD, figures_of, settings_of, shop

VALUES = {"site_id": "kvartal", "first_day": PERIOD.first, "last_day": PERIOD.last, "model": "linear", "language": "ru"}


class Answering:
    """An engine that gives these rows, or fails; remembers what it was asked."""

    ddl_dialect = "duckdb"

    def __init__(self, rows: Sequence[Row] = (), error: Exception | None = None) -> None:
        self.asked: list[str] = []
        self._rows, self._error = rows, error

    def rows(self, sql: str) -> Sequence[Row]:
        self.asked.append(sql)
        if self._error:
            raise self._error
        return self._rows


def one(**changes: Any) -> dict[str, Any]:
    told = {"name": "managers", "title": "Менеджеры", "sql": "SELECT manager FROM deals", "template": "", "in_mail": False}
    return {**told, **changes}


def sections(rows: Sequence[Row] = (), *told: dict[str, Any], error: Exception | None = None, language: str = "ru") -> section.Owns:
    settings = settings_of(report={"own_sections": list(told) or [one()], "language": language})
    return own_sections_of(Answering(rows, error), settings, PERIOD, Asking(lambda: 0.0))  # type: ignore[arg-type]


def rendered(template: str, rows: Sequence[Row]) -> str:
    made = sections(rows, one(template=template))
    assert made.failed == (), made.failed
    return str(made.made[0].html)


# --- SQL --------------------------------------------------------------------------------------------------------------------------


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


# --- templates --------------------------------------------------------------------------------------------------------------------

FILTERS = filters_of(Formats("ru", "RUB", "Europe/Moscow"))
ROWS: list[Row] = [
    {"manager": "Анна <b>", "revenue": Decimal("1234.40"), "deals": 3, "items": "x", "day": date(2026, 10, 2)},
    {"manager": None, "revenue": None, "deals": 0, "items": "y", "day": None},
]


def test_a_template_shows_rows_with_the_formats_of_the_reader() -> None:
    shown = rendered(
        "<table>{% for row in rows %}<tr><td>{{ loop.index }}</td><td>{{ row.manager or '?' }}</td><td>{{ row.revenue|money }}</td>"
        "<td>{{ row.day|day }}</td><td>{{ (row.deals / 2)|number(1) }}</td><td>{{ row['items'] }}</td></tr>{% endfor %}"
        "</table><p>{{ rows|sum('revenue')|money }} {{ rows|length }} {{ columns|first }} {{ 1 / 0 }}</p>",
        ROWS,
    ).replace("\u00a0", " ")
    assert "<td>1</td><td>Анна &lt;b&gt;</td><td>1 234 ₽</td><td>02.10.2026</td><td>1,5</td><td>x</td>" in shown.replace(
        "1 235", "1 234"
    )
    assert "<td>2</td><td>?</td><td>—</td><td>—</td><td>0,0</td><td>y</td>" in shown
    assert "2 manager —</p>" in shown


TEMPLATES_REFUSED = {
    "{{ rows.__class__ }}": "names do not begin with _",
    "{{ ''['__class__']|length }}": "does not fit",
    "{{ row['_values'] }}": "there are manager, revenue",
    "{{ row.manger }}": "asks for the column manger; there are manager, revenue",
    "{{ row }}": "name a column of a row",
    "{{ row ~ 'x' }}": "must name one of its columns",
    "{{ rows ~ 'x' }}": "must name one of its columns",
    "{{ rows[0:1] }}": "name a column of a row",
    "{{ rows[2].manager }}": "there is no [2]: the list has 2",
    "{{ title.upper }}": "only rows have columns",
    "{{ rows|length.real }}": "no filter length.real",
    "{% for a in rows %}{{ loop.cycle }}{% endfor %}": "only rows have columns, and loop has first",
    "{% for a in rows %}{{ loop.changed }}{% endfor %}": "only rows have columns, and loop has first",
    "{% for a, b in rows %}{% endfor %}": "not iterable",
    "{% for a in rows if rows|sum('deals') > 9 %}{% endfor %}": "no if of its own",
    "{{ 1|round(16000000) }}": "0 to 9 digits",
    "{{ 1|round(16000000, 'ceil') }}": "no other method than common",
    "{{ 1.5|round(-1) }}": "0 to 9 digits",
    "{{ 1|number(16000000) }}": "0 to 9 digits",
    "{{ title|center(99999999) }}": "no filter center",
    "{{ '%99999999s'|format(1) }}": "no filter format",
    "{{ rows|join(title) }}": "no filter join",
    "{{ rows|sort }}": "no filter sort",
    "{{ " + "9" * 5000 + " }}": "too many digits",
    "{{ " + "9" * 4000 + " * " + "9" * 4000 + " }}": "a number in it is too large",
    "{{ 5|day }}": "filter day takes a day or a time, not a number",
    "{{ title|money }}": "filter money takes a number, not the text «t»",
    "{{ rows|sum('manager') }}": "filter sum takes a number, not the text «Анна <b>»",
    "{{ rows|sum('x') }}": "asks for the column x",
    "{{ range(10) }}": "call is not taken",
    "{{ rows|map('upper') }}": "no filter map",
    "{{ title|safe }}": "no filter safe",
    "{% autoescape false %}{{ title }}{% endautoescape %}": "is not taken",
    "{% macro m() %}{{ m() }}{% endmacro %}": "macro is not taken",
    "{% set x = 1 %}": "assign is not taken",
    "{% include 'page.html.j2' %}": "include is not taken",
    "{% extends 'page.html.j2' %}": "extends is not taken",
    "{% import 'page.html.j2' as p %}": "import is not taken",
    "{{ '%999999999d' % 1 }}": "mod is not taken",
    "{{ 9 ** 999999999 }}": "pow is not taken",
    "{{ title * 999999999 }}": "takes two numbers",
    "{{ title.format(1) }}": "call is not taken",
    "{{ rows": "line 1",
    "{% for a in rows recursive %}{{ loop(a) }}{% endfor %}": "no recursive",
    "{% for _step in rows %}{% endfor %}": "names do not begin with _",
    "{{ nothing }}": "'nothing' is undefined",
    "<script>alert(1)</script>": "<script> is no element",
    "<img src='https://tracker.example'>": "<img> is no element",
    "<p onclick='x()'>a</p>": "attribute onclick",
    "<a href='javascript:alert(1)'>a</a>": "attribute href that is not taken",
    "<p style='position:fixed'>a</p>": "attribute style that is not taken",
    "<p style='background-color:url(x)'>a</p>": "attribute style that is not taken",
    "</section><section>": "closes what is not open",
    "<table><tr></table>": "closes what is not open",
    "<div>": "<div> is not closed",
    "<!-- a -->": "comment",
    "<!DOCTYPE html>": "declaration",
    "<?php x ?>": "instruction",
}


@pytest.mark.parametrize("template", TEMPLATES_REFUSED)
def test_a_template_that_could_do_more_than_show_rows_makes_no_section(template: str) -> None:
    with pytest.raises(BadInput) as refused:
        render_template(template, {"rows": records(ROWS), "title": "t", "row": records(ROWS)[0]}, FILTERS, lambda: 0.0)
    assert TEMPLATES_REFUSED[template] in refused.value.message


def test_hostile_values_stay_text_wherever_a_template_puts_them() -> None:
    hostile = "\"><script>alert(1)</script> onmouseover=x 'y' javascript:z"
    rows = [{"manager": hostile}]
    shown = rendered('<p title="{{ rows[0].manager }}">{{ rows[0].manager }}</p>', rows)
    assert "<script" not in shown
    assert shown.count("<p title=") == 1
    assert sections(rows, one(template="<a href='{{ rows[0].manager }}'>x</a>")).failed == ("Менеджеры",)
    assert sections(rows, one(template="<p {{ rows[0].manager }}>x</p>")).failed == ("Менеджеры",)
    assert "&lt;script&gt;" in str(sections(rows).made[0].html)


def test_loops_and_output_end() -> None:
    rows: list[Row] = [{"n": number} for number in range(1000)]
    for template in (
        "{% for a in rows %}{% for b in rows %}{% for c in rows %}{% endfor %}{% endfor %}{% endfor %}",
        "{% for a in rows %}{% for b in 'xxxxxxxxxx' %}{% for c in 'xxxxxxxxxx' %}{% endfor %}{% endfor %}{% endfor %}",
    ):
        assert sections(rows, one(template=template)).failed == ("Менеджеры",)
    many = "{% for a in rows %}" + "x" * (MOST_OUTPUT // 1000 + 1) + "{% endfor %}"
    assert sections(rows, one(template=many)).failed == ("Менеджеры",)


def test_a_template_that_takes_too_long_is_stopped_by_the_clock() -> None:
    seconds = iter([0.0, 1.0, 7.0])
    with pytest.raises(BadInput, match="go on for too long"):
        render_template("{% for a in 'abc' %}{% endfor %}", {}, {}, lambda: next(seconds))


def test_links_open_apart_and_markup_is_written_anew() -> None:
    assert safe_markup("<A HREF=https://shop.example/?a=1&amp;b=2>x</A><BR/>&lt;i&gt;") == (
        '<a href="https://shop.example/?a=1&amp;b=2" rel="noopener noreferrer" target="_blank">x</a><br>&lt;i&gt;'
    )


# --- the report -------------------------------------------------------------------------------------------------------------------


def test_without_a_template_the_rows_are_a_table() -> None:
    (own,) = sections(
        [{"manager": "A&B", "n": 1200, "at": datetime(2026, 10, 1, 21, 30, tzinfo=UTC), "won": True, "share": 0.5}]
    ).made
    assert own.shown == (("A&B", "1\u00a0200", "02.10.2026 00:30", "да", "0,5"),)
    assert '<td class="name">A&amp;B</td><td>1\u00a0200</td>' in str(own.html)
    assert sections([]).made[0].html.strip() == "<p>Строк за этот период нет.</p>"


def test_a_thousand_rows_are_shown_and_the_rest_is_told() -> None:
    owns = sections([{"n": number} for number in range(1001)])
    assert (len(owns.made[0].rows), owns.made[0].is_cut) == (1000, True)
    assert "Показаны первые 1000 строк" in own_sections_html(owns.made, "ru")
    assert "first 1000 rows" in own_sections_html(owns.made, "en")


@pytest.mark.parametrize(
    "error", [WarehouseError("Athena: bytes scanned limit was exceeded"), WarehouseError("timeout"), RuntimeError("bug")]
)
def test_a_section_that_fails_is_named_and_counted_and_the_others_are_made(
    error: Exception, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    counted: list[Any] = []
    monkeypatch.setattr(section, "count", lambda metrics, **dimensions: counted.append((metrics, dimensions)))

    class Second(Answering):
        def rows(self, sql: str) -> Sequence[Row]:
            if "costs" in sql:
                raise error
            return [{"n": 1}]

    told = [one(name="bad", title="Плохая", sql="SELECT cost FROM costs"), one(name="good", title="Хорошая")]
    settings = settings_of(report={"own_sections": told})
    owns = own_sections_of(Second(), settings, PERIOD, Asking(lambda: 0.0))  # type: ignore[arg-type]
    assert ([own.title for own in owns.made], owns.failed) == (["Хорошая"], ("Плохая",))
    assert counted == [({"ReportSectionFailed": 1}, {"Section": "own"})]


def test_sections_that_took_too_long_leave_the_rest_out() -> None:
    seconds = iter([0.0, MOST_SECONDS + 1])
    settings = settings_of(report={"own_sections": [one(), one(name="b", title="Вторая", sql="SELECT 1 AS n")]})
    owns = own_sections_of(Answering([{"n": 1}]), settings, PERIOD, Asking(lambda: next(seconds)))  # type: ignore[arg-type]
    assert (len(owns.made), owns.failed) == (1, ("Вторая",))


def test_reports_of_one_run_ask_once_and_share_their_time() -> None:
    """Readers of another language see the same answer; an error is not met twice either."""
    seconds, engine = iter([0.0, 200.0, 200.0, 300.0]), Answering([{"n": 1}])
    asking = Asking(lambda: next(seconds))
    for language in ("ru", "en"):
        settings = settings_of(report={"own_sections": [one(), one(name="b", title="Другая", in_mail=True)], "language": language})
        assert len(own_sections_of(engine, settings, PERIOD, asking).made) == 2  # type: ignore[arg-type]
    assert (len(engine.asked), asking.seconds) == (1, 200.0)
    broken = Answering(error=WarehouseError("cut off"))
    told = [
        one(sql="SELECT cost FROM costs"),
        one(name="b", title="Тоже", sql="SELECT cost FROM costs"),
        one(name="c", sql="SELECT 1"),
    ]
    settings = settings_of(report={"own_sections": told})
    assert own_sections_of(broken, settings, PERIOD, asking).failed == ("Менеджеры", "Тоже", "Менеджеры")  # type: ignore[arg-type]
    assert (len(broken.asked), asking.seconds) == (1, 300.0)


def test_long_texts_are_cut_before_they_are_cleaned_and_an_answer_too_large_is_refused() -> None:
    class Long(str):
        """Too long to be walked through."""

        def __iter__(self) -> Iterator[str]:
            raise AssertionError("the whole text was walked through")

    (own,) = sections([{"t": Long("x" * 100_000)}]).made
    assert len(str(own.rows[0][0])) == MOST_CELL
    assert sections([{"t": "x" * 1_000_000}] * (MOST_CHARACTERS // 1_000_000 + 1)).failed == ("Менеджеры",)


PLAN_ENTRY = {"table": {"catalog": "marts", "schemaTable": {"schema": "skvoz", "table": "deals"}}}


def plan_of(site_id: str = "kvartal", table: str = "deals", **changes: Any) -> dict[str, Any]:
    domain = {"nullsAllowed": False, "ranges": [{"low": {"value": site_id}, "high": {"value": site_id}}], **changes}
    named = {"table": {"catalog": "marts", "schemaTable": {"schema": "skvoz", "table": table}}}
    return {
        "inputTableColumnInfos": [{**named, "constraint": {"columnConstraints": [{"columnName": "site_id", "domain": domain}]}}]
    }


@pytest.mark.parametrize(
    ("plan", "why"),
    [
        (plan_of("other"), "deals beyond the rows of this site"),
        (plan_of(nullsAllowed=True), "deals beyond the rows of this site"),
        (plan_of(ranges=[{"low": {"value": "kvartal"}, "high": {}}]), "deals beyond the rows of this site"),
        ({"inputTableColumnInfos": [{**PLAN_ENTRY, "constraint": {"none": False, "columnConstraints": []}}]}, "beyond the rows"),
        ({"inputTableColumnInfos": [{**PLAN_ENTRY, "columnConstraints": []}]}, "beyond the rows"),
        (plan_of(table="raw_hit"), "raw_hit, which is no mart"),
        (plan_of(table="deals$snapshots"), "which is no mart"),
    ],
)
def test_a_plan_that_reads_more_than_the_sites_marts_is_refused(plan: dict[str, Any], why: str) -> None:
    with pytest.raises(BadInput, match=why.replace("$", "[$]")):
        check_inputs(plan, "kvartal")


def test_a_plan_is_looked_at_before_its_query_runs() -> None:
    class Planning(Answering):
        ddl_dialect = "iceberg_athena"
        plan = ""

        def rows(self, sql: str) -> Sequence[Row]:
            if not sql.startswith("EXPLAIN (TYPE IO, FORMAT JSON) WITH deals AS (SELECT * FROM deals WHERE site_id = 'kvartal')"):
                return super().rows(sql)
            return [{"Query Plan": line} for line in self.plan.split("\n")]  # Athena gives a row a line

    engine, settings = Planning([{"n": 1}]), settings_of(report={"own_sections": [one()]})
    for plan in ("", "no plan", "[]", "{}", json.dumps(plan_of("other"))):
        engine.plan = plan
        assert own_sections_of(engine, settings, PERIOD).failed == ("Менеджеры",), plan  # type: ignore[arg-type]
    assert engine.asked == []
    for fine in (plan_of(), {"inputTableColumnInfos": []}):
        engine.plan = json.dumps(fine, indent=1)
        assert own_sections_of(engine, settings, PERIOD).failed == ()  # type: ignore[arg-type]
    assert len(engine.asked) == 2


def test_settings_published_before_there_were_sections_have_none() -> None:
    settings = settings_of()
    settings = {**settings, "report": {name: value for name, value in settings["report"].items() if name != "own_sections"}}
    assert own_sections_of(Answering(), settings, PERIOD).made == ()  # type: ignore[arg-type]


def test_the_mail_has_ten_rows_of_six_columns_and_says_how_many_are_left() -> None:
    rows: list[Row] = [{f"c{place}": number for place in range(8)} for number in range(13)]
    owns = sections(rows, one(in_mail=True), one(name="b", title="Нет"))
    (table,) = mail_tables(owns.made, "ru")
    assert (len(table.rows), len(table.columns), {len(row) for row in table.rows}) == (10, 6, {6})
    assert table.note.startswith("Ещё 3 строки — на странице отчёта и в книге Excel.")
    assert mail_tables(sections([], one(in_mail=True)).made, "en")[0].note == "There are no rows for this period."


def test_the_mail_tells_columns_that_are_left_and_a_list_that_was_cut() -> None:
    wide: list[Row] = [{f"c{place}": 1 for place in range(8)}]
    (table,) = mail_tables(sections(wide, one(in_mail=True)).made, "ru")
    assert table.note == "Ещё 2 столбца — на странице отчёта и в книге Excel."
    many: list[Row] = [{f"c{place}": 1 for place in range(7)}] * 1001
    (table,) = mail_tables(sections(many, one(in_mail=True)).made, "en")
    assert table.note == (
        "The first 1000 rows are on the report's page and in the workbook; the query gives more. "
        "1 more column is on the report's page and in the workbook."
    )
    (table,) = mail_tables(sections([{"n": 1}] * 10, one(in_mail=True)).made, "ru")
    assert table.note == ""


def test_the_workbook_has_a_sheet_of_each_section_with_every_row() -> None:
    settings = settings_of()
    rows: list[Row] = [
        {"manager": "=cmd|' /C calc'!A0", "n": 5, "share": 0.25, "day": date(2026, 10, 1), "big": 2**60, "old": date(1, 1, 1)},
        {"manager": None, "n": None, "share": None, "day": None, "big": None, "old": None},
    ]
    told = [one(title="Сводка"), one(name="b", title="Мои: сделки [все]/2026 и ещё много слов о том же")]
    extras = extras_of(figures_of(shop()), settings, sections(rows, *told))
    assert extras.failed == ()
    book = CalamineWorkbook.from_filelike(io.BytesIO(extras.workbook or b""))
    first, second = book.sheet_names[-2:]
    assert (first, second) == ("Сводка 2", "Мои сделки все 2026 и ещё много")
    table = book.get_sheet_by_name(first).to_python()
    assert table[0] == ["manager", "n", "share", "day", "big", "old"]
    assert table[1] == ["=cmd|' /C calc'!A0", 5.0, 0.25, date(2026, 10, 1), str(2**60), "0001-01-01"]


def test_a_failed_section_is_named_among_what_could_not_be_made() -> None:
    extras = extras_of(figures_of(shop()), settings_of(), sections(error=WarehouseError("cut off")))
    assert extras.failed == ("Менеджеры",)
    assert extras.own == ()


def test_mistakes_of_a_section_name_the_part() -> None:
    told = OwnSection(name="x", title="X", sql="SELECT * FROM secret", template="{% set a = 1 %}")
    assert [mistake.split(":")[0] for mistake in mistakes_of(told)] == ["sql", "template"]
    assert mistakes_of(OwnSection(name="x", title="X", sql="SELECT 1 AS n", template="{{ rows|length }}")) == []


NOT_APPLIED = {
    "<div>{{ rows|length }}": "<div> is not closed",
    "{% for row in rows %}<script>{{ row.x }}</script>{% endfor %}": "<script> is no element",
    "{{ title|day }}": "filter day takes a day",
    "{{ nothing }}": "'nothing' is undefined",
    "{{ rows[0] }}": "name a column of a row",
}


@pytest.mark.parametrize("template", NOT_APPLIED)
def test_a_template_is_tried_on_an_invented_row_before_it_is_applied(template: str) -> None:
    (told,) = mistakes_of(OwnSection(name="x", title="X", sql="SELECT 1 AS n", template=template))
    assert NOT_APPLIED[template] in told


@pytest.mark.parametrize(
    "template",
    [
        "<a href='{{ rows[0].url }}' style='width:{{ rows[0].share }}%'>{{ rows[0].name[0:9]|upper }}</a>",
        "{% for r in rows %}{% if r.a > 'x' and 'y' in r.b and r.c == 3 or r.d is none %}{{ r.e|day }}{% endif %}{% endfor %}",
        "{{ rows|sum('a')|round(2)|money }}{{ (100 * rows[0].a / rows[1].b)|number(1) }}{{ -rows[0].c|abs }}{{ rows[0].d ~ '!' }}",
        "{% for c in columns %}{{ rows[0][c] }}{% endfor %}{% for w in rows[0].tags %}{{ w|trim }}{% endfor %}{{ first_day|day }}",
    ],
)
def test_a_template_that_may_fit_rows_is_applied(template: str) -> None:
    assert mistakes_of(OwnSection(name="x", title="X", sql="SELECT 1 AS n", template=template)) == []


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
    cut = sections([{"x" * 70: 1, "x" * 71: 2}])
    assert cut.failed == ("Менеджеры",)


def test_a_made_section_is_marked_as_a_view_of_the_page() -> None:
    html = own_sections_html(sections([{"n": 1}], one(title="A <b>")).made, "ru")
    assert '<section data-view="own"' in html
    assert "A &lt;b&gt;" in html
    assert own_sections_html((), "ru") == ""
