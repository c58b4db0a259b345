-- Which touches began with each combination of marks, in which channel do they stand, and what did they bring under the default model?
-- A visit's marks are those of its first hit; a request that is a touch carries its own.
WITH
{brought},

touched AS (
    SELECT h.entry_key, v.channel, v.session_id AS touch_id, 1 AS visits
    FROM sessions AS v
    LEFT JOIN hits AS h
        ON h.site_id = :site_id AND h.day = v.day AND h.entry_key IS NOT NULL
            AND v.session_id = h.record_id || ':' || CAST(h.day AS varchar)
    WHERE v.site_id = :site_id
    UNION ALL
    SELECT f.source_key, q.channel, q.request_id, 0
    FROM requests AS q
    INNER JOIN request_facts AS f ON f.site_id = :site_id AND f.request_id = q.request_id
    WHERE q.site_id = :site_id AND q.is_touch
)

SELECT
    t.entry_key, t.channel, sum(t.visits) AS visits, sum(b.requests) AS requests, sum(b.revenue) AS revenue,
    CAST(0 AS decimal(18, 6)) AS cost
FROM touched AS t
LEFT JOIN brought AS b ON b.touch_id = t.touch_id
GROUP BY t.entry_key, t.channel
UNION ALL
SELECT l.source_key, c.channel, 0, NULL, NULL, sum(c.cost)
FROM costs AS c
INNER JOIN cost_lines AS l ON l.site_id = :site_id AND c.cost_id = l.record_id || ':' || CAST(c.day AS varchar)
WHERE c.site_id = :site_id
GROUP BY l.source_key, c.channel
