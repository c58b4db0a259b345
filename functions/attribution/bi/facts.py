"""Facts: what is counted and summed. Every row of a fact has its row in each dimension whose key it carries."""

from __future__ import annotations

from functions.attribution.bi.view import (
    CUSTOMER_KEY,
    DATE_KEY,
    DEAL_KEY,
    FIRST_DEALS,
    SITE,
    SOURCE_KEY,
    View,
    filled,
    key,
    source_key,
)
from shared.records import Column

VISITS = View(
    "bi_fact_visits",
    "Visits, one row each.",
    "visit_key",
    ("sessions",),
    (
        SITE,
        Column("visit_key", "varchar", "site/visit"),
        SOURCE_KEY,
        DATE_KEY,
        Column("day", "date", "site-local day of its start"),
        Column("started_at", "timestamp", "time of the first hit, UTC"),
        Column("visitor_id", "varchar", "visitor"),
        Column("hits", "bigint", "number of hits"),
        Column("is_direct", "boolean", "no source of its own"),
        Column("landing_path", "varchar", "path of the first page"),
        Column("country", "varchar", "of the first hit"),
        Column("region", "varchar", "of the first hit"),
        Column("city", "varchar", "of the first hit"),
        Column("visits", "bigint", "1: sum it"),
    ),
    """SELECT
    s.site_id, {visit_key} AS visit_key, {source_key} AS source_key, {date_key} AS date_key, s.day, s.started_at, s.visitor_id,
    s.hits, s.is_direct, s.landing_path, s.country, s.region, s.city, CAST(1 AS bigint) AS visits
FROM sessions AS s""",
)

COSTS = View(
    "bi_fact_costs",
    "Ad spend by day, at the depth that the ad account told.",
    "cost_key",
    ("costs",),
    (
        SITE,
        Column("cost_key", "varchar", "site/line"),
        SOURCE_KEY,
        DATE_KEY,
        Column("day", "date", "the account's day"),
        Column("account", "varchar", "ad account"),
        Column("clicks", "bigint", "clicks"),
        Column("impressions", "bigint", "impressions"),
        Column("cost", "decimal(18,6)", "site currency; empty when its day has no rate, and then in no total"),
        Column("original_cost", "decimal(18,6)", "as imported"),
        Column("currency", "varchar", "as imported"),
    ),
    """SELECT
    c.site_id, {cost_key} AS cost_key, {source_key} AS source_key, {date_key} AS date_key, c.day, c.account, c.clicks,
    c.impressions, c.cost, c.original_cost, c.currency
FROM costs AS c""",
)

REQUESTS = View(
    "bi_fact_requests",
    "Requests, one row each, whether counted or not. Where they came from: bi_fact_credits.",
    "request_key",
    ("requests", "deals"),
    (
        SITE,
        Column("request_key", "varchar", "site/request"),
        Column("request_id", "varchar", "our id; crm:<deal> when implied by a deal that found none"),
        CUSTOMER_KEY,
        Column("deal_key", "varchar", "key of bi_dim_deal: its first deal; site/- where there is none"),
        DATE_KEY,
        Column("day", "date", "site-local day of the request"),
        Column("created_at", "timestamp", "when it was made, UTC"),
        Column("contact_channel", "varchar", "form, call, email, chat, messenger, visit, manual, crm (implied)"),
        Column("is_counted", "boolean", "confirmed, neither duplicate nor repeat"),
        Column("is_confirmed", "boolean", "a deal beyond cleaning and unsorted, or a unique target call"),
        Column("is_repeat", "boolean", "made while a deal of the same person was open"),
        Column("is_duplicate", "boolean", "an earlier confirmed request of the person stands before it"),
        Column("is_disqualified", "boolean", "lost and never qualified"),
        Column("loss_reason", "varchar", "why it was lost"),
        Column("no_source_reason", "varchar", "why it has no source, if no touch gets a credit"),
        Column("requests", "bigint", "1 where counted: the report's requests"),
        Column("qualified", "bigint", "1 where counted and qualified"),
        Column("deals", "bigint", "deals that name it"),
        Column("sales", "bigint", "its deals that became sales"),
        Column("revenue", "decimal(18,2)", "money to date"),
        Column("gross_profit", "decimal(18,2)", "money less cost price; empty where no cost price applies"),
    ),
    """WITH {first_deals}
SELECT
    r.site_id, {request_key} AS request_key, r.request_id, {customer_key} AS customer_key,
    r.site_id || '/' || coalesce(f.deal_id, '-') AS deal_key, {date_key} AS date_key, r.day, r.created_at, r.contact_channel,
    coalesce(r.is_counted, FALSE) AS is_counted, coalesce(r.is_confirmed, FALSE) AS is_confirmed,
    r.repeat_of IS NOT NULL AS is_repeat, r.duplicate_of IS NOT NULL AS is_duplicate,
    coalesce(r.is_disqualified, FALSE) AS is_disqualified, r.loss_reason, r.no_source_reason,
    CAST(CASE WHEN r.is_counted THEN 1 ELSE 0 END AS bigint) AS requests,
    CAST(CASE WHEN r.is_qualified THEN 1 ELSE 0 END AS bigint) AS qualified,
    coalesce(r.deals, 0) AS deals, coalesce(r.sales, 0) AS sales, r.revenue, r.gross_profit
FROM requests AS r
LEFT JOIN first_deals AS f ON f.site_id = r.site_id AND f.request_id = r.request_id""",
)

MONEY = View(
    "bi_fact_money",
    "Money of deals as it came, uncut: payments, refunds, sums that entered or left the money stage.",
    "money_key",
    ("money_events", "deals", "customers"),
    (
        SITE,
        Column("money_key", "varchar", "site/money event"),
        DEAL_KEY,
        Column("request_key", "varchar", "key of bi_fact_requests: the deal's origin request"),
        CUSTOMER_KEY,
        DATE_KEY,
        Column("day", "date", "site-local day"),
        Column("occurred_at", "timestamp", "when, UTC"),
        Column("kind", "varchar", "payment, refund, stage, claim"),
        Column("revenue", "decimal(18,2)", "site currency; empty when its day has no rate"),
        Column("gross_profit", "decimal(18,2)", "revenue less cost price; empty where none applies"),
        Column("original_amount", "decimal(18,2)", "as told"),
        Column("currency", "varchar", "as told"),
    ),
    """SELECT
    e.site_id, {money_key} AS money_key, e.site_id || '/' || coalesce(d.deal_id, '-') AS deal_key, {request_key} AS request_key,
    e.site_id || '/' || coalesce(c.person_id, '-') AS customer_key, {date_key} AS date_key, e.day, e.occurred_at,
    e.kind, e.amount AS revenue, CAST(e.amount - e.cost_price AS decimal(18, 2)) AS gross_profit, e.original_amount, e.currency
FROM money_events AS e
LEFT JOIN deals AS d ON d.site_id = e.site_id AND d.deal_id = e.deal_id
LEFT JOIN customers AS c ON c.site_id = d.site_id AND c.person_id = d.person_id""",
)

CALLS = View(
    "bi_fact_calls",
    "Calls, in and out, one row each.",
    "call_key",
    ("calls", "requests"),
    (
        SITE,
        Column("call_key", "varchar", "site/telephony/call"),
        Column("request_key", "varchar", "key of bi_fact_requests; empty for calls that make none (outgoing, spam)"),
        CUSTOMER_KEY,
        Column("source_key", "varchar", "key of bi_dim_source: the call's own source, of its number or visitor"),
        DATE_KEY,
        Column("day", "date", "site-local day"),
        Column("started_at", "timestamp", "when it began to ring, UTC"),
        Column("provider", "varchar", "telephony"),
        Column("direction", "varchar", "in, out"),
        Column("number", "varchar", "our number, E.164"),
        Column("outcome", "varchar", "answered, missed, abandoned, busy, failed"),
        Column("answered_by", "varchar", "extension or name of who talked"),
        Column("is_answered", "boolean", "somebody answered"),
        Column("is_target", "boolean", "incoming, answered, long enough, no spam"),
        Column("is_unique", "boolean", "incoming, and no target call of that caller in the day before"),
        Column("is_spam", "boolean", "of a caller who rings often and never talks"),
        Column("resolved_by", "varchar", "lease, code, late_lease, caller, number, nothing"),
        Column("wait_seconds", "bigint", "to the answer, or to the end of a missed call"),
        Column("talk_seconds", "bigint", "seconds of talk"),
        Column("calls", "bigint", "1: sum it"),
    ),
    """SELECT
    c.site_id, c.site_id || '/' || c.provider || '/' || c.call_id AS call_key, {request_key} AS request_key,
    c.site_id || '/' || coalesce(nullif(r.person_id, ''), '-') AS customer_key, {source_key} AS source_key, {date_key} AS date_key,
    c.day, c.started_at, c.provider, c.direction, c.number, c.outcome, c.answered_by, c.is_answered, c.is_target, c.is_unique,
    c.is_spam, c.resolved_by, c.wait_seconds, c.talk_seconds, CAST(1 AS bigint) AS calls
FROM calls AS c
LEFT JOIN requests AS r ON r.site_id = c.site_id AND r.request_id = c.request_id""",
)


FACTS = (
    filled(VISITS, visit_key=key("s", "session_id"), source_key=source_key("s"), date_key=key("s", "day")),
    filled(COSTS, cost_key=key("c", "cost_id"), source_key=source_key("c"), date_key=key("c", "day")),
    filled(
        REQUESTS,
        first_deals=FIRST_DEALS,
        request_key=key("r", "request_id"),
        customer_key=key("r", "person_id", "-"),
        date_key=key("r", "day"),
    ),
    filled(MONEY, money_key=key("e", "money_event_id"), request_key=key("e", "request_id"), date_key=key("e", "day")),
    filled(CALLS, request_key=key("c", "request_id"), source_key=source_key("c"), date_key=key("c", "day")),
)
