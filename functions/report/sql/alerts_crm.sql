-- How many events did the CRM tell in the hours that are judged (0), and in the same hours of four weeks before them? By the time at
-- which they happened, so that a backfill of the past is no arrival of today.
SELECT
    max(occurred_at) AS last_at,
    sum(CASE WHEN occurred_at >= :from_0 AND occurred_at < :to_0 THEN 1 ELSE 0 END) AS came_0,
    sum(CASE WHEN occurred_at >= :from_1 AND occurred_at < :to_1 THEN 1 ELSE 0 END) AS came_1,
    sum(CASE WHEN occurred_at >= :from_2 AND occurred_at < :to_2 THEN 1 ELSE 0 END) AS came_2,
    sum(CASE WHEN occurred_at >= :from_3 AND occurred_at < :to_3 THEN 1 ELSE 0 END) AS came_3,
    sum(CASE WHEN occurred_at >= :from_4 AND occurred_at < :to_4 THEN 1 ELSE 0 END) AS came_4
FROM deal_states
WHERE
    site_id = :site_id
    AND (
        day BETWEEN :first_day_0 AND :last_day_0 OR day BETWEEN :first_day_1 AND :last_day_1 OR day BETWEEN :first_day_2 AND :last_day_2
        OR day BETWEEN :first_day_3 AND :last_day_3 OR day BETWEEN :first_day_4 AND :last_day_4
    )
    AND occurred_at < :to_0
