-- Matches by one weak key as they stood, of deals that are alive or of deals that stand deleted.
SELECT m.*
FROM deal_matches AS m
LEFT JOIN deal_facts AS d ON d.site_id = :site_id AND d.deal_id = m.deal_id
WHERE m.site_id = :site_id AND m.match_method = '{kind}' AND coalesce(d.is_deleted, FALSE) = {is_deleted}
