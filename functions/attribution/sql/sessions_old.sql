-- The visits as they stood, of the visitors and from the moment that this run computes anew.
WITH
-- include: part_session_bounds
reached AS (SELECT visitor_id, first_at FROM bounds)

SELECT s.*
FROM sessions AS s
LEFT JOIN reached AS r ON r.visitor_id = s.visitor_id
WHERE s.site_id = :site_id AND s.day BETWEEN :reach_day AND :until_day
    AND (s.started_at >= r.first_at OR (:is_full AND s.day >= :first_day))
