-- The paths of those visitors as they stood.
WITH
-- include: :scope
reached AS (SELECT visitor_id FROM scope)

SELECT p.*
FROM visitor_paths AS p
INNER JOIN reached AS r ON r.visitor_id = p.visitor_id
WHERE p.site_id = :site_id
