-- Which sources does no rule name (their channel is "source / medium"), and how many visits came from them?
SELECT channel, source, medium, count(*) AS visits
FROM sessions
WHERE site_id = :site_id AND day BETWEEN :first_day AND :last_day
    AND (channel = source || ' / ' || medium OR channel LIKE '(not set) / %')
GROUP BY channel, source, medium
