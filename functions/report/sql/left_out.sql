-- Which requests have a deal and no touch, though their visitor was there before: on visits that are not counted? The reason of most of
-- his hits is told. An opened mail is no visit of anybody.
WITH lost AS (
    SELECT r.request_id, r.visitor_id, r.day, r.created_at
    FROM requests AS r
    LEFT JOIN credits AS c
        ON c.site_id = r.site_id AND c.request_id = r.request_id AND c.model = :model AND c.day BETWEEN :first_day AND :last_day
    WHERE r.site_id = :site_id AND r.day BETWEEN :first_day AND :last_day
        AND r.deals > 0 AND r.visitor_id IS NOT NULL AND c.request_id IS NULL
),

told AS (
    SELECT l.request_id, coalesce(nullif(h.excluded, ''), v.reason) AS reason, count(*) AS hits
    FROM lost AS l
    INNER JOIN hits AS h
        ON h.visitor_id = l.visitor_id AND h.occurred_at <= l.created_at
            AND date_diff('day', h.day, l.day) BETWEEN 0 AND :lookback_days
    LEFT JOIN (
        SELECT day, visitor_id, min(reason) AS reason
        FROM excluded_visitors
        WHERE site_id = :site_id AND day BETWEEN :path_from AND :last_day
        GROUP BY day, visitor_id
    ) AS v ON v.day = h.day AND v.visitor_id = h.visitor_id
    WHERE h.site_id = :site_id AND h.day BETWEEN :path_from AND :last_day
        AND coalesce(nullif(h.excluded, ''), v.reason) <> 'email_open'
    GROUP BY l.request_id, coalesce(nullif(h.excluded, ''), v.reason)
),

placed AS (
    SELECT request_id, reason, row_number() OVER (PARTITION BY request_id ORDER BY hits DESC, reason) AS place
    FROM told
)

SELECT request_id, reason
FROM placed
WHERE place = 1
