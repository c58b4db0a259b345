-- When did which money come or go? Payments where a deal has a positive one; else its sum as it enters, changes in and leaves
-- the money stage. Deals that were taken over bring none; their payments count for their survivor where it tells no money of its own.
-- (A product beyond 100 trillion stays empty and is listed like a missing rate.) Refunds are negative in both cases; a claim is minus its sum. Each in its currency and at its day's rate.
WITH
-- include: :scope
told AS (
    SELECT
        s.deal_id,
        d.survivor IS NULL AS is_own,
        'payment:' || d.deal_id || ':' || coalesce(p.payment_id, p.record_id) AS money_event_id,
        p.occurred_at, p.amount, coalesce(p.currency, :currency) AS currency,
        row_number() OVER (
            PARTITION BY p.provider, p.deal_id, coalesce(p.payment_id, p.record_id)
            -- The latest change: the CRM's own time of it stands in the record's id, a UUIDv7 (functions/crm_webhook/deals.py); else
            -- the arrival.
            ORDER BY
                CASE WHEN p.via <> 'import' AND regexp_like(p.record_id, '^[0-9a-f]{8}-[0-9a-f]{4}-7') THEN substr(p.record_id, 1, 13) ELSE '' END DESC,
                p.received_at DESC, p.record_id DESC
        ) AS age
    FROM payments AS p
    INNER JOIN deal_facts AS d ON d.site_id = :site_id AND d.deal_id = p.provider || ':' || p.deal_id
    INNER JOIN scope AS s ON s.deal_id = coalesce(d.survivor, d.deal_id)
    WHERE p.site_id = :site_id AND (d.merged_into IS NULL OR d.survivor IS NOT NULL)
),

payment AS (
    SELECT t.*
    FROM (SELECT *, bool_or(is_own AND amount <> 0) OVER (PARTITION BY deal_id) AS has_own FROM told) AS t
    INNER JOIN deal_facts AS d ON d.site_id = :site_id AND d.deal_id = t.deal_id AND NOT d.is_apart
    WHERE t.is_own OR (NOT t.has_own AND coalesce(d.amount, 0) = 0)
),

paid AS (
    SELECT p.deal_id
    FROM payment AS p
    INNER JOIN deal_facts AS d ON d.site_id = :site_id AND d.deal_id = p.deal_id AND NOT d.is_claim
    WHERE p.age = 1
    GROUP BY p.deal_id
    HAVING max(p.amount) > 0
),

valued AS (
    SELECT
        s.deal_id, s.record_id, s.place, s.occurred_at, c.currency, s.meaning,
        CASE
            WHEN c.currency <> s.currency THEN 0
            WHEN s.meaning = 'claim' THEN -abs(coalesce(s.amount, 0))
            WHEN s.meaning_rank >= s.money_rank THEN coalesce(s.amount, 0)
            ELSE 0
        END AS value
    FROM deal_states AS s
    INNER JOIN scope AS k ON k.deal_id = s.deal_id
    INNER JOIN (SELECT DISTINCT deal_id, currency FROM deal_states WHERE site_id = :site_id) AS c ON c.deal_id = s.deal_id
    INNER JOIN deal_facts AS d ON d.site_id = :site_id AND d.deal_id = s.deal_id AND d.merged_into IS NULL AND NOT d.is_apart
    LEFT JOIN paid AS p ON p.deal_id = s.deal_id
    WHERE s.site_id = :site_id AND p.deal_id IS NULL
),

moved AS (
    SELECT
        deal_id, record_id, occurred_at, currency, meaning,
        CAST(value - lag(value, 1, 0) OVER (PARTITION BY deal_id, currency ORDER BY place) AS decimal(18, 2)) AS amount
    FROM valued
),

came AS (
    SELECT deal_id, 'state:' || record_id || ':' || currency AS money_event_id, occurred_at, amount, currency,
        CASE WHEN meaning = 'claim' THEN 'claim' ELSE 'stage' END AS kind
    FROM moved
    WHERE amount <> 0
    UNION ALL
    SELECT p.deal_id, p.money_event_id, p.occurred_at, p.amount, p.currency,
        CASE WHEN p.amount < 0 THEN 'refund' ELSE 'payment' END AS kind
    FROM payment AS p
    INNER JOIN deal_facts AS d ON d.site_id = :site_id AND d.deal_id = p.deal_id
    WHERE p.age = 1 AND p.amount <> 0 AND (p.amount < 0 OR NOT d.is_claim)
),

dated AS (
    SELECT
        c.*,
        CAST(with_timezone(c.occurred_at, 'UTC') AT TIME ZONE :time_zone AS date) AS day,
        m.request_id,
        d.is_claim,
        CAST(d.amount * 100 AS bigint) AS deal_kopecks,
        CAST(d.cost_price * 100 AS bigint) AS cost_kopecks,
        CAST(c.amount * 100 AS bigint) AS kopecks,
        sum(CAST(c.amount * 100 AS bigint)) OVER (
            PARTITION BY c.deal_id ORDER BY c.occurred_at, c.money_event_id ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS running
    FROM came AS c
    INNER JOIN deal_facts AS d ON d.site_id = :site_id AND d.deal_id = c.deal_id
    INNER JOIN deal_matches AS m ON m.site_id = :site_id AND m.deal_id = c.deal_id
),

costed AS (
    SELECT
        *,
        CASE
            WHEN NOT is_claim AND deal_kopecks <> 0 AND cost_kopecks IS NOT NULL
                AND abs(CAST(cost_kopecks AS double) * CAST(running AS double) / CAST(deal_kopecks AS double)) < 1e16
            THEN CAST(round(CAST(cost_kopecks AS double) * CAST(running AS double) / CAST(deal_kopecks AS double)) AS bigint)
        END AS running_cost
    FROM dated
),

parted AS (
    SELECT
        c.*,
        CASE
            WHEN c.is_claim THEN 0
            WHEN c.running_cost IS NOT NULL
            THEN c.running_cost - lag(c.running_cost, 1, 0) OVER (PARTITION BY c.deal_id ORDER BY c.occurred_at, c.money_event_id)
            ELSE CAST(round(CAST(c.kopecks AS double) * (100 - CAST(g.percent AS double)) / 100) AS bigint)
        END AS part_cost,
        CASE WHEN c.currency = :currency THEN 1e0 ELSE CAST(r.rate AS double) END AS rate
    FROM costed AS c
    LEFT JOIN rule_margins AS g ON g.site_id = :site_id AND c.day >= g.valid_from AND c.day < g.valid_to
    LEFT JOIN rule_rates AS r ON r.site_id = :site_id AND r.currency = c.currency AND r.day = c.day
)

SELECT
    :site_id AS site_id,
    money_event_id, deal_id, request_id, occurred_at, day, kind,
    CASE
        WHEN abs(CAST(kopecks AS double) * rate) < 1e16
        THEN CAST(CAST(CAST(round(CAST(kopecks AS double) * rate) AS bigint) AS decimal(18, 0)) * 0.01 AS decimal(18, 2))
    END AS amount,
    CASE
        WHEN abs(CAST(part_cost AS double) * rate) < 1e16
        THEN CAST(CAST(CAST(round(CAST(part_cost AS double) * rate) AS bigint) AS decimal(18, 0)) * 0.01 AS decimal(18, 2))
    END AS cost_price,
    amount AS original_amount,
    currency,
    :refresh_id AS refresh_id
FROM parted
