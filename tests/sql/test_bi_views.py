"""The views for BI tools on DuckDB: described columns, keys, joins, sums equal to the report's, and how a refresh makes them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from functions.attribution.bi.view import View
from functions.attribution.bi.views import VIEWS, view_statements, views_version
from functions.attribution.refresh import BI_VIEWS
from functions.attribution.tables import MARTS
from infra.warehouse.duckdb import DuckDbWarehouse
from shared.errors import WarehouseError
from shared.settings import SiteSettings
from tests.athena_functions import ATHENA_FUNCTIONS, called
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
from tests.lakes import NOW, Marts, Record, cost, hit, marts_of, request, shop, utc, write
from tests.random_lakes import random_records, random_shop
from tests.story_lake import story_records, story_shop

NORTH = random_shop(site_id="north")
SITES = [story_shop(), NORTH]


def ids(views: object) -> list[str]:
    return [view.name for view in views]  # type: ignore[attr-defined]


@pytest.fixture(scope="module")
def marts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Marts]:
    """The story's shop and a shop at random in one database."""
    root = tmp_path_factory.mktemp("bi")
    random = [Record(r.kind, {**r.values, "site_id": NORTH.site_id}) for r in random_records(seed=3, visitors=60)]
    write(root, [*story_records(), *random], NOW)
    made = Marts(root, *SITES)
    made.refresh()
    yield made
    made.warehouse.close()  # type: ignore[attr-defined]


@pytest.mark.parametrize("view", VIEWS, ids=ids(VIEWS))
def test_a_view_has_the_columns_that_are_described(view: View, marts: Marts) -> None:
    assert_columns(marts.warehouse, view)
    assert "site_id" in view.column_names
    assert view.key in view.column_names
    types = {row["column_name"]: row["column_type"].lower() for row in marts.warehouse.rows(f"DESCRIBE {view.name}")}
    assert types == {c.name: c.type.replace("decimal(18,", "decimal(18,") for c in view.columns}


@pytest.mark.parametrize("view", VIEWS, ids=ids(VIEWS))
def test_a_key_names_one_row_over_all_sites(view: View, marts: Marts) -> None:
    assert_key_is_unique(marts.warehouse, view)


@pytest.mark.parametrize("view", [*FACTS, *DIMENSIONS], ids=ids([*FACTS, *DIMENSIONS]))
def test_joining_a_dimension_loses_and_doubles_nothing(view: View, marts: Marts) -> None:
    assert_joins_keep_rows(marts.warehouse, view)


@pytest.mark.parametrize("view", VIEWS, ids=ids(VIEWS))
def test_a_view_says_which_marts_it_reads_and_calls_what_athena_documents(view: View) -> None:
    named = set(re.findall(r"\b(?:FROM|JOIN) ([a-z_]+)", view.sql)) - set(re.findall(r"\b([a-z_]+) AS \(", view.sql))
    assert set(view.reads) == named or view.name == "bi_dim_model"
    assert named <= {table.name for table in MARTS}
    assert called(view.sql) <= ATHENA_FUNCTIONS


@pytest.mark.parametrize("site", SITES, ids=lambda site: site.site_id)
@pytest.mark.parametrize("period", [EVER, MONTH], ids=["ever", "month"])
def test_sums_are_the_reports_on_every_date_basis(marts: Marts, site: SiteSettings, period: object) -> None:
    assert_sums_are_the_reports(marts.warehouse, site, period)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", sorted(path.stem for path in QUERIES.glob("*.sql")))
def test_an_example_query_answers(name: str, marts: Marts) -> None:
    for site in SITES:
        assert marts.warehouse.rows(example(name, site)), (name, site.site_id)


@pytest.mark.parametrize("site", SITES, ids=lambda site: site.site_id)
def test_the_example_queries_give_the_reports_figures(marts: Marts, site: SiteSettings) -> None:
    assert_examples_are_the_reports(marts.warehouse, site, MONTH)


def test_a_channel_that_brought_nothing_has_lost_its_spend_in_the_example_as_in_the_report(tmp_path: Path) -> None:
    records = [
        hit("a", utc("10-04 12:00"), "yandex/cpc"),
        cost("10-04", "yandex/cpc", "1000.00"),
        cost("10-05", "vk/cpc", "50.00"),
        request("r-1", utc("10-04 12:10"), visitor="a"),
    ]
    marts = marts_of(tmp_path, records)
    assert_examples_are_the_reports(marts.warehouse, shop(), MONTH)
    rows = {row["cost"]: row for row in marts.warehouse.rows(example("channel_payback_by_month", shop(), MONTH))}
    assert {(row["gross_profit"], row["margin_romi"]) for paid, row in rows.items() if paid} == {(0, -1.0)}


def test_sites_have_the_names_of_their_settings(marts: Marts) -> None:
    rows = {row["site_id"]: row for row in marts.warehouse.rows("SELECT * FROM bi_dim_site")}
    assert {name: row["name"] for name, row in rows.items()} == {site.site_id: site.name for site in SITES}
    assert rows["north"]["default_model"] == NORTH.attribution.default_model


def test_a_name_that_looks_like_sql_or_like_a_part_of_a_view_stays_a_name(tmp_path: Path) -> None:
    name = "O'Neil {models} {settings}; DROP VIEW touches -- include: x"
    marts = marts_of(tmp_path, [hit("a", utc("10-05 12:00"))], shop(name=name))
    assert one(marts.warehouse, "SELECT name FROM bi_dim_site")["name"] == name


def test_a_weekday_a_month_and_a_quarter_belong_to_the_day(tmp_path: Path) -> None:
    marts = marts_of(tmp_path, [hit("a", utc("10-04 12:00"))])
    day = one(marts.warehouse, "SELECT * FROM bi_dim_date")
    assert (day["quarter"], day["month"], day["weekday"], day["is_weekend"], day["year"]) == ("2026-Q4", "2026-10", 7, True, 2026)
    assert (str(day["month_start"]), str(day["week_start"])) == ("2026-10-01", "2026-09-28")


def test_sources_that_differ_only_in_where_a_part_ends_have_keys_of_their_own(tmp_path: Path) -> None:
    records = [hit("a", utc("10-04 12:00"), "ab/c"), hit("b", utc("10-04 13:00"), "a/bc"), cost("10-04", "a/bc", "10.00")]
    marts = marts_of(tmp_path, records)
    assert one(marts.warehouse, "SELECT count(DISTINCT source_key) AS n FROM bi_dim_source")["n"] == 2


def test_a_request_that_nothing_brought_stands_once_in_every_model_with_its_reason(tmp_path: Path) -> None:
    marts = marts_of(tmp_path, [request("r-1", utc("10-04 12:00"))])
    rows = marts.warehouse.rows(
        """SELECT c.model, s.channel, s.source, s.is_ad, s.is_no_source, c.weight FROM bi_fact_credits AS c
        INNER JOIN bi_dim_source AS s ON s.source_key = c.source_key ORDER BY c.model"""
    )
    assert len(rows) == 11
    assert {(r["channel"], r["source"], r["is_ad"], r["is_no_source"], r["weight"]) for r in rows} == {
        ("no source", "not_determined", None, True, 1.0)
    }


# --- made by the refresh ----------------------------------------------------------------------------------------------------------


class Watching(DuckDbWarehouse):
    """Counts the views that it is told to make; refuses those of a name."""

    refused = ""

    def __init__(self, root: Path) -> None:
        super().__init__(root, None, threads=1)
        self.made = 0

    def start(self, sql: str, token: str = "") -> str:
        if sql.startswith("CREATE OR REPLACE VIEW bi_"):
            self.made += 1
            if self.refused and sql.startswith(f"CREATE OR REPLACE VIEW {self.refused}"):
                raise WarehouseError("no right to make views")
        return super().start(sql, token)


def test_views_are_made_once_and_anew_when_a_name_changes(tmp_path: Path) -> None:
    write(tmp_path, [hit("a", utc("10-04 12:00"))], NOW)
    warehouse = Watching(tmp_path)
    marts = Marts(tmp_path, shop(), warehouse=warehouse)
    made = []
    for name in ("Shop", "Shop", "Store"):
        marts.sites = [shop(name=name)]
        marts.refresh()
        made.append(warehouse.made)
    assert made == [13, 13, 26]
    assert one(warehouse, "SELECT name FROM bi_dim_site")["name"] == "Store"


def test_a_view_that_cannot_be_made_stops_neither_the_refresh_nor_the_others_and_is_tried_again(tmp_path: Path) -> None:
    write(tmp_path, [hit("a", utc("10-04 12:00"))], NOW)
    warehouse = Watching(tmp_path)
    marts = Marts(tmp_path, shop(), warehouse=warehouse)
    warehouse.refused = "bi_fact_visits"
    state = marts.refresh()
    assert (state["status"], state["completed"]) == ("complete", 1)
    assert marts.ledger.last_complete(BI_VIEWS) == {}
    assert one(warehouse, "SELECT count(*) AS n FROM bi_fact_money")["n"] == 0
    warehouse.refused = ""
    marts.refresh()
    assert one(warehouse, "SELECT sum(visits) AS n FROM bi_fact_visits")["n"] == 1
    assert marts.ledger.last_complete(BI_VIEWS)


def test_another_table_model_makes_the_views_anew() -> None:
    assert views_version([shop()], "one") != views_version([shop()], "other")
    assert len(view_statements([])) == len(VIEWS) == 13
