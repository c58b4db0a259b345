-- How many visits, lines of spend, touches of paths and requests has each day of the history? By these the snapshot's other questions
-- are cut.
WITH counted AS (
    SELECT day, 1 AS visits, 0 AS spend, 0 AS touches, 0 AS requests
    FROM sessions
    WHERE site_id = :site_id AND day BETWEEN :first_day AND :last_day
    UNION ALL
    SELECT day, 0, 1, 0, 0
    FROM costs
    WHERE site_id = :site_id AND day BETWEEN :first_day AND :last_day
    UNION ALL
    SELECT day, 0, 0, 1, 0
    FROM paths
    WHERE site_id = :site_id AND day BETWEEN :first_day AND :last_day
    UNION ALL
    SELECT day, 0, 0, 0, 1
    FROM requests
    WHERE site_id = :site_id AND day BETWEEN :first_day AND :last_day
)

SELECT
    day,
    sum(visits) AS visits,
    sum(spend) AS spend,
    sum(touches) AS touches,
    sum(requests) AS requests
FROM counted
GROUP BY day
