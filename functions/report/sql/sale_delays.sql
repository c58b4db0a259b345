-- How many days pass from a request to its sale? Over the whole history: it decides which requests are still immature.
SELECT date_diff('day', r.day, d.sale_day) AS days, count(*) AS sales
FROM deals AS d
INNER JOIN requests AS r ON r.site_id = d.site_id AND r.request_id = d.request_id
WHERE d.site_id = :site_id AND r.site_id = :site_id AND d.sale_day IS NOT NULL
GROUP BY date_diff('day', r.day, d.sale_day)
