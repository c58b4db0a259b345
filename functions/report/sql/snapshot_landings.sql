-- How many visits of each channel began on which page, and what did the default model credit to them, by the day of the request? A touch
-- that is a request of its own began on no page.
WITH happened AS (
    SELECT day, channel, landing_path, 1 AS visits, 0e0 AS requests, 0e0 AS sales, 0 AS revenue
    FROM sessions
    WHERE site_id = :site_id AND day BETWEEN :first_day AND :last_day
    UNION ALL
    SELECT
        r.day, c.channel, s.landing_path, 0,
        CASE WHEN r.is_counted THEN c.weight ELSE 0e0 END,
        c.weight * coalesce(r.sales, 0),
        coalesce(c.revenue, 0)
    FROM credits AS c
    INNER JOIN requests AS r ON r.site_id = c.site_id AND r.request_id = c.request_id
    LEFT JOIN (
        SELECT session_id, landing_path
        FROM sessions
        WHERE site_id = :site_id AND day BETWEEN :path_from AND :last_day
    ) AS s ON s.session_id = c.touch_id
    WHERE c.site_id = :site_id AND c.model = :model AND r.site_id = :site_id AND r.day BETWEEN :first_day AND :last_day
)

SELECT
    day, coalesce(channel, '') AS channel, coalesce(landing_path, '') AS landing,
    sum(visits) AS visits,
    sum(requests) AS requests,
    sum(sales) AS sales,
    sum(revenue) AS revenue
FROM happened
GROUP BY day, coalesce(channel, ''), coalesce(landing_path, '')
HAVING sum(visits) <> 0 OR sum(requests) <> 0 OR sum(sales) <> 0 OR sum(revenue) <> 0
