-- What did each channel cost and sell in each week (from Monday) of the history, and on how many of its days did it cost anything? Sales by the day of their request under the default model.
WITH brought AS (
    SELECT
        CAST(date_trunc('week', r.day) AS date) AS week, coalesce(c.channel, '') AS channel, c.weight AS requests,
        c.weight * coalesce(r.sales, 0) AS sales, coalesce(c.revenue, 0) AS revenue, CAST(0 AS decimal(18, 6)) AS cost, CAST(NULL AS date) AS cost_day
    FROM credits AS c
    INNER JOIN requests AS r ON r.site_id = c.site_id AND r.request_id = c.request_id
    WHERE c.site_id = :site_id AND c.model = :model AND r.site_id = :site_id AND r.day BETWEEN :history_from AND :last_day
    UNION ALL
    SELECT CAST(date_trunc('week', day) AS date), coalesce(channel, ''), 0e0, 0e0, CAST(0 AS decimal(18, 2)), cost,
        CASE WHEN cost > 0 THEN day END
    FROM costs
    WHERE site_id = :site_id AND day BETWEEN :history_from AND :last_day AND cost IS NOT NULL
)

SELECT week, channel, sum(requests) AS requests, sum(sales) AS sales, sum(revenue) AS revenue, sum(cost) AS cost,
    count(DISTINCT cost_day) AS cost_days
FROM brought
GROUP BY week, channel
