-- One weak key ({kind}): a deal takes the nearest earlier request that nobody claimed. Requests push, deals pop: a stack per key.
events_{kind} AS (
    SELECT q.{column} AS key, q.created_at AS at, q.request_id AS id, 1 AS step
    FROM asked AS q
    WHERE q.{column} IS NOT NULL
        AND NOT EXISTS (SELECT 1 FROM {claimed} AS c WHERE c.request_id = q.request_id)
        AND NOT EXISTS (SELECT 1 FROM hubs AS h WHERE h.key_kind = '{kind}' AND h.key = q.{column})
    UNION ALL
    SELECT d.{column}, d.created_at, d.deal_id, -1
    FROM deal_facts AS d
    WHERE d.site_id = :site_id AND d.{column} IS NOT NULL
        AND NOT EXISTS (SELECT 1 FROM {claimed} AS c WHERE c.deal_id = d.deal_id)
        AND NOT EXISTS (SELECT 1 FROM hubs AS h WHERE h.key_kind = '{kind}' AND h.key = d.{column})
),

sums_{kind} AS (
    SELECT *, sum(step) OVER (PARTITION BY key ORDER BY at, step DESC, id ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS running
    FROM events_{kind}
),

depths_{kind} AS (
    SELECT
        *,
        running - least(0, min(running) OVER (
            PARTITION BY key ORDER BY at, step DESC, id ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        )) AS depth
    FROM sums_{kind}
),

levels_{kind} AS (
    SELECT
        *,
        CASE WHEN step = 1 THEN depth ELSE lag(depth, 1, 0) OVER (PARTITION BY key ORDER BY at, step DESC, id) END AS level
    FROM depths_{kind}
),

pairs_{kind} AS (
    SELECT
        id, at, step,
        lag(id) OVER (PARTITION BY key, level ORDER BY at, step DESC, id) AS request_id,
        lag(at) OVER (PARTITION BY key, level ORDER BY at, step DESC, id) AS request_at
    FROM levels_{kind}
    WHERE level > 0
),

matched_{kind} AS (
    SELECT deal_id, request_id, match_method FROM {claimed}
    UNION ALL
    SELECT id, request_id, '{kind}' FROM pairs_{kind}
    WHERE step = -1 AND request_id IS NOT NULL AND at <= request_at + INTERVAL '30' DAY
),
