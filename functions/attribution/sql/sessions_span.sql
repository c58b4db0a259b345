-- Over which days do the hits spread that this run has to look at?
SELECT min(day) AS first_day, max(day) AS last_day
FROM (
    SELECT day FROM hits WHERE site_id = :site_id AND refresh_id > :since_refresh
    UNION ALL
    SELECT day FROM sessions WHERE site_id = :site_id AND :is_full
) AS days
