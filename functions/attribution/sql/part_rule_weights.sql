-- The rule models as weights that sum to 1 over a path (docs/method.md, models).
aged AS (
    SELECT
        p.*,
        date_diff('millisecond', p.touched_at, max(p.touched_at) OVER (PARTITION BY p.request_id)) AS age
    FROM paths AS p
    INNER JOIN scope AS s ON s.request_id = p.request_id
    WHERE p.site_id = :site_id
),

-- Halved every half-life, in hundred-trillionths of the last touch's: whole numbers add up the same in any order.
decayed AS (
    SELECT
        *,
        CAST(round(1e14 * power(2e0, -(CAST(age AS double) / (CAST(:half_life_days AS double) * 86400000e0)))) AS bigint) AS decay
    FROM aged
),

marked AS (
    SELECT
        *,
        max(CASE WHEN NOT is_direct THEN position END) OVER (PARTITION BY request_id) AS last_non_direct,
        max(CASE WHEN NOT is_direct AND is_significant THEN position END) OVER (PARTITION BY request_id) AS last_significant,
        sum(decay) OVER (PARTITION BY request_id) AS decay_sum
    FROM decayed
),

weighted AS (
    SELECT
        p.*,
        m.model,
        CASE m.model
            WHEN 'first' THEN CASE WHEN p.position = 1 THEN 1e0 END
            WHEN 'last' THEN CASE WHEN p.position = p.path_length THEN 1e0 END
            WHEN 'last_non_direct' THEN CASE WHEN p.position = coalesce(p.last_non_direct, p.path_length) THEN 1e0 END
            WHEN 'last_significant'
            THEN CASE WHEN p.position = coalesce(p.last_significant, p.last_non_direct, p.path_length) THEN 1e0 END
            WHEN 'linear' THEN 1e0 / CAST(p.path_length AS double)
            WHEN 'position' THEN
-- include: part_share_of_place model=position
            WHEN 'custom' THEN
-- include: part_share_of_place model=custom
            ELSE CAST(p.decay AS double) / CAST(p.decay_sum AS double)
        END AS weight
    FROM marked AS p
    CROSS JOIN (
        VALUES 'first', 'last', 'last_non_direct', 'last_significant', 'linear', 'position', 'time_decay', 'custom'
    ) AS m (model)
),

weights AS (
    SELECT * FROM weighted WHERE weight > 0
),

