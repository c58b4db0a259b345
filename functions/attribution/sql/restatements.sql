-- Which figures of closed days will this refresh change against the last complete one? `daily_figures` has them as they stood; what a
-- refresh noted that was given up since then outranks it, because that one may have put its own figures in place.
WITH
-- include: part_daily_figures
both_sides AS (
    SELECT 'new' AS side, day, channel, visits, requests, qualified, sales, revenue, gross_profit, cost
    FROM figures
    WHERE day < :closed_before
    UNION ALL
    SELECT 'stood', day, channel, visits, requests, qualified, sales, revenue, gross_profit, cost
    FROM daily_figures
    WHERE site_id = :site_id AND day < :closed_before
),

metrics AS (
    SELECT metric
    FROM (
        VALUES ('visits'), ('requests'), ('qualified'), ('sales'), ('revenue'), ('gross_profit'), ('cost')
    ) AS m (metric)
),

told AS (
    SELECT
        b.side, b.day, b.channel, m.metric,
        CASE m.metric
            WHEN 'visits' THEN CAST(b.visits AS decimal(24, 6))
            WHEN 'requests' THEN CAST(b.requests AS decimal(24, 6))
            WHEN 'qualified' THEN CAST(b.qualified AS decimal(24, 6))
            WHEN 'sales' THEN CAST(b.sales AS decimal(24, 6))
            WHEN 'revenue' THEN CAST(b.revenue AS decimal(24, 6))
            WHEN 'gross_profit' THEN CAST(b.gross_profit AS decimal(24, 6))
            ELSE b.cost
        END AS value
    FROM both_sides AS b
    CROSS JOIN metrics AS m
    UNION ALL
    SELECT 'seen', day, channel, metric, old_value
    FROM restatements
    WHERE site_id = :site_id AND refresh_id > :compared_with AND day < :closed_before
),

cells AS (
    SELECT
        day, channel, metric,
        CASE
            WHEN sum(CASE WHEN side = 'seen' THEN 1 ELSE 0 END) > 0 THEN max(CASE WHEN side = 'seen' THEN value END)
            ELSE max(CASE WHEN side = 'stood' THEN value END)
        END AS old_value,
        max(CASE WHEN side = 'new' THEN value END) AS new_value
    FROM told
    GROUP BY day, channel, metric
),

moved AS (
    SELECT
        *,
        coalesce(new_value, 0) - coalesce(old_value, 0) AS difference,
        sum(coalesce(new_value, 0) - coalesce(old_value, 0)) OVER (PARTITION BY day, metric) AS day_difference
    FROM cells
)

-- Parts of requests are compared to a millionth; their sums over a day are whole numbers.
SELECT
    :site_id AS site_id,
    :refresh_id AS refresh_id,
    day, channel, metric,
    CASE WHEN metric = 'gross_profit' THEN old_value ELSE CAST(coalesce(old_value, 0) AS decimal(24, 6)) END AS old_value,
    CASE WHEN metric = 'gross_profit' THEN new_value ELSE CAST(coalesce(new_value, 0) AS decimal(24, 6)) END AS new_value,
    CASE
        WHEN :is_full THEN 'rules'
        WHEN metric = 'cost' THEN 'costs'
        WHEN metric = 'visits' THEN 'visits'
        WHEN abs(day_difference) > 0.001 THEN 'records'
        ELSE 'credits'
    END AS reason,
    :found_at AS found_at
FROM moved
WHERE abs(difference) > 0.000001 AND :compared_with <> ''
