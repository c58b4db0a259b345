-- What sales and revenue does every model give each channel?
SELECT
    c.model,
    coalesce(c.channel, '') AS channel,
    sum(c.weight * coalesce(r.sales, 0)) AS sales,
    sum(coalesce(c.revenue, 0)) AS revenue
FROM credits AS c
INNER JOIN requests AS r ON r.site_id = c.site_id AND r.request_id = c.request_id
WHERE c.site_id = :site_id AND r.site_id = :site_id AND r.day BETWEEN :first_day AND :last_day
GROUP BY c.model, coalesce(c.channel, '')
