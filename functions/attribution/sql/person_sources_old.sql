-- The sources of those persons as they stood, and those of persons that are no more.
WITH
-- include: :scope
gone AS (
    SELECT DISTINCT t.person_id
    FROM person_sources AS t
    LEFT JOIN person_inputs AS i ON i.site_id = :site_id AND i.person_id = t.person_id
    WHERE t.site_id = :site_id AND i.person_id IS NULL
),

reached AS (SELECT person_id FROM scope UNION SELECT person_id FROM gone)

SELECT t.*
FROM person_sources AS t
INNER JOIN reached AS r ON r.person_id = t.person_id
WHERE t.site_id = :site_id
