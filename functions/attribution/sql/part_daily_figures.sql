-- What each channel brought by the day of the request, under the default model. Requests without a source stand under the empty
-- channel, so that totals are the CRM's. Weights are added as decimal numbers: their sum does not hang on the order.
shares AS (
    SELECT
        q.day,
        coalesce(c.channel, '') AS channel,
        CASE WHEN q.is_counted THEN CAST(coalesce(c.weight, 1e0) AS decimal(38, 15)) END AS requests,
        CASE WHEN q.is_qualified THEN CAST(coalesce(c.weight, 1e0) AS decimal(38, 15)) END AS qualified,
        CASE WHEN q.sales > 0 THEN CAST(coalesce(c.weight, 1e0) * q.sales AS decimal(38, 15)) END AS sales,
        CASE WHEN c.request_id IS NULL THEN q.revenue ELSE c.revenue END AS revenue,
        CASE WHEN c.request_id IS NULL THEN q.gross_profit ELSE c.gross_profit END AS gross_profit
    FROM requests AS q
    LEFT JOIN credits AS c ON c.site_id = :site_id AND c.model = :default_model AND c.request_id = q.request_id
    WHERE q.site_id = :site_id
),

parts AS (
    SELECT
        day, channel, 0 AS visits,
        sum(requests) AS requests, sum(qualified) AS qualified, sum(sales) AS sales,
        sum(revenue) AS revenue, sum(gross_profit) AS gross_profit, CAST(NULL AS decimal(38, 6)) AS cost
    FROM shares
    GROUP BY day, channel
    UNION ALL
    SELECT day, coalesce(channel, ''), count(*), NULL, NULL, NULL, NULL, NULL, NULL
    FROM sessions
    WHERE site_id = :site_id
    GROUP BY day, coalesce(channel, '')
    UNION ALL
    SELECT day, coalesce(channel, ''), 0, NULL, NULL, NULL, NULL, NULL, sum(cost)
    FROM costs
    WHERE site_id = :site_id AND cost IS NOT NULL
    GROUP BY day, coalesce(channel, '')
),

figures AS (
    SELECT
        day, channel,
        CAST(sum(visits) AS bigint) AS visits,
        CAST(coalesce(sum(requests), 0) AS double) AS requests,
        CAST(coalesce(sum(qualified), 0) AS double) AS qualified,
        CAST(coalesce(sum(sales), 0) AS double) AS sales,
        CAST(coalesce(sum(revenue), 0) AS decimal(24, 2)) AS revenue,
        CAST(sum(gross_profit) AS decimal(24, 2)) AS gross_profit,
        CAST(coalesce(sum(cost), 0) AS decimal(24, 6)) AS cost
    FROM parts
    GROUP BY day, channel
),
