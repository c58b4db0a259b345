-- Direct touches at the end of the path go, unless it has only such.
{to} AS (
    SELECT *
    FROM (
        SELECT
            *,
            max(CASE WHEN NOT is_direct THEN 1 ELSE 0 END) OVER (
                PARTITION BY request_id ORDER BY touched_at, touch_id ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING
            ) AS has_more,
            max(CASE WHEN NOT is_direct THEN 1 ELSE 0 END) OVER (PARTITION BY request_id) AS has_any
        FROM {from}
    ) AS told
    WHERE has_more = 1 OR has_any = 0
),
