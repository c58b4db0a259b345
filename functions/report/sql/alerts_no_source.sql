-- How many requests were made since :recent_from and before, by why they have no source (empty: they have one)? All of them, counted or
-- not, as source control counts them.
SELECT
    coalesce(no_source_reason, '') AS reason,
    sum(CASE WHEN day >= :recent_from THEN 1 ELSE 0 END) AS requests,
    sum(CASE WHEN day < :recent_from THEN 1 ELSE 0 END) AS requests_before
FROM requests
WHERE site_id = :site_id AND day BETWEEN :first_day AND :last_day
GROUP BY coalesce(no_source_reason, '')
