-- At which stages do the deals of the period stand, as the CRM names them?
SELECT coalesce(pipeline, '') AS pipeline, stage, count(*) AS deals
FROM deals
WHERE site_id = :site_id AND day BETWEEN :first_day AND :last_day AND stage IS NOT NULL AND stage <> ''
GROUP BY coalesce(pipeline, ''), stage
