-- Which numbers were rung or leased in the period: how often, and how many of the calls (spam left out) found no visitor?
WITH rung AS (
    SELECT
        number,
        count(*) AS calls,
        sum(CASE WHEN is_spam THEN 0 ELSE 1 END) AS told_calls,
        sum(CASE WHEN NOT is_spam AND lease_id IS NOT NULL THEN 1 ELSE 0 END) AS lease_calls,
        sum(CASE WHEN NOT is_spam AND visitor_id IS NULL AND resolved_by = 'number' THEN 1 ELSE 0 END) AS by_number,
        sum(CASE WHEN NOT is_spam AND visitor_id IS NULL AND resolved_by <> 'number' THEN 1 ELSE 0 END) AS by_nothing
    FROM calls
    WHERE site_id = :site_id AND day BETWEEN :first_day AND :last_day AND direction = 'in'
    GROUP BY number
),

-- Of the numbers that were ever leased: a call to one of them came too late.
leased AS (
    SELECT
        number,
        sum(CASE WHEN day >= :first_day THEN 1 ELSE 0 END) AS leases,
        sum(CASE WHEN day >= :first_day AND is_confirmed THEN 1 ELSE 0 END) AS confirmed_leases
    FROM leases
    WHERE site_id = :site_id AND day <= :last_day AND kind = 'dynamic'
    GROUP BY number
)

SELECT
    coalesce(r.number, l.number) AS number,
    coalesce(r.calls, 0) AS calls,
    coalesce(r.told_calls, 0) AS told_calls,
    coalesce(r.lease_calls, 0) AS lease_calls,
    coalesce(r.by_number, 0) AS by_number,
    coalesce(r.by_nothing, 0) AS by_nothing,
    coalesce(l.leases, 0) AS leases,
    coalesce(l.confirmed_leases, 0) AS confirmed_leases,
    l.number IS NOT NULL AS was_leased
FROM rung AS r
FULL OUTER JOIN leased AS l ON l.number = r.number
WHERE r.number IS NOT NULL OR l.leases > 0
