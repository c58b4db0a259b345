-- Persons whose touches may differ from the last complete run. A visitor that became a hub, or is none any more, changes all who used it.
-- include: part_touched_requests
scope AS (
    SELECT person_id FROM moved_persons
    UNION
    SELECT q.person_id
    FROM requests AS q
    INNER JOIN touched AS t ON t.request_id = q.request_id
    WHERE q.site_id = :site_id
    UNION
    SELECT q.person_id
    FROM requests AS q
    INNER JOIN persons AS p
        ON p.site_id = :site_id AND p.key_kind = 'visitor' AND p.key = q.visitor_id AND p.refresh_id > :since_refresh
    WHERE q.site_id = :site_id
),
