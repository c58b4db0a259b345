-- At which stages without a meaning do the deals of the period stand, as the CRM names them?
SELECT coalesce(pipeline, '') AS pipeline, coalesce(stage, '') AS stage, count(*) AS deals
FROM deals
WHERE site_id = :site_id AND day BETWEEN :first_day AND :last_day AND is_unknown_stage AND merged_into IS NULL
GROUP BY coalesce(pipeline, ''), coalesce(stage, '')
