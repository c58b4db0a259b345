-- Deals that name their request: by our request id, else by the call's id. Explicit ids may be shared by several deals.
explicit AS (
    SELECT d.deal_id, min(coalesce(r.request_id, c.request_id)) AS request_id,
        max(CASE WHEN r.request_id IS NOT NULL THEN 'request_id' ELSE 'call_id' END) AS match_method
    FROM deal_facts AS d
    LEFT JOIN asked AS r ON r.request_id = d.named_request_id
    LEFT JOIN asked AS c ON c.call_id = d.call_id
    WHERE d.site_id = :site_id AND (r.request_id IS NOT NULL OR c.request_id IS NOT NULL)
    GROUP BY d.deal_id
),

-- Who carries which key, in which joint (a request and the deals naming it; a deal that names none stands alone).
carriers AS (
    SELECT request_id AS joint_id, 'visitor' AS key_kind, visitor_id AS key, created_at AS seen_at FROM asked
    UNION ALL SELECT request_id, 'phone', phone_hash, created_at FROM asked
    UNION ALL SELECT request_id, 'email', email_hash, created_at FROM asked
    UNION ALL SELECT coalesce(e.request_id, 'crm:' || d.deal_id), k.key_kind, k.key, k.seen_at
    FROM (
        SELECT deal_id, 'visitor' AS key_kind, visitor_id AS key, created_at AS seen_at FROM deal_facts WHERE site_id = :site_id
        UNION ALL SELECT deal_id, 'phone', phone_hash, created_at FROM deal_facts WHERE site_id = :site_id
        UNION ALL SELECT deal_id, 'email', email_hash, created_at FROM deal_facts WHERE site_id = :site_id
        UNION ALL SELECT deal_id, 'contact', contact_id, created_at FROM deal_facts WHERE site_id = :site_id
    ) AS k
    INNER JOIN deal_facts AS d ON d.site_id = :site_id AND d.deal_id = k.deal_id
    LEFT JOIN explicit AS e ON e.deal_id = d.deal_id
),

-- A key with more than 10 other visitors or more than 5 other contacts beside it says nothing about who somebody is.
hubs AS (
    SELECT a.key_kind, a.key
    FROM carriers AS a
    INNER JOIN carriers AS b ON b.joint_id = a.joint_id AND b.key_kind IN ('visitor', 'contact')
    WHERE a.key IS NOT NULL AND b.key IS NOT NULL AND (a.key_kind <> b.key_kind OR a.key <> b.key)
    GROUP BY a.key_kind, a.key
    HAVING count(DISTINCT CASE WHEN b.key_kind = 'visitor' THEN b.key END) > 10
        OR count(DISTINCT CASE WHEN b.key_kind = 'contact' THEN b.key END) > 5
),
