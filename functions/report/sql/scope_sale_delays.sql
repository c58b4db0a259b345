-- How many days pass from a request to its sale, of the requests that the default model credits to the channels of a scope? Over the whole
-- history, as in sale_delays.sql.
SELECT date_diff('day', r.day, d.sale_day) AS days, count(*) AS sales
FROM deals AS d
INNER JOIN requests AS r ON r.site_id = d.site_id AND r.request_id = d.request_id
INNER JOIN (
    SELECT DISTINCT request_id
    FROM credits
    WHERE site_id = :site_id AND model = :model AND channel IN :channels AND weight > 0
) AS c ON c.request_id = r.request_id
WHERE d.site_id = :site_id AND r.site_id = :site_id AND d.sale_day IS NOT NULL
GROUP BY date_diff('day', r.day, d.sale_day)
