-- Which deals found no request? Each gets an implied one.
SELECT :site_id AS site_id, d.deal_id, 'crm:' || d.deal_id AS request_id, 'implied' AS match_method, :refresh_id AS refresh_id
FROM deal_facts AS d
LEFT JOIN deal_matches AS m ON m.site_id = :site_id AND m.deal_id = d.deal_id AND m.match_method NOT IN ('implied', 'merged')
WHERE d.site_id = :site_id AND m.deal_id IS NULL AND d.merged_into IS NULL
