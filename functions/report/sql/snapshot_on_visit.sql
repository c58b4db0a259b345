-- Which counted requests of these days were made during a visit? The rule of visit_requests.sql: a visit lasts until 1,800 seconds after
-- its last hit.
SELECT DISTINCT r.request_id
FROM requests AS r
INNER JOIN sessions AS s
    ON s.visitor_id = r.visitor_id AND s.started_at <= r.created_at
        AND r.created_at < s.last_hit_at + INTERVAL '1800' SECOND
WHERE r.site_id = :site_id AND r.day BETWEEN :first_day AND :last_day AND r.is_counted
    AND s.site_id = :site_id AND s.day BETWEEN date_add('day', -1, :first_day) AND :last_day
