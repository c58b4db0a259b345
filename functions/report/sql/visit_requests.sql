-- How many counted requests of the period were made during a visit, by channel of the default model? A visit lasts until 1,800 seconds
-- after its last hit. A request without any credit has the empty channel.
WITH visited AS (
    SELECT DISTINCT r.request_id
    FROM requests AS r
    INNER JOIN sessions AS s
        ON s.visitor_id = r.visitor_id AND s.started_at <= r.created_at
        AND r.created_at < s.last_hit_at + INTERVAL '1800' SECOND
    WHERE r.site_id = :site_id AND r.day BETWEEN :first_day AND :last_day AND r.is_counted
        AND s.site_id = :site_id AND s.day BETWEEN :day_before AND :last_day
)

SELECT coalesce(c.channel, '') AS channel, sum(coalesce(c.weight, 1e0)) AS requests
FROM visited AS v
LEFT JOIN credits AS c ON c.site_id = :site_id AND c.model = :model AND c.request_id = v.request_id
GROUP BY coalesce(c.channel, '')
