-- What did each channel, source and campaign bring under the default model? By the date basis: request day (all money to date of the
-- requests made in the period), payment day (sales and money by their own days), touch day (everything by the day of its touch).
-- Requests and qualified ones count only where they are counted; sales and money always do.
WITH credited AS (
    SELECT
        c.request_id, c.touch_id, c.channel, c.source, c.campaign, c.weight, c.revenue, c.gross_profit,
        r.is_counted, r.is_qualified, coalesce(r.sales, 0) AS sales,
        CASE
            WHEN :date_basis = 'touch' THEN CAST(with_timezone(c.touched_at, 'UTC') AT TIME ZONE :time_zone AS date)
            ELSE r.day
        END AS day
    FROM credits AS c
    INNER JOIN requests AS r ON r.site_id = c.site_id AND r.request_id = c.request_id
    WHERE c.site_id = :site_id AND c.model = :model AND r.site_id = :site_id
),

brought AS (
    SELECT
        channel, source, campaign,
        CASE WHEN is_counted THEN weight ELSE 0e0 END AS requests,
        CASE WHEN is_qualified THEN weight ELSE 0e0 END AS qualified,
        CASE WHEN :date_basis = 'payment' THEN 0e0 ELSE weight * sales END AS sales,
        CASE WHEN :date_basis = 'payment' THEN NULL ELSE revenue END AS revenue,
        CASE WHEN :date_basis = 'payment' THEN NULL ELSE gross_profit END AS gross_profit
    FROM credited
    WHERE day BETWEEN :first_day AND :last_day
    UNION ALL
    SELECT c.channel, c.source, c.campaign, 0e0, 0e0, c.weight, CAST(NULL AS decimal(18, 2)), CAST(NULL AS decimal(18, 2))
    FROM credited AS c
    INNER JOIN deals AS d ON d.site_id = :site_id AND d.request_id = c.request_id
    WHERE :date_basis = 'payment' AND d.sale_day BETWEEN :first_day AND :last_day
    UNION ALL
    SELECT c.channel, c.source, c.campaign, 0e0, 0e0, 0e0, m.revenue, m.gross_profit
    FROM credited AS c
    INNER JOIN credit_money AS m
        ON m.site_id = :site_id AND m.model = :model AND m.request_id = c.request_id AND m.touch_id = c.touch_id
    WHERE :date_basis = 'payment' AND m.day BETWEEN :first_day AND :last_day
)

SELECT
    coalesce(channel, '') AS channel,
    coalesce(source, '') AS source,
    coalesce(campaign, '') AS campaign,
    sum(requests) AS requests,
    sum(qualified) AS qualified,
    sum(sales) AS sales,
    sum(coalesce(revenue, 0)) AS revenue,
    sum(gross_profit) AS gross_profit,
    sum(CASE WHEN revenue <> 0 AND gross_profit IS NOT NULL THEN 1 ELSE 0 END) AS priced_parts,
    sum(CASE WHEN revenue <> 0 AND gross_profit IS NULL THEN 1 ELSE 0 END) AS unpriced_parts,
    sum(CASE WHEN gross_profit IS NULL THEN coalesce(revenue, 0) ELSE 0 END) AS unpriced_revenue
FROM brought
GROUP BY coalesce(channel, ''), coalesce(source, ''), coalesce(campaign, '')
