-- Why did those who asked for a number in the period, and never got one of their own, get none? Their latest answer tells.
WITH answers AS (
    SELECT
        visitor_id, kind, coalesce(reason, '') AS reason,
        row_number() OVER (
            PARTITION BY visitor_id ORDER BY CASE WHEN kind = 'dynamic' THEN 0 ELSE 1 END, asked_at DESC, record_id DESC
        ) AS place
    FROM leases
    WHERE site_id = :site_id AND day BETWEEN :first_day AND :last_day AND NOT is_excluded AND visitor_id IS NOT NULL
)

SELECT kind, reason, count(*) AS visitors
FROM answers
WHERE place = 1 AND kind <> 'dynamic'
GROUP BY kind, reason
