"""The views for BI tools, their example queries and customers' own sections on a real Trino: what tests/sql/test_bi_views.py holds
on DuckDB."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest

from functions.attribution.bi.view import View
from functions.attribution.bi.views import VIEWS
from functions.report.marts.questions import Period
from functions.report.own.asking import Asking
from functions.report.own.query import TABLES, query_of, values_of
from infra.servers.trino import OLDEST_JAVA, TrinoServer
from shared.errors import BadInput, WarehouseError
from shared.settings import SiteSettings, published
from shared.trino import TrinoWarehouse
from tests.bi_cases import (
    DIMENSIONS,
    EVER,
    FACTS,
    MONTH,
    QUERIES,
    assert_columns,
    assert_examples_are_the_reports,
    assert_joins_keep_rows,
    assert_key_is_unique,
    assert_sums_are_the_reports,
    example,
    one,
)
from tests.lakes import NOW, Marts, Record, write
from tests.random_lakes import random_records, random_shop
from tests.real_trino import warehouse as trino
from tests.requires import need_java, need_maven
from tests.story_lake import story_records, story_shop

pytestmark = [pytest.mark.proof, pytest.mark.trino]

NORTH = random_shop(site_id="north")
SITES = [story_shop(), NORTH]


@pytest.fixture(scope="module")
def marts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Marts]:
    """The story's shop and a shop at random, refreshed by Trino."""
    need_java(OLDEST_JAVA)
    need_maven()
    with TrinoServer(tmp_path_factory.mktemp("bi")) as server:
        random = [Record(r.kind, {**r.values, "site_id": NORTH.site_id}) for r in random_records(seed=3, visitors=60)]
        write(server.data_dir, [*story_records(), *random], NOW)
        made = Marts(server.data_dir, *SITES, warehouse=trino(TrinoWarehouse, server))
        made.refresh()
        yield made


def test_every_view_has_its_columns_its_key_and_joins_its_dimensions(marts: Marts) -> None:
    views: list[View] = [*FACTS, *DIMENSIONS]
    assert len(views) == len(VIEWS)
    for view in views:
        assert_columns(marts.warehouse, view)
        assert_key_is_unique(marts.warehouse, view)
        assert_joins_keep_rows(marts.warehouse, view)


def test_the_columns_have_the_types_that_are_described(marts: Marts) -> None:
    for view in VIEWS:
        found = {row["Column"]: row["Type"] for row in marts.warehouse.rows(f"DESCRIBE {view.name}")}
        told = {name: kind.split("(")[0] if kind.startswith(("varchar", "timestamp")) else kind for name, kind in found.items()}
        assert told == {c.name: c.type for c in view.columns}, view.name


@pytest.mark.parametrize("site", SITES, ids=lambda site: site.site_id)
def test_sums_are_the_reports_on_every_date_basis(marts: Marts, site: SiteSettings) -> None:
    assert_sums_are_the_reports(marts.warehouse, site, EVER)


def test_every_example_query_answers(marts: Marts) -> None:
    for path in sorted(QUERIES.glob("*.sql")):
        for site in SITES:
            assert marts.warehouse.rows(example(path.stem, site)), (path.name, site.site_id)


@pytest.mark.parametrize("site", SITES, ids=lambda site: site.site_id)
def test_the_example_queries_give_the_reports_figures(marts: Marts, site: SiteSettings) -> None:
    assert_examples_are_the_reports(marts.warehouse, site, MONTH)


def ask(marts: Marts, sql: str, site: SiteSettings, period: Period = EVER) -> list[Any]:
    """What a customer's section of that site gets, its plan looked at before."""
    values = values_of(published(site), period)
    return list(Asking().answer(marts.warehouse, query_of(sql, values), site.site_id).rows)


ESCAPES = (
    "SELECT * FROM marts.skvoz.deals",
    "WITH deals AS (SELECT * FROM deals WHERE site_id = 'north') SELECT d.day FROM deals d, marts.skvoz.deals o",
    "SELECT * FROM raw_hit",
    "SELECT * FROM raw_hit WHERE site_id = 'north'",
    "SELECT * FROM deals WHERE site_id = 'north' OR site_id = 'kvartal'",
    "SELECT * FROM deals WHERE site_id >= 'north'",
    "SELECT * FROM bi_fact_money",
    'SELECT * FROM "deals$snapshots"',
    "SELECT * FROM system.runtime.nodes",
    "SELECT * FROM information_schema.tables",
    'WITH "table" AS (SELECT 1 AS x) SELECT * FROM (TABLE marts.skvoz.deals) AS t',
)


@pytest.mark.parametrize("sql", ESCAPES)
def test_the_engines_own_plan_shows_a_query_that_reaches_beyond_its_site(sql: str, marts: Marts) -> None:
    """As if the reader had let it through."""
    with pytest.raises(BadInput, match="the engine would read"):
        Asking().answer(marts.warehouse, sql, "north")


def test_a_section_of_a_customer_sees_the_rows_of_its_site_alone(marts: Marts) -> None:
    for table in sorted(TABLES):
        both = one(marts.warehouse, f"SELECT count(*) AS n FROM {table}")["n"]
        seen = []
        for site in SITES:
            rows = ask(marts, f"SELECT site_id, count(*) AS n FROM {table} GROUP BY site_id", site)
            assert [row["site_id"] for row in rows] in ([], [site.site_id]), table
            seen.append(sum(row["n"] for row in rows))
        assert sum(seen) == both, table
        assert both or table in ("excluded_visitors", "restatements", "leases"), table


def test_a_section_may_join_name_and_order_as_it_likes(marts: Marts) -> None:
    sql = """
    WITH won AS (  -- sales of the period
        SELECT deal_key, day FROM bi_dim_deal WHERE sale_day BETWEEN :first_day AND :last_day
    )
    SELECT w.day, count(DISTINCT c.source_key) AS sources, sum(c.revenue) AS revenue
    FROM won AS w, bi_fact_credits AS c
    WHERE c.deal_key = w.deal_key AND c.model = :model AND c.site_id = :site_id AND c.revenue IS DISTINCT FROM NULL
    GROUP BY w.day ORDER BY w.day DESC
    """
    days = [row["day"] for row in ask(marts, sql, NORTH)]
    assert days == sorted(days, reverse=True)
    assert len(days) > 1
    assert ask(marts, sql, NORTH, Period(date(2020, 1, 1), date(2020, 1, 2))) == []


def test_the_example_queries_are_sections_that_a_customer_may_have(marts: Marts) -> None:
    for path in sorted(QUERIES.glob("*.sql")):
        assert ask(marts, path.read_text(encoding="utf-8"), NORTH), path.name


def test_a_mistake_in_a_section_is_told_by_the_engine(marts: Marts) -> None:
    with pytest.raises(WarehouseError, match="no_such_column"):
        ask(marts, "SELECT no_such_column FROM deals", NORTH)
