-- include: part_session_bounds
-- Hits of those visitors from there on.
scope AS (
    SELECT h.*
    FROM hits AS h
    INNER JOIN bounds AS b ON b.visitor_id = h.visitor_id AND h.occurred_at >= b.first_at
    LEFT JOIN excluded_visitors AS x ON x.site_id = :site_id AND x.visitor_id = h.visitor_id AND x.day = h.day
    WHERE h.site_id = :site_id AND h.excluded IS NULL AND x.visitor_id IS NULL AND h.day BETWEEN :reach_day AND :until_day
),
