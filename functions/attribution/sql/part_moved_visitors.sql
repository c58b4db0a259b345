-- Visitors whose hits changed since the last complete run.
moved_visitors AS (
    SELECT DISTINCT visitor_id FROM hits WHERE site_id = :site_id AND refresh_id > :since_refresh AND visitor_id IS NOT NULL
),
