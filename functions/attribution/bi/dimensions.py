"""Dimensions: what facts are grouped and filtered by. Each has one row per key."""

from __future__ import annotations

from functions.attribution.bi.view import (
    CUSTOMER_KEY,
    DATE_KEY,
    NO_SOURCE,
    SITE,
    View,
    filled,
    key,
    source_key,
)
from functions.attribution.table import SOURCE_COLUMNS
from functions.attribution.tables import DEALS
from shared.records import Column

SITES = View(
    "bi_dim_site",
    "Every site that has settings or rows.",
    "site_id",
    ("sessions", "requests", "costs", "calls", "deals", "money_events"),
    (
        SITE,
        Column("name", "varchar", "name by the settings"),
        Column("currency", "varchar", "currency of all money that does not tell its own"),
        Column("time_zone", "varchar", "its days are days of this zone"),
        Column("default_model", "varchar", "the model of its reports"),
    ),
    """WITH present AS (
    SELECT site_id FROM sessions
    UNION
    SELECT site_id FROM requests
    UNION
    SELECT site_id FROM costs
    UNION
    SELECT site_id FROM calls
    UNION
    SELECT site_id FROM deals
    UNION
    SELECT site_id FROM money_events
    UNION
    SELECT site_id FROM ({settings}) AS s
)
SELECT p.site_id, coalesce(s.name, p.site_id) AS name, s.currency, s.time_zone, s.default_model
FROM present AS p
LEFT JOIN ({settings}) AS s ON s.site_id = p.site_id""",
)

DATES = View(
    "bi_dim_date",
    "Every day that has a visit, request, deal, call, touch, spend or money, site by site.",
    "date_key",
    ("sessions", "requests", "costs", "calls", "deals", "money_events", "paths"),
    (
        SITE,
        Column("date_key", "varchar", "site/day"),
        Column("day", "date", "site-local day"),
        Column("year", "bigint", "year"),
        Column("quarter", "varchar", "2026-Q4"),
        Column("month", "varchar", "2026-10"),
        Column("month_start", "date", "first day of the month"),
        Column("week_start", "date", "Monday of the week"),
        Column("weekday", "bigint", "1 = Monday … 7 = Sunday"),
        Column("is_weekend", "boolean", "Saturday or Sunday"),
    ),
    """WITH present AS (
    SELECT site_id, day FROM sessions
    UNION
    SELECT site_id, day FROM requests
    UNION
    SELECT site_id, day FROM costs
    UNION
    SELECT site_id, day FROM calls
    UNION
    SELECT site_id, day FROM deals
    UNION
    SELECT site_id, sale_day FROM deals
    UNION
    SELECT site_id, day FROM money_events
    UNION
    SELECT site_id, touch_day FROM paths
),
told AS (
    SELECT site_id, day, CAST(day AS varchar) AS text, CAST(date_trunc('week', day) AS date) AS week_start
    FROM present
    WHERE day IS NOT NULL
)
SELECT
    t.site_id, {date_key} AS date_key, t.day,
    CAST(substr(t.text, 1, 4) AS bigint) AS year,
    substr(t.text, 1, 4) || '-Q' || CASE
        WHEN substr(t.text, 6, 2) < '04' THEN '1' WHEN substr(t.text, 6, 2) < '07' THEN '2'
        WHEN substr(t.text, 6, 2) < '10' THEN '3' ELSE '4'
    END AS quarter,
    substr(t.text, 1, 7) AS month,
    CAST(substr(t.text, 1, 7) || '-01' AS date) AS month_start,
    t.week_start,
    date_diff('day', t.week_start, t.day) + 1 AS weekday,
    date_diff('day', t.week_start, t.day) >= 5 AS is_weekend
FROM told AS t""",
)

SOURCES = View(
    "bi_dim_source",
    f'Every source of a visit, touch, call or line of spend. Requests that nothing brought: channel "{NO_SOURCE}", '
    "the reason as the source.",
    "source_key",
    ("sessions", "requests", "costs", "calls", "sources"),
    (
        SITE,
        Column("source_key", "varchar", "digest of site and all six parts"),
        *SOURCE_COLUMNS,
        Column("is_ad", "boolean", f"somebody pays for this channel; empty for {NO_SOURCE}"),
        Column("is_no_source", "boolean", "requests without a source; the reason stands in `source`"),
    ),
    """WITH seen AS (
    SELECT site_id, channel, source, medium, campaign, content, term FROM sessions
    UNION ALL
    SELECT site_id, channel, source, medium, campaign, content, term FROM requests WHERE is_touch
    UNION ALL
    SELECT site_id, channel, source, medium, campaign, content, term FROM costs
    UNION ALL
    SELECT site_id, channel, source, medium, campaign, content, term FROM calls
    UNION ALL
    SELECT site_id, '{no_source}', coalesce(nullif(no_source_reason, ''), 'not_determined'), '', '', '', '' FROM requests
),
present AS (
    SELECT DISTINCT
        site_id, coalesce(channel, '') AS channel, coalesce(source, '') AS source, coalesce(medium, '') AS medium,
        coalesce(campaign, '') AS campaign, coalesce(content, '') AS content, coalesce(term, '') AS term
    FROM seen
),
kinds AS (
    SELECT site_id, channel, max(CASE WHEN is_ad THEN 1 ELSE 0 END) = 1 AS is_ad
    FROM sources
    GROUP BY site_id, channel
)
SELECT
    p.site_id, {source_key} AS source_key, p.channel, p.source, p.medium, p.campaign, p.content, p.term,
    CASE WHEN p.channel <> '{no_source}' THEN coalesce(k.is_ad, p.channel = '(not set)') END AS is_ad,
    p.channel = '{no_source}' AS is_no_source
FROM present AS p
LEFT JOIN kinds AS k ON k.site_id = p.site_id AND k.channel = p.channel""",
)

MODELS = View(
    "bi_dim_model",
    "The attribution models that credit touches. Filter on one: each of them tells all requests and all money again.",
    "model_key",
    SITES.reads,
    (
        SITE,
        Column("model_key", "varchar", "site/model"),
        Column("model", "varchar", "name of the model (docs/method.md, models)"),
        Column("is_default", "boolean", "the model of the site's reports"),
    ),
    """SELECT s.site_id, s.site_id || '/' || m.model AS model_key, m.model, coalesce(s.default_model = m.model, FALSE) AS is_default
FROM ({sites}) AS s
CROSS JOIN ({models}) AS m""",
)

_OF_DEALS = (
    "created_at", "day", "pipeline", "pipeline_kind", "stage", "meaning", "was_qualified", "is_claim", "closed_at", "loss_reason",
    "loss_group", "is_duplicate", "amount", "cost_price", "currency", "sale_day", "revenue", "gross_profit", "manager", "branch",
    "product", "tags", "order_id", "crm_source", "match_method", "is_handmade", "communications", "receivable",
)  # fmt: skip
_TYPES = {c.name: c for c in DEALS.columns}
_KEPT = tuple(_TYPES[name] for name in _OF_DEALS)

DEALS_VIEW = View(
    "bi_dim_deal",
    "Every deal in its latest state, and one row `site/-` for what belongs to no deal.",
    "deal_key",
    ("deals", "customers", "requests", "money_events"),
    (
        SITE,
        Column("deal_key", "varchar", "site/deal"),
        Column("deal_id", "varchar", "provider:id; empty in the row for none"),
        Column("request_key", "varchar", "key of bi_fact_requests: its origin request; empty for deals that the report leaves out"),
        CUSTOMER_KEY,
        DATE_KEY,
        Column("is_reported", "boolean", "a deal of the report: not absorbed by another one, and in a pipeline that sells"),
        *_KEPT,
    ),
    """SELECT
    d.site_id, {deal_key} AS deal_key, d.deal_id, {request_key} AS request_key,
    d.site_id || '/' || coalesce(c.person_id, '-') AS customer_key, {date_key} AS date_key,
    d.merged_into IS NULL AND NOT coalesce(d.is_apart, FALSE) AS is_reported,
    {columns}
FROM deals AS d
LEFT JOIN requests AS r ON r.site_id = d.site_id AND r.request_id = d.request_id
LEFT JOIN customers AS c ON c.site_id = d.site_id AND c.person_id = d.person_id
UNION ALL
SELECT n.site_id, n.site_id || '/-', '', NULL, n.site_id || '/-', NULL, FALSE,
    {nulls}
FROM (SELECT site_id FROM requests UNION SELECT site_id FROM money_events) AS n""",
)

_OF_CUSTOMERS = (
    Column("cohort_month", "varchar", "YYYY-MM of the first touch, else of the first request, else of the first deal"),
    Column("abcd", "varchar", "A, B, C, D by the share of LTV revenue; empty without positive LTV revenue"),
    Column("channel", "varchar", "of the first touch; empty if he never came by one"),
    Column("source", "varchar", "of the first touch"),
    Column("medium", "varchar", "of the first touch"),
    Column("campaign", "varchar", "of the first touch"),
    Column("first_touch_day", "date", "site-local day of the first touch"),
    Column("first_request_at", "timestamp", "his first request, counted or not; UTC"),
    Column("requests", "bigint", "counted requests"),
    Column("deals", "bigint", "deals, claims too"),
    Column("sales", "bigint", "deals that became sales"),
    Column("repeat_sales", "bigint", "sales after the first one"),
    Column("first_sale_day", "date", "site-local day of the first sale"),
    Column("last_sale_day", "date", "site-local day of the last sale"),
    Column("ltv_revenue", "decimal(18,2)", "all money of his deals to date, refunds and claims off"),
    Column("ltv_profit", "decimal(18,2)", "the same less cost price; empty where no cost price applies"),
    Column("unpriced_revenue", "decimal(18,2)", "the part of ltv_revenue without a cost price, which ltv_profit leaves out"),
)

CUSTOMERS_VIEW = View(
    "bi_dim_customer",
    "Everybody with a request or a deal, and one row `site/-` for whom nobody knows. No name, phone or e-mail stands here.",
    "customer_key",
    ("customers", "requests", "calls", "money_events"),
    (
        SITE,
        Column("customer_key", "varchar", "site/person"),
        Column("person_id", "varchar", "person; empty in the row for nobody"),
        *_OF_CUSTOMERS,
    ),
    """SELECT c.site_id, {customer_key} AS customer_key, c.person_id,
    {columns}
FROM customers AS c
UNION ALL
SELECT n.site_id, n.site_id || '/-', '',
    {nulls}
FROM (
    SELECT site_id FROM requests UNION SELECT site_id FROM calls UNION SELECT site_id FROM money_events
) AS n""",
)


def _listed(alias: str, columns: tuple[Column, ...]) -> str:
    return ", ".join(f"{alias}.{c.name}" for c in columns)


def _nulls(columns: tuple[Column, ...]) -> str:
    return ", ".join(f"CAST(NULL AS {c.type})" for c in columns)


DIMENSIONS = (
    SITES,
    filled(DATES, date_key=key("t", "day")),
    filled(SOURCES, source_key=source_key("p"), no_source=NO_SOURCE),
    filled(MODELS, sites=SITES.sql),
    filled(
        DEALS_VIEW,
        deal_key=key("d", "deal_id"),
        request_key=key("r", "request_id"),
        date_key=key("d", "day"),
        columns=_listed("d", _KEPT),
        nulls=_nulls(_KEPT),
    ),
    filled(
        CUSTOMERS_VIEW,
        customer_key=key("c", "person_id"),
        columns=_listed("c", _OF_CUSTOMERS),
        nulls=_nulls(_OF_CUSTOMERS),
    ),
)
