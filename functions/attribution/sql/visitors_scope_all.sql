-- Everybody who came.
scope AS (SELECT DISTINCT visitor_id FROM sessions WHERE site_id = :site_id),
