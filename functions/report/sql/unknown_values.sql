-- Which values of utm_source and utm_medium does no rule know, how many visits began with each, and was it seen in the 90 days before?
-- New ones first, then most visits. A visit's marks are those of its first hit.
WITH marks AS (
    SELECT
        entry_key,
        CASE WHEN category = 'unknown' AND matched = source THEN nullif(trim(split_part(entry_key, '|', 1)), '') END AS unknown_source,
        CASE WHEN medium_kind = 'unknown' THEN nullif(trim(split_part(entry_key, '|', 2)), '') END AS unknown_medium
    FROM sources
    WHERE site_id = :site_id AND (category = 'unknown' OR medium_kind = 'unknown')
),

seen AS (
    SELECT
        m.unknown_source, m.unknown_medium,
        sum(CASE WHEN s.day >= :first_day THEN 1 ELSE 0 END) AS visits,
        sum(CASE WHEN s.day < :first_day THEN 1 ELSE 0 END) AS visits_before
    FROM marks AS m
    INNER JOIN hits AS h ON h.site_id = :site_id AND h.entry_key = m.entry_key
    INNER JOIN sessions AS s
        ON s.site_id = :site_id AND s.day = h.day AND s.session_id = h.record_id || ':' || CAST(h.day AS varchar)
    WHERE h.day BETWEEN :known_from AND :last_day AND s.day BETWEEN :known_from AND :last_day
    GROUP BY m.unknown_source, m.unknown_medium
),

found AS (
    SELECT 'utm_source' AS parameter, unknown_source AS value, visits, visits_before FROM seen WHERE unknown_source IS NOT NULL
    UNION ALL
    SELECT 'utm_medium', unknown_medium, visits, visits_before FROM seen WHERE unknown_medium IS NOT NULL
),

summed AS (
    SELECT parameter, value, sum(visits) AS visits, sum(visits_before) = 0 AS is_new
    FROM found
    GROUP BY parameter, value
)

SELECT parameter, value, visits, is_new, count(*) OVER () AS values_total
FROM summed
WHERE visits > 0
ORDER BY CASE WHEN is_new THEN 0 ELSE 1 END, visits DESC, parameter DESC, value
LIMIT :most_values
