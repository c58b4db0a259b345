-- Rows as they stood, of those months and of months that have no paths any more.
WITH
-- include: :scope
reached AS (SELECT month FROM scope),

kept AS (SELECT month FROM path_months WHERE site_id = :site_id)

SELECT t.*
FROM {table} AS t
LEFT JOIN reached AS r ON r.month = t.month
LEFT JOIN kept AS k ON k.month = t.month
WHERE t.site_id = :site_id AND (r.month IS NOT NULL OR k.month IS NULL) AND {rows}
