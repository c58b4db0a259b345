-- Which path led to each conversion, before and after the transforms?
WITH transformed AS (
    SELECT request_id, array_join(array_agg(channel ORDER BY position), ' > ') AS path
    FROM paths
    WHERE site_id = :site_id
    GROUP BY request_id
)

SELECT
    q.request_id AS event_id, q.visitor_id AS customer_id, q.created_at AS conversion_tstamp, m.amount AS revenue,
    b.path, t.path AS transformed_path
FROM requests AS q
INNER JOIN money_events AS m ON m.site_id = :site_id AND m.request_id = q.request_id
LEFT JOIN paths_before AS b ON b.request_id = q.request_id
LEFT JOIN transformed AS t ON t.request_id = q.request_id
WHERE q.site_id = :site_id
ORDER BY conversion_tstamp, event_id
