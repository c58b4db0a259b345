-- What was every visitor answered who asked for a number, and until when was his lease? The number's next lease tells how it ended.
WITH
-- include: :scope
ended AS (
    SELECT
        former_lease_id AS lease_id,
        max(former_until) AS until,
        bool_or(former_is_confirmed) AS is_confirmed,
        min(occurred_at) AS next_at
    FROM lease_records
    WHERE site_id = :site_id AND former_lease_id IS NOT NULL
    GROUP BY former_lease_id
),

asked AS (
    SELECT r.*, CAST(with_timezone(r.occurred_at, 'UTC') AT TIME ZONE :time_zone AS date) AS day
    FROM lease_records AS r
    INNER JOIN scope AS s ON s.record_id = r.record_id
    WHERE r.site_id = :site_id AND NOT coalesce(r.is_test, FALSE)
)

SELECT
    :site_id AS site_id,
    a.record_id, a.occurred_at AS asked_at, a.day, a.visitor_id, coalesce(a.pool, 'main') AS pool, a.kind, a.reason, a.number,
    a.lease_id, e.until, e.is_confirmed, e.next_at, a.held_numbers, a.pool_numbers,
    coalesce(a.reason = 'robot', FALSE) OR v.visitor_id IS NOT NULL AS is_excluded,
    :refresh_id AS refresh_id
FROM asked AS a
LEFT JOIN ended AS e ON e.lease_id = a.lease_id
LEFT JOIN excluded_visitors AS v ON v.site_id = :site_id AND v.day = a.day AND v.visitor_id = a.visitor_id
