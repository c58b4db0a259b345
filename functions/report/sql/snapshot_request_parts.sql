-- What does the default model credit to each channel of the requests of these days that count or have deals?
SELECT
    c.request_id, coalesce(c.channel, '') AS channel,
    sum(c.weight) AS weight,
    sum(c.weight * coalesce(r.sales, 0)) AS sales,
    sum(c.revenue) AS revenue,
    sum(c.gross_profit) AS gross_profit
FROM credits AS c
INNER JOIN requests AS r ON r.site_id = c.site_id AND r.request_id = c.request_id
WHERE c.site_id = :site_id AND c.model = :model AND r.site_id = :site_id AND r.day BETWEEN :first_day AND :last_day
    AND (r.is_counted OR coalesce(r.deals, 0) > 0)
GROUP BY c.request_id, coalesce(c.channel, '')
