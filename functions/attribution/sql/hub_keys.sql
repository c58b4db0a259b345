-- Which keys have more than 10 other visitors or more than 5 other contacts beside them, so that they say nothing about who somebody
-- is? Beside = in one joint: a request and the deals naming it; a deal that names none stands alone.
WITH carriers AS (
    SELECT request_id AS joint_id, 'visitor' AS key_kind, visitor_id AS key FROM request_facts WHERE site_id = :site_id
    UNION ALL SELECT request_id, 'phone', phone_hash FROM request_facts WHERE site_id = :site_id
    UNION ALL SELECT request_id, 'email', email_hash FROM request_facts WHERE site_id = :site_id
    UNION ALL
    SELECT coalesce(e.request_id, 'crm:' || k.deal_id), k.key_kind, k.key
    FROM (
        SELECT deal_id, 'visitor' AS key_kind, visitor_id AS key FROM deal_facts WHERE site_id = :site_id
        UNION ALL SELECT deal_id, 'phone', phone_hash FROM deal_facts WHERE site_id = :site_id
        UNION ALL SELECT deal_id, 'email', email_hash FROM deal_facts WHERE site_id = :site_id
        UNION ALL SELECT deal_id, 'contact', contact_id FROM deal_facts WHERE site_id = :site_id
    ) AS k
    LEFT JOIN deal_matches AS e ON e.site_id = :site_id AND e.deal_id = k.deal_id AND e.match_method IN ('request_id', 'call_id')
)

SELECT :site_id AS site_id, a.key_kind, a.key, :refresh_id AS refresh_id
FROM carriers AS a
INNER JOIN carriers AS b ON b.joint_id = a.joint_id AND b.key_kind IN ('visitor', 'contact')
WHERE a.key IS NOT NULL AND b.key IS NOT NULL AND (a.key_kind <> b.key_kind OR a.key <> b.key)
GROUP BY a.key_kind, a.key
HAVING count(DISTINCT CASE WHEN b.key_kind = 'visitor' THEN b.key END) > 10
    OR count(DISTINCT CASE WHEN b.key_kind = 'contact' THEN b.key END) > 5
