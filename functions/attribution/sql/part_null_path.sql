-- Touches of visitors without a request, looked back from the last.
null_path AS (
    SELECT 'null:' || t.visitor_id AS request_id, t.touch_id, t.touched_at, t.channel
    FROM touches AS t
    INNER JOIN (
        SELECT visitor_id, max(day) AS last_day FROM touches WHERE site_id = :site_id GROUP BY visitor_id
    ) AS l ON l.visitor_id = t.visitor_id
    LEFT JOIN requests AS q ON q.site_id = :site_id AND q.visitor_id = t.visitor_id
    WHERE t.site_id = :site_id AND q.request_id IS NULL AND t.day >= date_add('day', -:lookback_days, l.last_day)
),

