-- Which deals name their request: by our request id, else by the call's id? Explicit ids may be shared by several deals.
SELECT
    :site_id AS site_id,
    d.deal_id,
    coalesce(
        min(r.request_id), min_by(c.request_id, CAST(c.created_at AS varchar) || ' ' || c.request_id)
    ) AS request_id,
    max(CASE WHEN r.request_id IS NOT NULL THEN 'request_id' ELSE 'call_id' END) AS match_method,
    :refresh_id AS refresh_id
FROM deal_facts AS d
LEFT JOIN request_facts AS r ON r.site_id = :site_id AND r.request_id = d.named_request_id
LEFT JOIN request_facts AS c ON c.site_id = :site_id AND c.call_id = d.call_id
WHERE d.site_id = :site_id AND d.merged_into IS NULL AND (r.request_id IS NOT NULL OR c.request_id IS NOT NULL)
GROUP BY d.deal_id
