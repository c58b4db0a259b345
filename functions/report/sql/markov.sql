-- What do the model markov's parts come from: the attributed totals of each request month, split over channels as shapley splits them?
-- By the day of the request, or sales and money by their own; the model has no touches, so the basis "touch" leaves it on the request day.
WITH credited AS (
    SELECT
        c.request_id, c.touch_id, coalesce(c.channel, '') AS channel, c.weight, c.revenue, c.gross_profit,
        r.is_counted, r.is_qualified, coalesce(r.sales, 0) AS sales, r.day
    FROM credits AS c
    INNER JOIN requests AS r ON r.site_id = c.site_id AND r.request_id = c.request_id
    WHERE c.site_id = :site_id AND c.model = 'shapley' AND r.site_id = :site_id
),

brought AS (
    SELECT
        day, channel,
        CASE WHEN is_counted THEN weight ELSE 0e0 END AS requests,
        CASE WHEN is_qualified THEN weight ELSE 0e0 END AS qualified,
        CASE WHEN :date_basis = 'payment' THEN 0e0 ELSE weight * sales END AS sales,
        CASE WHEN :date_basis = 'payment' THEN NULL ELSE revenue END AS revenue,
        CASE WHEN :date_basis = 'payment' THEN NULL ELSE gross_profit END AS gross_profit
    FROM credited
    WHERE day BETWEEN :first_day AND :last_day
    UNION ALL
    SELECT c.day, c.channel, 0e0, 0e0, c.weight, CAST(NULL AS decimal(18, 2)), CAST(NULL AS decimal(18, 2))
    FROM credited AS c
    INNER JOIN deals AS d ON d.site_id = :site_id AND d.request_id = c.request_id
    WHERE :date_basis = 'payment' AND d.sale_day BETWEEN :first_day AND :last_day
    UNION ALL
    SELECT c.day, c.channel, 0e0, 0e0, 0e0, m.revenue, m.gross_profit
    FROM credited AS c
    INNER JOIN credit_money AS m
        ON m.site_id = :site_id AND m.model = 'shapley' AND m.request_id = c.request_id AND m.touch_id = c.touch_id
    WHERE :date_basis = 'payment' AND m.day BETWEEN :first_day AND :last_day
)

SELECT
    substr(CAST(day AS varchar), 1, 7) AS month, channel,
    sum(requests) AS requests,
    sum(qualified) AS qualified,
    sum(sales) AS sales,
    sum(coalesce(revenue, 0)) AS revenue,
    sum(gross_profit) AS gross_profit,
    sum(CASE WHEN revenue <> 0 AND gross_profit IS NOT NULL THEN 1 ELSE 0 END) AS priced_parts,
    sum(CASE WHEN revenue <> 0 AND gross_profit IS NULL THEN 1 ELSE 0 END) AS unpriced_parts
FROM brought
GROUP BY substr(CAST(day AS varchar), 1, 7), channel
