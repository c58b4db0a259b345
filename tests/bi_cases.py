"""What must hold of the views for BI tools, on any engine: keys, joins, and sums that are the report's."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from functions.attribution.bi.dimensions import DIMENSIONS
from functions.attribution.bi.view import View
from functions.attribution.bi.views import VIEWS
from functions.report.figures import Figures, build
from functions.report.marts.questions import Period, ask
from shared.models import PATH_MODELS
from shared.settings import SiteSettings, published
from shared.sql import bind
from shared.warehouse import Row, Warehouse
from tests.lakes import NOW

QUERIES = Path(__file__).parents[1] / "docs/bi"
EVER = Period(date(2026, 1, 1), date(2026, 12, 31))
MONTH = Period(date(2026, 10, 1), date(2026, 10, 31))
FACTS = [view for view in VIEWS if view not in DIMENSIONS]
# Column of a fact → the dimension and its key.
KEYS = {
    "source_key": ("bi_dim_source", "source_key"),
    "date_key": ("bi_dim_date", "date_key"),
    "touch_date_key": ("bi_dim_date", "date_key"),
    "deal_key": ("bi_dim_deal", "deal_key"),
    "customer_key": ("bi_dim_customer", "customer_key"),
    "model_key": ("bi_dim_model", "model_key"),
    "site_id": ("bi_dim_site", "site_id"),
}
MEASURES = ("requests", "qualified", "sales", "revenue", "gross_profit")


def one(warehouse: Warehouse, sql: str) -> Row:
    """The one row of an answer."""
    (row,) = warehouse.rows(sql)
    return row


def assert_columns(warehouse: Warehouse, view: View) -> None:
    """The query gives the columns that the model describes, and some rows."""
    (row,) = warehouse.rows(f"SELECT * FROM {view.name} LIMIT 1")
    assert list(row) == view.column_names, view.name


def assert_key_is_unique(warehouse: Warehouse, view: View) -> None:
    found = one(warehouse, f"SELECT count(*) AS n, count({view.key}) AS told, count(DISTINCT {view.key}) AS keys FROM {view.name}")
    assert found["n"] == found["told"] == found["keys"] > 0, (view.name, found)


def assert_joins_keep_rows(warehouse: Warehouse, view: View) -> None:
    """Joined to every dimension whose key it has, a fact has as many rows as before, and each of its keys is there."""
    names = [name for name in view.column_names if name in KEYS]
    told = ", ".join(f"count({name}) AS {name}" for name in names)  # the row for no deal has no day
    rows = one(warehouse, f"SELECT count(*) AS n, {told} FROM {view.name}")
    found = ", ".join(f"count(d{place}.{KEYS[name][1]}) AS {name}" for place, name in enumerate(names))
    joins = [f"LEFT JOIN {KEYS[name][0]} AS d{place} ON d{place}.{KEYS[name][1]} = f.{name}" for place, name in enumerate(names)]
    assert one(warehouse, f"SELECT count(*) AS n, {found} FROM {view.name} AS f {' '.join(joins)}") == rows, view.name
    assert all(rows.values()), view.name
    if "request_key" in view.column_names and view.name != "bi_fact_requests":
        lost = f"""SELECT count(f.request_key) AS n FROM {view.name} AS f
            LEFT JOIN bi_fact_requests AS r ON r.request_key = f.request_key WHERE r.request_key IS NULL"""
        assert one(warehouse, lost)["n"] == 0, view.name


def report_of(warehouse: Warehouse, site: SiteSettings, period: Period, basis: str = "request") -> Figures:
    """The report's own figures of the period; channels that no rule names stay apart, as the views have them."""
    told: dict[str, Any] = published(site)
    settings = {
        **told,
        "report": {**told["report"], "date_basis": basis},
        "sources": {**told["sources"], "other_traffic": "apart"},
    }
    return build(settings, period, *ask(warehouse, settings, period), NOW)


def assert_sums_are_the_reports(warehouse: Warehouse, site: SiteSettings, period: Period) -> None:
    """Channel by channel, model by model, on each date basis."""
    days = f"site_id = '{site.site_id}' AND day BETWEEN DATE '{period.first}' AND DATE '{period.last}'"
    for basis, fact, where in (
        ("request", "bi_fact_credits", days),
        ("touch", "bi_fact_credits", days.replace("day BETWEEN", "touch_day BETWEEN")),
        ("payment", "bi_fact_credited_money", days),
    ):
        figures = report_of(warehouse, site, period, basis)
        by_channel = {row["channel"]: row for row in figures["channels"]}
        measures = MEASURES if basis != "payment" else ("sales", "revenue", "gross_profit")
        sums = ", ".join(f"sum(f.{name}) AS {name}" for name in measures)
        answer = warehouse.rows(
            f"""SELECT f.model, s.channel, {sums} FROM (SELECT * FROM {fact} WHERE {where}) AS f
            INNER JOIN bi_dim_source AS s ON s.source_key = f.source_key GROUP BY f.model, s.channel"""
        )
        for model in PATH_MODELS:
            found = {row["channel"]: row for row in answer if row["model"] == model}
            expected = {row["channel"]: row for row in figures["models"][model]}
            for channel in found.keys() | expected.keys():
                assert_same_measures(found.get(channel), expected.get(channel), measures, (basis, model, channel))
            if model == figures["model"]:
                for channel in found:
                    assert_same_measures(found[channel], by_channel.get(channel), measures, (basis, channel))
    figures = report_of(warehouse, site, period)
    for fact, measure in (("bi_fact_visits", "visits"), ("bi_fact_costs", "cost")):
        total = one(warehouse, f"SELECT sum({measure}) AS n FROM {fact} WHERE {days}")["n"] or 0
        assert abs(float(total) - float(figures["totals"][measure])) < 0.01, measure
        answer = warehouse.rows(
            f"""SELECT s.channel, sum(f.{measure}) AS n FROM (SELECT * FROM {fact} WHERE {days}) AS f
            INNER JOIN bi_dim_source AS s ON s.source_key = f.source_key GROUP BY s.channel"""
        )
        told = {row["channel"]: row[measure] for row in figures["channels"]}
        assert all(abs(float(row["n"] or 0) - float(told[row["channel"]])) < 0.02 for row in answer), measure
    counted = one(
        warehouse,
        f"SELECT sum(requests) AS requests, sum(sales) AS sales, sum(revenue) AS revenue FROM bi_fact_requests WHERE {days}",
    )
    assert_same_measures(counted, figures["totals"], ("requests", "sales", "revenue"), "requests")
    paid = one(warehouse, f"SELECT sum(revenue) AS revenue, sum(gross_profit) AS gross_profit FROM bi_fact_money WHERE {days}")
    assert_same_measures(paid, report_of(warehouse, site, period, "payment")["totals"], ("revenue", "gross_profit"), "money")
    calls = one(warehouse, f"SELECT count(*) AS n FROM bi_fact_calls WHERE {days}")["n"]
    assert calls == one(warehouse, f"SELECT count(*) AS n FROM calls WHERE {days}")["n"]


def assert_examples_are_the_reports(warehouse: Warehouse, site: SiteSettings, period: Period) -> None:
    """The example queries that a report answers too, channel by channel. `period` is one month."""
    figures = report_of(warehouse, site, period)
    told = {row["channel"]: row for row in figures["channels"]}
    for row in warehouse.rows(example("channel_payback_by_month", site, period)):
        expected = told.pop(row["channel"])
        assert_same_measures(row, expected, ("requests", "sales", "revenue"), row["channel"])
        assert abs(row["cost"] - expected["cost"]) <= Decimal("0.02"), row["channel"]  # a report shares kopecks out
        assert (row["gross_profit"] is None) == (expected["gross_profit"] is None), row["channel"]
        assert_same_measures(row, expected, ("gross_profit",), row["channel"])
        assert (row["margin_romi"] is None) == (expected["margin_romi"] is None), row["channel"]
        assert row["margin_romi"] == pytest.approx(expected["margin_romi"] or 0, rel=1e-4) or row["margin_romi"] is None, row[
            "channel"
        ]
    assert all(not row["cost"] and not row["requests"] and not row["revenue"] for row in told.values()), list(told)
    by_channel = {row["channel"]: row for row in figures["channels"]}
    for row in warehouse.rows(example("funnel_by_channel", site, period)):
        assert_same_measures(row, by_channel[row["channel"]], ("visits", "requests", "qualified", "sales"), row["channel"])
    models = {model: {row["channel"]: row for row in rows} for model, rows in figures["models"].items()}
    for row in warehouse.rows(example("models_side_by_side", site, period)):
        assert_same_measures(row, models[row["model"]][row["channel"]], ("requests", "sales", "revenue"), row["channel"])


def assert_same_measures(found: Row | None, expected: Mapping[str, Any] | None, names: tuple[str, ...], where: object) -> None:
    """Counts to a millionth, money to the kopeck. Nothing and 0 are one: a channel may have a row of zeros on one side."""
    for name in names:
        one_side = (found or {}).get(name) or 0
        other = (expected or {}).get(name) or 0
        assert abs(float(one_side) - float(other)) < 1e-6, (where, name, one_side, other)


def example(name: str, site: SiteSettings, period: Period = EVER) -> str:
    """A query of docs/bi with its parameters in place."""
    told = {"site_id": site.site_id, "first_day": period.first, "last_day": period.last}
    return bind((QUERIES / f"{name}.sql").read_text(encoding="utf-8"), {**told, "model": site.attribution.default_model})
