"""What a view for BI tools is, and the parts that many of them have: keys that one column can join by, and days."""

from __future__ import annotations

from typing import NamedTuple

from functions.attribution.statements import render_text
from shared.models import PATH_MODELS
from shared.records import Column

NO_SOURCE = "no source"  # as the report calls the channel of requests that nothing brought; its sources are the reasons


class View(NamedTuple):
    """`key` identifies a row over all sites; `reads` are the marts that it asks; `sql` is a SELECT of exactly `columns`."""

    name: str
    doc: str
    key: str
    reads: tuple[str, ...]
    columns: tuple[Column, ...]
    sql: str

    @property
    def column_names(self) -> list[str]:
        return [c.name for c in self.columns]


SITE = Column("site_id", "varchar", "site")
SOURCE_KEY = Column("source_key", "varchar", "key of bi_dim_source")
DATE_KEY = Column("date_key", "varchar", "key of bi_dim_date, for `day`")
DEAL_KEY = Column("deal_key", "varchar", "key of bi_dim_deal; site/- where there is none")
CUSTOMER_KEY = Column("customer_key", "varchar", "key of bi_dim_customer; site/- where nobody is known")
MODEL_KEY = Column("model_key", "varchar", "key of bi_dim_model")
REQUEST_KEY = Column("request_key", "varchar", "key of bi_fact_requests")

SOURCE_PARTS = ("channel", "source", "medium", "campaign", "content", "term")
# A request's first deal: the one whose manager, product and pipeline a request is counted under.
FIRST_DEALS = """first_deals AS (
    SELECT site_id, request_id, deal_id
    FROM (
        SELECT site_id, request_id, deal_id,
            row_number() OVER (PARTITION BY site_id, request_id ORDER BY created_at, deal_id) AS place
        FROM deals
        WHERE merged_into IS NULL AND NOT coalesce(is_apart, FALSE)
    ) AS numbered
    WHERE place = 1
)"""
# What no touch gets a credit for, under each model.
UNTOUCHED = """untouched AS (
    SELECT
        r.site_id, r.request_id, m.model, r.day, r.revenue, r.gross_profit,
        coalesce(nullif(r.no_source_reason, ''), 'not_determined') AS reason
    FROM requests AS r
    CROSS JOIN ({models}) AS m
    LEFT JOIN (SELECT DISTINCT site_id, request_id, model FROM credits) AS f
        ON f.site_id = r.site_id AND f.request_id = r.request_id AND f.model = m.model
    WHERE f.request_id IS NULL
)"""


def source_key(alias: str) -> str:
    """The key of a row's source: a digest, because BI tools compare texts without regard to case. Every part stands with its
    length, so that two sources never have one text."""
    return _digest(alias, [f"coalesce({alias}.{part}, '')" for part in SOURCE_PARTS])


def reason_key(alias: str) -> str:
    """The same of a request that no touch gets a credit for: channel "no source", its reason as the source."""
    return _digest(alias, [f"'{NO_SOURCE}'", f"{alias}.reason", *["''"] * 4])


def _digest(alias: str, parts: list[str]) -> str:
    text = " || ".join(f"CAST(length({part}) AS varchar) || ':' || {part}" for part in parts)
    return f"lower(to_hex(md5(to_utf8({alias}.site_id || ' ' || {text}))))"


def key(alias: str, name: str, otherwise: str = "") -> str:
    """`site/value`; with `otherwise`, that word where there is no value."""
    value = f"CAST({alias}.{name} AS varchar)"
    if otherwise:
        value = f"coalesce(nullif({value}, ''), '{otherwise}')"
    return f"{alias}.site_id || '/' || {value}"


def models() -> str:
    """A relation of all models that credit touches."""
    rows = ", ".join(f"'{name}'" for name in PATH_MODELS)
    return f"SELECT CAST(v.model AS varchar) AS model FROM (VALUES {rows}) AS v (model)"  # noqa: S608 (our own names)


def filled(view: View, **parts: str) -> View:
    """A view with the parts of its query in place; `{settings}` and `{models}` stay for whoever makes it."""
    return view._replace(sql=render_text(view.sql, **parts))
