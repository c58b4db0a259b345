-- Which deals find their request by one weak key? A deal takes the nearest earlier request that no stronger key claimed and no deal
-- before it took. Requests push, deals pop: a stack per key. A creation in whole seconds lasts for all of its second. Deals that were
-- taken over, or only ever stood apart from sales, take none. Deals that are alive choose first, as if none were deleted; those that
-- stand deleted choose of what is left.
WITH claimed AS (
    SELECT m.deal_id, m.request_id
    FROM deal_matches AS m
    INNER JOIN deal_facts AS d ON d.site_id = :site_id AND d.deal_id = m.deal_id
    WHERE m.site_id = :site_id
        AND CASE WHEN d.is_deleted THEN {is_deleted} AND m.match_method IN ({stronger}) ELSE m.match_method IN ({before}) END
),

hubs AS (
    SELECT key FROM hub_keys WHERE site_id = :site_id AND key_kind = '{kind}'
),

events AS (
    SELECT q.{column} AS key, q.created_at AS told_at, q.created_at AS at, q.request_id AS id, 1 AS step
    FROM request_facts AS q
    WHERE q.site_id = :site_id AND q.{column} IS NOT NULL
        AND NOT EXISTS (SELECT 1 FROM claimed AS c WHERE c.request_id = q.request_id)
        AND NOT EXISTS (SELECT 1 FROM hubs AS h WHERE h.key = q.{column})
    UNION ALL
    SELECT
        d.{column}, d.sought_at,
        CASE WHEN date_trunc('second', d.sought_at) = d.sought_at THEN date_add('millisecond', 999, d.sought_at) ELSE d.sought_at END,
        d.deal_id, -1
    FROM deal_facts AS d
    WHERE d.site_id = :site_id AND d.{column} IS NOT NULL AND d.merged_into IS NULL AND NOT d.is_apart AND d.is_deleted = {is_deleted}
        AND NOT EXISTS (SELECT 1 FROM claimed AS c WHERE c.deal_id = d.deal_id)
        AND NOT EXISTS (SELECT 1 FROM hubs AS h WHERE h.key = d.{column})
),

sums AS (
    SELECT *, sum(step) OVER (PARTITION BY key ORDER BY at, step DESC, id ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS running
    FROM events
),

depths AS (
    SELECT
        *,
        running - least(0, min(running) OVER (
            PARTITION BY key ORDER BY at, step DESC, id ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        )) AS depth
    FROM sums
),

levels AS (
    SELECT
        *,
        CASE WHEN step = 1 THEN depth ELSE lag(depth, 1, 0) OVER (PARTITION BY key ORDER BY at, step DESC, id) END AS level
    FROM depths
),

pairs AS (
    SELECT
        id, told_at, step,
        lag(id) OVER (PARTITION BY key, level ORDER BY at, step DESC, id) AS request_id,
        lag(at) OVER (PARTITION BY key, level ORDER BY at, step DESC, id) AS request_at
    FROM levels
    WHERE level > 0
)

SELECT :site_id AS site_id, id AS deal_id, request_id, '{kind}' AS match_method, :refresh_id AS refresh_id
FROM pairs
WHERE step = -1 AND request_id IS NOT NULL AND told_at <= request_at + INTERVAL '30' DAY
