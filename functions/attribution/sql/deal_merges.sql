-- Which deals were taken over by which, as the CRM told? (Where a chain of them ends is followed in rounds.)
SELECT :site_id AS site_id, deal_id, merged_into, merged_into AS survivor, 0 AS round, :refresh_id AS refresh_id
FROM deal_own
WHERE site_id = :site_id AND merged_into IS NOT NULL
