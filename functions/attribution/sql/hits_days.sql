-- On which site-local days are the hits that this run has to write?
SELECT DISTINCT day
FROM (
    SELECT CAST(with_timezone(occurred_at, 'UTC') AT TIME ZONE :time_zone AS date) AS day
    FROM raw_hit
    WHERE site_id = :site_id AND arrival_day BETWEEN :first_arrival AND :last_arrival
    UNION ALL
    SELECT day FROM hits WHERE site_id = :site_id AND :is_full
) AS days
ORDER BY day
