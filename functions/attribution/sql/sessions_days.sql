-- On which days are the hits that this run has to look at?
SELECT DISTINCT day
FROM (
    SELECT day FROM hits WHERE site_id = :site_id AND refresh_id > :since_refresh
    UNION ALL
    SELECT day FROM sessions WHERE site_id = :site_id AND :is_full
) AS days
ORDER BY day
