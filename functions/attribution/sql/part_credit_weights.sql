-- The models as weights that sum to 1 over a path (docs/method.md, models).
placed AS (
    SELECT
        *,
        row_number() OVER (PARTITION BY request_id ORDER BY touched_at, touch_id) AS position,
        count(*) OVER (PARTITION BY request_id) AS path_length,
        power(2e0, -(CAST(date_diff('millisecond', touched_at, created_at) AS double) / 604800000e0)) AS decay
    FROM steps
),

marked AS (
    SELECT
        *,
        max(CASE WHEN NOT is_direct THEN position END) OVER (PARTITION BY request_id) AS last_non_direct,
        max(CASE WHEN NOT is_direct AND is_significant THEN position END) OVER (PARTITION BY request_id) AS last_significant,
        sum(decay) OVER (PARTITION BY request_id) AS decay_sum
    FROM placed
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
            WHEN 'position'
            THEN CASE
                WHEN p.path_length = 1 THEN 1e0
                WHEN p.path_length = 2 AND :first_share + :last_share = 0 THEN 5e-1
                WHEN p.path_length = 2 AND p.position = 1 THEN CAST(:first_share AS double) / (:first_share + :last_share)
                WHEN p.path_length = 2 THEN CAST(:last_share AS double) / (:first_share + :last_share)
                WHEN p.position = 1 THEN CAST(:first_share AS double) / 100e0
                WHEN p.position = p.path_length THEN CAST(:last_share AS double) / 100e0
                ELSE CAST(:middle_share AS double) / 100e0 / CAST(p.path_length - 2 AS double)
            END
            ELSE p.decay / p.decay_sum
        END AS weight
    FROM marked AS p
    CROSS JOIN (
        VALUES 'first', 'last', 'last_non_direct', 'last_significant', 'linear', 'position', 'time_decay'
    ) AS m (model)
),

weights AS (
    SELECT * FROM weighted WHERE weight > 0
),
