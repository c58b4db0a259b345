-- Leave-one-out on exact ordered paths: a touch weighs max(p(path) - p(path without it), 0), normalised; p = conversions /
-- (conversions + nulls) of exactly that path, 0 when unseen; a single touch takes its own p; all zero: the last touch.
placed AS (
    SELECT
        *,
        row_number() OVER (PARTITION BY request_id ORDER BY touched_at, touch_id) AS position,
        count(*) OVER (PARTITION BY request_id) AS path_length
    FROM steps
),

-- include: part_null_path
-- include: :transform from=null_path to=null_steps
counted AS (
    SELECT path, sum(conversions) AS conversions, sum(nulls) AS nulls
    FROM (
        SELECT array_join(array_agg(channel ORDER BY touched_at, touch_id), ' > ') AS path, 1 AS conversions, 0 AS nulls
        FROM steps
        GROUP BY request_id
        UNION ALL
        SELECT array_join(array_agg(channel ORDER BY touched_at, touch_id), ' > '), 0, 1
        FROM null_steps
        GROUP BY request_id
    ) AS paths
    GROUP BY path
),

chances AS (
    SELECT path, CAST(conversions AS double) / CAST(conversions + nulls AS double) AS chance FROM counted
),

whole AS (
    SELECT request_id, array_join(array_agg(channel ORDER BY position), ' > ') AS path FROM placed GROUP BY request_id
),

without AS (
    SELECT
        p.request_id, p.position,
        array_join(array_agg(o.channel ORDER BY o.position) FILTER (WHERE o.position <> p.position), ' > ') AS path
    FROM placed AS p
    INNER JOIN placed AS o ON o.request_id = p.request_id
    GROUP BY p.request_id, p.position
),

effects AS (
    SELECT
        p.*,
        CASE
            WHEN p.path_length = 1 THEN c.chance
            WHEN c.chance > coalesce(r.chance, 0e0) THEN c.chance - coalesce(r.chance, 0e0)
            ELSE 0e0
        END AS effect
    FROM placed AS p
    INNER JOIN whole AS w ON w.request_id = p.request_id
    INNER JOIN chances AS c ON c.path = w.path
    LEFT JOIN without AS o ON o.request_id = p.request_id AND o.position = p.position
    LEFT JOIN chances AS r ON r.path = o.path
),

weighted AS (
    SELECT
        *,
        'marginal' AS model,
        CASE
            WHEN sum(effect) OVER (PARTITION BY request_id) > 0e0 THEN effect / sum(effect) OVER (PARTITION BY request_id)
            WHEN position = path_length THEN 1e0
        END AS weight
    FROM effects
),

weights AS (
    SELECT * FROM weighted WHERE weight > 0
),
