-- Rows as they stood, of the deals that this run computes anew.
WITH
-- include: :scope
reached AS (SELECT deal_id FROM scope)

SELECT t.*
FROM {table} AS t
INNER JOIN reached AS r ON r.deal_id = t.deal_id
WHERE t.site_id = :site_id
