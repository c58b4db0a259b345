-- What did each channel cost and bring month by month? By the day of the request, under one model.
WITH spent AS (
    SELECT d.month, s.channel, sum(c.clicks) AS clicks, sum(c.cost) AS cost
    FROM bi_fact_costs AS c
    INNER JOIN bi_dim_date AS d ON d.date_key = c.date_key
    INNER JOIN bi_dim_source AS s ON s.source_key = c.source_key
    WHERE c.site_id = :site_id AND c.day BETWEEN :first_day AND :last_day
    GROUP BY d.month, s.channel
),
brought AS (
    SELECT d.month, s.channel, sum(c.requests) AS requests, sum(c.sales) AS sales, sum(c.revenue) AS revenue,
        -- nothing where no money came; empty where none of it has a cost price
        CASE WHEN count(nullif(c.revenue, 0)) = 0 THEN 0 ELSE sum(c.gross_profit) END AS gross_profit
    FROM bi_fact_credits AS c
    INNER JOIN bi_dim_date AS d ON d.date_key = c.date_key
    INNER JOIN bi_dim_source AS s ON s.source_key = c.source_key
    WHERE c.site_id = :site_id AND c.model = :model AND c.day BETWEEN :first_day AND :last_day
    GROUP BY d.month, s.channel
)
SELECT
    coalesce(s.month, b.month) AS month,
    coalesce(s.channel, b.channel) AS channel,
    coalesce(s.clicks, 0) AS clicks,
    round(coalesce(s.cost, 0), 2) AS cost,
    coalesce(b.requests, 0) AS requests,
    coalesce(b.sales, 0) AS sales,
    coalesce(b.revenue, 0) AS revenue,
    CASE WHEN b.channel IS NULL THEN 0 ELSE b.gross_profit END AS gross_profit,
    CAST(CASE WHEN b.channel IS NULL THEN 0 ELSE b.gross_profit END - s.cost AS double)
        / CAST(nullif(s.cost, 0) AS double) AS margin_romi
FROM spent AS s
FULL OUTER JOIN brought AS b ON b.month = s.month AND b.channel = s.channel
ORDER BY month, cost DESC, channel
