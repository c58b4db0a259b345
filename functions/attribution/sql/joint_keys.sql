-- Which keys does each joint carry? A joint is a request with its deals; a deal of another contact than the joint's first stands alone.
WITH owners AS (
    SELECT m.request_id AS joint_id, min_by(d.contact_id, CAST(d.created_at AS varchar) || ' ' || d.deal_id) AS contact_id
    FROM deal_matches AS m
    INNER JOIN deal_facts AS d ON d.site_id = :site_id AND d.deal_id = m.deal_id AND d.contact_id IS NOT NULL AND d.merged_into IS NULL
    WHERE m.site_id = :site_id
    GROUP BY m.request_id
),

members AS (
    SELECT request_id AS joint_id, 'visitor' AS key_kind, visitor_id AS key, created_at AS seen_at FROM request_facts WHERE site_id = :site_id
    UNION ALL SELECT request_id, 'phone', phone_hash, created_at FROM request_facts WHERE site_id = :site_id
    UNION ALL SELECT request_id, 'email', email_hash, created_at FROM request_facts WHERE site_id = :site_id
    UNION ALL
    SELECT
        CASE WHEN d.contact_id IS NULL OR d.contact_id = o.contact_id THEN m.request_id ELSE 'deal:' || d.deal_id END,
        c.key_kind, c.key, d.created_at
    FROM deal_facts AS d
    INNER JOIN deal_matches AS m ON m.site_id = :site_id AND m.deal_id = d.deal_id
    LEFT JOIN owners AS o ON o.joint_id = m.request_id
    INNER JOIN (
        SELECT deal_id, 'visitor' AS key_kind, visitor_id AS key FROM deal_facts WHERE site_id = :site_id
        UNION ALL SELECT deal_id, 'phone', phone_hash FROM deal_facts WHERE site_id = :site_id
        UNION ALL SELECT deal_id, 'email', email_hash FROM deal_facts WHERE site_id = :site_id
        UNION ALL SELECT deal_id, 'contact', contact_id FROM deal_facts WHERE site_id = :site_id
    ) AS c ON c.deal_id = d.deal_id
    WHERE d.site_id = :site_id
)

SELECT
    :site_id AS site_id,
    m.joint_id, m.key_kind, m.key,
    min(m.seen_at) AS seen_at,
    max(CASE WHEN h.key IS NOT NULL THEN 1 ELSE 0 END) = 1 AS is_hub,
    :refresh_id AS refresh_id
FROM members AS m
LEFT JOIN hub_keys AS h ON h.site_id = :site_id AND h.key_kind = m.key_kind AND h.key = m.key
WHERE m.key IS NOT NULL
GROUP BY m.joint_id, m.key_kind, m.key
