-- By what did the deals of the period find their requests? Absorbed deals, and those of pipelines apart, are not among them.
SELECT CASE WHEN request_id IS NULL THEN 'unmatched' ELSE coalesce(match_method, 'unmatched') END AS method, count(*) AS deals
FROM deals
WHERE site_id = :site_id AND day BETWEEN :first_day AND :last_day
    AND merged_into IS NULL AND NOT coalesce(is_apart, FALSE)
GROUP BY CASE WHEN request_id IS NULL THEN 'unmatched' ELSE coalesce(match_method, 'unmatched') END
