-- What was spent on which day, after every replacement? Of each scope only the latest import stands. VAT first, then a period's
-- sum over its days by largest remainder, then each day's rate.
WITH latest AS (
    SELECT scope, max_by(import_id, CAST(received_at AS varchar) || ' ' || import_id) AS import_id
    FROM cost_lines
    WHERE site_id = :site_id
    GROUP BY scope
),

lines AS (
    SELECT
        l.*,
        CASE
            WHEN l.is_vat_included AND NOT :show_gross THEN 100e0 / (100e0 + CAST(coalesce(l.vat_percent, :vat_percent) AS double))
            WHEN NOT l.is_vat_included AND :show_gross THEN (100e0 + CAST(coalesce(l.vat_percent, :vat_percent) AS double)) / 100e0
            ELSE 1e0
        END AS vat_factor
    FROM cost_lines AS l
    INNER JOIN latest AS n ON n.scope = l.scope AND n.import_id = l.import_id
    WHERE l.site_id = :site_id AND NOT coalesce(l.is_scope_mark, FALSE)
        AND (coalesce(l.cost, 0) <> 0 OR coalesce(l.clicks, 0) <> 0 OR coalesce(l.impressions, 0) <> 0)
),

daily AS (
    SELECT
        record_id, day, account, source_key, utm_campaign, utm_content, utm_term, clicks, impressions,
        CAST(round(CAST(cost AS double) * vat_factor * 1e6) AS bigint) AS micros,
        cost AS original_cost, currency
    FROM lines
    WHERE last_day IS NULL
),

periods AS (
    SELECT
        *,
        date_diff('day', day, last_day) + 1 AS days,
        CAST(round(CAST(cost AS double) * vat_factor * 100) AS bigint) AS kopecks
    FROM lines
    WHERE last_day IS NOT NULL
),

spread AS (
    SELECT
        p.record_id, CAST(d.spread_day AS date) AS day, p.account, p.source_key, p.utm_campaign, p.utm_content, p.utm_term,
        p.clicks / p.days + CASE WHEN date_diff('day', p.day, CAST(d.spread_day AS date)) < p.clicks % p.days THEN 1 ELSE 0 END AS clicks,
        p.impressions / p.days
            + CASE WHEN date_diff('day', p.day, CAST(d.spread_day AS date)) < p.impressions % p.days THEN 1 ELSE 0 END AS impressions,
        CASE WHEN p.kopecks < 0 THEN -10000 ELSE 10000 END * (
            abs(p.kopecks) / p.days
            + CASE WHEN date_diff('day', p.day, CAST(d.spread_day AS date)) < abs(p.kopecks) % p.days THEN 1 ELSE 0 END
        ) AS micros,
        CAST(NULL AS decimal(18, 6)) AS original_cost, p.currency
    FROM periods AS p
    CROSS JOIN UNNEST(sequence(p.day, p.last_day, INTERVAL '1' DAY)) AS d (spread_day)
),

every AS (
    SELECT record_id, day, account, source_key, utm_campaign, utm_content, utm_term, clicks, impressions, micros,
        original_cost, currency
    FROM daily
    UNION ALL
    SELECT record_id, day, account, source_key, utm_campaign, utm_content, utm_term, clicks, impressions, micros,
        original_cost, currency
    FROM spread
),

rated AS (
    SELECT e.*, CASE WHEN coalesce(e.currency, :currency) = :currency THEN 1e0 ELSE CAST(r.rate AS double) END AS rate
    FROM every AS e
    LEFT JOIN rule_rates AS r ON r.site_id = :site_id AND r.currency = e.currency AND r.day = e.day
)

SELECT
    :site_id AS site_id,
    e.record_id || ':' || CAST(e.day AS varchar) AS cost_id,
    e.day, e.account,
    coalesce(s.channel, '(not set)') AS channel,
    coalesce(s.source, '(not set)') AS source,
    coalesce(s.medium, '(not set)') AS medium,
    e.utm_campaign AS campaign, e.utm_content AS content, e.utm_term AS term,
    e.clicks, e.impressions,
    CASE
        WHEN abs(CAST(e.micros AS double) * e.rate) < 1e18
        THEN CAST(CAST(round(CAST(e.micros AS double) * e.rate) AS bigint) AS decimal(18, 0)) * 0.000001
    END AS cost,
    coalesce(e.original_cost, CAST(CAST(e.micros AS decimal(18, 0)) * 0.000001 AS decimal(18, 6))) AS original_cost,
    coalesce(e.currency, :currency) AS currency,
    :refresh_id AS refresh_id
FROM rated AS e
LEFT JOIN sources AS s ON s.site_id = :site_id AND s.entry_key = e.source_key
