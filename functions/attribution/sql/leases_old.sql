-- Answers to visitors who asked for a number, as they stood, of those that this run looks at anew.
WITH
-- include: :scope
reached AS (SELECT DISTINCT record_id FROM scope)

SELECT t.*
FROM {table} AS t
INNER JOIN reached AS r ON r.record_id = t.record_id
WHERE t.site_id = :site_id AND {rows}
