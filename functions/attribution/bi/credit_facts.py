"""Facts of credits: what each touch is given of requests, sales and money, per model."""

from __future__ import annotations

from functions.attribution.bi.view import (
    CUSTOMER_KEY,
    DATE_KEY,
    DEAL_KEY,
    FIRST_DEALS,
    MODEL_KEY,
    REQUEST_KEY,
    SITE,
    SOURCE_KEY,
    UNTOUCHED,
    View,
    filled,
    key,
    reason_key,
    source_key,
)
from shared.records import Column

CREDITS = View(
    "bi_fact_credits",
    "Which part of each request every touch gets, per model; of requests that nothing brought, one row per model. Summed over one "
    "model it is the report by request day (`day`) or by touch day (`touch_day`).",
    "credit_key",
    ("credits", "paths", "requests", "deals"),
    (
        SITE,
        Column("credit_key", "varchar", "site/request/model/touch"),
        REQUEST_KEY,
        MODEL_KEY,
        Column("model", "varchar", "name of the model"),
        SOURCE_KEY,
        CUSTOMER_KEY,
        Column("deal_key", "varchar", "key of bi_dim_deal: the request's first deal; site/- where there is none"),
        DATE_KEY,
        Column("day", "date", "site-local day of the request"),
        Column("touch_date_key", "varchar", "key of bi_dim_date, for `touch_day`"),
        Column("touch_day", "date", "site-local day of the touch; of requests without one, the day of the request"),
        Column("touch_id", "varchar", "visit or request that is the touch; empty without one"),
        Column("position", "bigint", "place in the path, from 1; 0 without a touch"),
        Column("path_length", "bigint", "touches in the path; 0 without a touch"),
        Column("weight", "double", "share of the request; sums to 1 per request and model"),
        Column("requests", "double", "weight where the request is counted"),
        Column("qualified", "double", "weight where it is counted and qualified"),
        Column("sales", "double", "weight times its sales"),
        Column("revenue", "decimal(18,2)", "part of the money to date"),
        Column("gross_profit", "decimal(18,2)", "part of the gross profit; empty where no cost price applies"),
    ),
    """WITH {first_deals},
{untouched},
parts AS (
    SELECT
        c.site_id, c.request_id, c.model, c.touch_id, {source_key} AS source_key, c.day, coalesce(p.touch_day, c.day) AS touch_day,
        c.position, c.path_length, c.weight, c.revenue, c.gross_profit
    FROM credits AS c
    LEFT JOIN paths AS p ON p.site_id = c.site_id AND p.request_id = c.request_id AND p.touch_id = c.touch_id
    UNION ALL
    SELECT
        u.site_id, u.request_id, u.model, '', {reason_key}, u.day, u.day, CAST(0 AS bigint), CAST(0 AS bigint), 1e0,
        u.revenue, u.gross_profit
    FROM untouched AS u
)
SELECT
    p.site_id, p.site_id || '/' || p.request_id || '/' || p.model || '/' || p.touch_id AS credit_key,
    {request_key} AS request_key, {model_key} AS model_key, p.model, p.source_key, {customer_key} AS customer_key,
    p.site_id || '/' || coalesce(f.deal_id, '-') AS deal_key, {date_key} AS date_key, p.day, {touch_date_key} AS touch_date_key,
    p.touch_day, p.touch_id, p.position, p.path_length, p.weight,
    CASE WHEN r.is_counted THEN p.weight ELSE 0e0 END AS requests,
    CASE WHEN r.is_qualified THEN p.weight ELSE 0e0 END AS qualified,
    p.weight * CAST(coalesce(r.sales, 0) AS double) AS sales, p.revenue, p.gross_profit
FROM parts AS p
INNER JOIN requests AS r ON r.site_id = p.site_id AND r.request_id = p.request_id
LEFT JOIN first_deals AS f ON f.site_id = p.site_id AND f.request_id = p.request_id""",
)

CREDITED_MONEY = View(
    "bi_fact_credited_money",
    "Sales and money by their own days, cut over the touches of each model: the report by payment day. Requests, visits and spend "
    "stand in their own facts.",
    "part_key",
    ("credits", "credit_money", "money_events", "deals", "requests"),
    (
        SITE,
        Column("part_key", "varchar", "site/kind/request/model/touch/money event or deal"),
        Column("kind", "varchar", "money, sale"),
        REQUEST_KEY,
        DEAL_KEY,
        MODEL_KEY,
        Column("model", "varchar", "name of the model"),
        SOURCE_KEY,
        DATE_KEY,
        Column("day", "date", "site-local day of the money, or on which the deal became a sale"),
        Column("touch_id", "varchar", "visit or request that is the touch; empty without one"),
        Column("sales", "double", "rows of kind sale: the touch's share of the sale; else 0"),
        Column("revenue", "decimal(18,2)", "rows of kind money: part of the money"),
        Column("gross_profit", "decimal(18,2)", "rows of kind money: part of the gross profit; empty where no cost price applies"),
    ),
    """WITH {untouched},
credited AS (
    SELECT c.site_id, c.request_id, c.model, c.touch_id, c.weight, {source_key} AS source_key FROM credits AS c
    UNION ALL
    SELECT u.site_id, u.request_id, u.model, '', 1e0, {reason_key} FROM untouched AS u
),
parts AS (
    SELECT
        'money' AS kind, c.site_id, c.request_id, c.model, c.touch_id, c.source_key, m.money_event_id AS part_id, e.deal_id, m.day,
        0e0 AS sales, m.revenue, m.gross_profit
    FROM credited AS c
    INNER JOIN credit_money AS m
        ON m.site_id = c.site_id AND m.request_id = c.request_id AND m.model = c.model AND m.touch_id = c.touch_id
    LEFT JOIN money_events AS e ON e.site_id = m.site_id AND e.money_event_id = m.money_event_id
    WHERE c.touch_id <> ''
    UNION ALL
    SELECT
        'money', c.site_id, c.request_id, c.model, '', c.source_key, e.money_event_id, e.deal_id, e.day, 0e0, e.amount,
        CAST(e.amount - e.cost_price AS decimal(18, 2))
    FROM credited AS c
    INNER JOIN money_events AS e ON e.site_id = c.site_id AND e.request_id = c.request_id
    WHERE c.touch_id = ''
    UNION ALL
    SELECT
        'sale', c.site_id, c.request_id, c.model, c.touch_id, c.source_key, d.deal_id, d.deal_id, d.sale_day, c.weight,
        CAST(NULL AS decimal(18, 2)), CAST(NULL AS decimal(18, 2))
    FROM credited AS c
    INNER JOIN deals AS d ON d.site_id = c.site_id AND d.request_id = c.request_id
    WHERE d.sale_day IS NOT NULL
)
SELECT
    p.site_id,
    p.site_id || '/' || p.kind || '/' || p.request_id || '/' || p.model || '/' || p.touch_id || '/' || p.part_id AS part_key,
    CAST(p.kind AS varchar) AS kind, {request_key} AS request_key, {deal_key} AS deal_key, {model_key} AS model_key, p.model,
    p.source_key, {date_key} AS date_key, p.day, p.touch_id, p.sales, p.revenue, p.gross_profit
FROM parts AS p""",
)

_PARTS = {
    "untouched": UNTOUCHED,
    "source_key": source_key("c"),
    "reason_key": reason_key("u"),
    "request_key": key("p", "request_id"),
    "model_key": key("p", "model"),
    "date_key": key("p", "day"),
}

CREDIT_FACTS = (
    filled(
        CREDITS, **_PARTS, first_deals=FIRST_DEALS, customer_key=key("r", "person_id", "-"), touch_date_key=key("p", "touch_day")
    ),
    filled(CREDITED_MONEY, **_PARTS, deal_key=key("p", "deal_id", "-")),
)
