-- Requests whose path or money may differ from the last complete run: what their person is made of changed, or hits of a visitor.
-- include: part_moved_visitors
moved_persons AS (
    SELECT person_id FROM person_inputs WHERE site_id = :site_id AND refresh_id > :since_refresh
    UNION
    SELECT p.person_id
    FROM persons AS p
    INNER JOIN moved_visitors AS v ON v.visitor_id = p.key
    WHERE p.site_id = :site_id AND p.key_kind = 'visitor'
),

touched AS (
    SELECT q.request_id
    FROM requests AS q
    INNER JOIN moved_persons AS p ON p.person_id = q.person_id
    WHERE q.site_id = :site_id
    UNION
    SELECT q.request_id
    FROM requests AS q
    INNER JOIN moved_visitors AS v ON v.visitor_id = q.visitor_id
    WHERE q.site_id = :site_id
),
