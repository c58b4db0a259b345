-- How many hits came, and why do some of them make no visit? An empty reason is a person's hit.
SELECT coalesce(excluded, '') AS reason, count(*) AS hits
FROM hits
WHERE site_id = :site_id AND day BETWEEN :first_day AND :last_day
GROUP BY coalesce(excluded, '')
