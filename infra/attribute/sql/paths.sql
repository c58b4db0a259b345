-- Which path led to each conversion, before and after the transform?
WITH path AS (
    SELECT q.request_id, q.visitor_id, q.created_at, s.session_id AS touch_id, s.started_at AS touched_at, s.channel
    FROM requests AS q
    INNER JOIN sessions AS s ON s.site_id = :site_id AND s.visitor_id = q.visitor_id
    WHERE q.site_id = :site_id AND s.started_at <= q.created_at AND s.day >= date_add('day', -:lookback_days, q.day)
),

-- include: :transform from=path to=steps
whole AS (
    SELECT request_id, array_join(array_agg(channel ORDER BY touched_at, touch_id), ' > ') AS path FROM path GROUP BY request_id
),

transformed AS (
    SELECT request_id, array_join(array_agg(channel ORDER BY touched_at, touch_id), ' > ') AS path FROM steps GROUP BY request_id
)

SELECT
    q.request_id AS event_id, q.visitor_id AS customer_id, q.created_at AS conversion_tstamp, m.amount AS revenue,
    w.path, t.path AS transformed_path
FROM requests AS q
LEFT JOIN money_events AS m ON m.site_id = :site_id AND m.request_id = q.request_id
LEFT JOIN whole AS w ON w.request_id = q.request_id
LEFT JOIN transformed AS t ON t.request_id = q.request_id
WHERE q.site_id = :site_id
ORDER BY conversion_tstamp, event_id
