-- Rows as they stood, of the requests that this run computes anew and of requests that are no more.
WITH
-- include: :scope
gone AS (
    SELECT DISTINCT t.request_id
    FROM {table} AS t
    LEFT JOIN requests AS q ON q.site_id = :site_id AND q.request_id = t.request_id
    WHERE t.site_id = :site_id AND q.request_id IS NULL
),

reached AS (SELECT request_id FROM scope UNION SELECT request_id FROM gone)

SELECT t.*
FROM {table} AS t
INNER JOIN reached AS r ON r.request_id = t.request_id
WHERE t.site_id = :site_id AND {rows}
