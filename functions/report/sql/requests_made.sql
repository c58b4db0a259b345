-- What became of the requests made on each day of the period?
SELECT
    day,
    count(*) AS made,
    sum(CASE WHEN is_counted THEN 1 ELSE 0 END) AS counted,
    sum(CASE WHEN repeat_of IS NOT NULL THEN 1 ELSE 0 END) AS repeats,
    sum(CASE WHEN duplicate_of IS NOT NULL AND repeat_of IS NULL THEN 1 ELSE 0 END) AS duplicates,
    sum(CASE WHEN is_disqualified THEN 1 ELSE 0 END) AS disqualified,
    sum(coalesce(revenue, 0)) AS revenue
FROM requests
WHERE site_id = :site_id AND day BETWEEN :first_day AND :last_day
GROUP BY day
