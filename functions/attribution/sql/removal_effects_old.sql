-- Removal effects as they stood, of the months solved anew and of months that have no paths any more; a part of a long list.
WITH
-- include: :scope
reached AS (SELECT month FROM scope),

kept AS (SELECT month FROM path_months WHERE site_id = :site_id)

SELECT t.*
FROM removal_effects AS t
LEFT JOIN reached AS r ON r.month = t.month
LEFT JOIN kept AS k ON k.month = t.month
WHERE t.site_id = :site_id AND (r.month IS NOT NULL OR k.month IS NULL)
    AND t.month || ' ' || t.channel >= :begin AND t.month || ' ' || t.channel < :end
