-- To which request do deals belong that another one took over? To that one's, which keeps it; no deal of theirs is counted.
SELECT
    :site_id AS site_id, d.deal_id, coalesce(m.request_id, 'crm:' || d.deal_id) AS request_id, 'merged' AS match_method,
    :refresh_id AS refresh_id
FROM deal_facts AS d
LEFT JOIN deal_matches AS m ON m.site_id = :site_id AND m.deal_id = d.survivor AND m.match_method <> 'merged'
WHERE d.site_id = :site_id AND d.merged_into IS NOT NULL
