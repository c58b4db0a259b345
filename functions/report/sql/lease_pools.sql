-- How did each pool of numbers serve those who asked in the period? A row without a pool is that of all. Holds are those of leases whose
-- end is known: from the lease to the end of its cool-down, or to the next lease of the number where its visitor came back before.
WITH asked AS (
    SELECT
        pool, asked_at, visitor_id, until, is_confirmed, next_at, held_numbers, pool_numbers, is_excluded,
        kind = 'dynamic' AS is_leased,
        NOT is_excluded AND coalesce(reason, '') = 'pool_full' AS is_refused,
        NOT is_excluded AND coalesce(reason, '') IN ('pool_full', 'busy') AS found_none,
        date_trunc('hour', asked_at) AS asked_hour
    FROM leases
    WHERE site_id = :site_id AND day BETWEEN :first_day AND :last_day
),

-- `pool_spans`: ;pool=cool-down/cool-down of a lease without a sign of life; of every pool of the settings.
spans AS (
    SELECT pool, split_part(split_part(:pool_spans, ';' || pool || '=', 2), ';', 1) AS span
    FROM (SELECT DISTINCT pool FROM asked) AS pools
),

cooled AS (
    SELECT
        pool,
        coalesce(CAST(nullif(split_part(span, '/', 1), '') AS bigint), :cool_down) AS cool_down,
        coalesce(CAST(nullif(split_part(span, '/', 2), '') AS bigint), :unconfirmed_cool_down) AS unconfirmed_cool_down
    FROM spans
),

held AS (
    SELECT
        a.*,
        CASE
            WHEN a.is_leased
            THEN a.until + INTERVAL '1' SECOND * CASE WHEN a.is_confirmed THEN c.cool_down ELSE c.unconfirmed_cool_down END
        END AS free_at
    FROM asked AS a
    INNER JOIN cooled AS c ON c.pool = a.pool
),

-- Arrivals: every lease, and whoever found none free in that hour.
arrivals AS (
    SELECT pool, asked_hour, sum(CASE WHEN leases > 0 THEN leases WHEN was_refused THEN 1 ELSE 0 END) AS arrivals
    FROM (
        SELECT
            pool, asked_hour, visitor_id,
            sum(CASE WHEN is_leased THEN 1 ELSE 0 END) AS leases,
            bool_or(found_none) AS was_refused
        FROM asked
        GROUP BY pool, asked_hour, visitor_id
    ) AS visitors
    GROUP BY pool, asked_hour
),

busiest AS (
    SELECT pool, asked_hour, arrivals
    FROM (
        SELECT pool, asked_hour, arrivals, row_number() OVER (PARTITION BY pool ORDER BY arrivals DESC, asked_hour DESC) AS place
        FROM arrivals
        WHERE arrivals > 0
    ) AS placed
    WHERE place = 1
),

sums AS (
    SELECT
        pool,
        count(DISTINCT CASE WHEN NOT is_excluded THEN visitor_id END) AS visitors,
        count(DISTINCT CASE WHEN NOT is_excluded AND is_leased THEN visitor_id END) AS with_number,
        count(DISTINCT CASE WHEN is_refused THEN visitor_id END) AS refused,
        count(DISTINCT CASE WHEN is_excluded THEN visitor_id END) AS excluded,
        sum(CASE WHEN is_leased THEN 1 ELSE 0 END) AS leases,
        sum(CASE WHEN is_refused THEN 1 ELSE 0 END) AS pool_full,
        max(held_numbers) AS peak_held,
        max(CASE WHEN pool_numbers > 0 THEN CAST(held_numbers AS double) / pool_numbers END) AS peak_utilisation,
        max_by(pool_numbers, asked_at) FILTER (WHERE pool_numbers IS NOT NULL) AS numbers,
        sum(date_diff('second', asked_at, CASE WHEN next_at < free_at THEN next_at ELSE free_at END)) AS hold_seconds,
        count(free_at) AS holds
    FROM held
    GROUP BY GROUPING SETS ((pool), ())
)

SELECT
    s.pool, s.visitors, s.with_number, s.refused, s.excluded, s.leases, s.pool_full, s.peak_held, s.peak_utilisation, s.numbers,
    s.hold_seconds, s.holds, b.asked_hour AS busiest_hour, b.arrivals AS busiest_arrivals
FROM sums AS s
LEFT JOIN busiest AS b ON b.pool = s.pool
