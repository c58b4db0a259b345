-- Answers that arrived since the last complete refresh, those whose lease they end, and those of visitors with changed hits.
-- include: part_moved_visitors
arrived_leases AS (
    SELECT record_id, former_lease_id FROM lease_records WHERE site_id = :site_id AND refresh_id > :since_refresh
),

scope AS (
    SELECT record_id FROM arrived_leases
    UNION
    SELECT r.record_id
    FROM lease_records AS r
    INNER JOIN arrived_leases AS a ON a.former_lease_id = r.lease_id
    WHERE r.site_id = :site_id
    UNION
    SELECT r.record_id
    FROM lease_records AS r
    INNER JOIN moved_visitors AS v ON v.visitor_id = r.visitor_id
    WHERE r.site_id = :site_id
),
