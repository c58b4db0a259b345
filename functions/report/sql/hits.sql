-- How many hits came, and why do some of them make no visit? An empty reason is a person's hit. What is said of a visitor's whole day
-- stands beside the hits.
SELECT coalesce(nullif(h.excluded, ''), v.reason, '') AS reason, count(*) AS hits
FROM hits AS h
LEFT JOIN (
    SELECT day, visitor_id, min(reason) AS reason
    FROM excluded_visitors
    WHERE site_id = :site_id AND day BETWEEN :first_day AND :last_day
    GROUP BY day, visitor_id
) AS v ON v.day = h.day AND v.visitor_id = h.visitor_id
WHERE h.site_id = :site_id AND h.day BETWEEN :first_day AND :last_day
GROUP BY coalesce(nullif(h.excluded, ''), v.reason, '')
