-- What did each channel, source and campaign bring under the default model? Request-day basis: all money to date of the
-- requests made in the period. Requests and qualified ones count only where they are counted; sales and money always do.
SELECT
    coalesce(c.channel, '') AS channel,
    coalesce(c.source, '') AS source,
    coalesce(c.campaign, '') AS campaign,
    sum(CASE WHEN r.is_counted THEN c.weight ELSE 0 END) AS requests,
    sum(CASE WHEN r.is_qualified THEN c.weight ELSE 0 END) AS qualified,
    sum(c.weight * coalesce(r.sales, 0)) AS sales,
    sum(coalesce(c.revenue, 0)) AS revenue,
    sum(c.gross_profit) AS gross_profit,
    sum(CASE WHEN c.revenue <> 0 AND c.gross_profit IS NOT NULL THEN 1 ELSE 0 END) AS priced_parts,
    sum(CASE WHEN c.revenue <> 0 AND c.gross_profit IS NULL THEN 1 ELSE 0 END) AS unpriced_parts,
    sum(CASE WHEN c.gross_profit IS NULL THEN coalesce(c.revenue, 0) ELSE 0 END) AS unpriced_revenue
FROM credits AS c
INNER JOIN requests AS r ON r.site_id = c.site_id AND r.request_id = c.request_id
WHERE c.site_id = :site_id AND c.model = :model AND r.site_id = :site_id AND r.day BETWEEN :first_day AND :last_day
GROUP BY coalesce(c.channel, ''), coalesce(c.source, ''), coalesce(c.campaign, '')
