-- How many paths does each month have, and how many of them led to a sale?
SELECT
    :site_id AS site_id, month, count(*) AS paths, sum(conversions) AS conversions, sum(nulls) AS nulls, :refresh_id AS refresh_id
FROM path_counts
WHERE site_id = :site_id
GROUP BY month
