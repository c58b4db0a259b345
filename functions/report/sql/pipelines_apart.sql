-- How many deals of the period only ever stood in pipelines apart, auxiliary and marketing ones?
SELECT
    split_part(deal_id, ':', 1) AS provider,
    coalesce(pipeline, '') AS pipeline,
    coalesce(pipeline_kind, '') AS kind,
    count(*) AS deals
FROM deals
WHERE site_id = :site_id AND day BETWEEN :first_day AND :last_day AND merged_into IS NULL AND is_apart
GROUP BY split_part(deal_id, ':', 1), coalesce(pipeline, ''), coalesce(pipeline_kind, '')
