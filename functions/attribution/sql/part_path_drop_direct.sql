-- Direct touches go, unless the path has only such.
{to} AS (
    SELECT *
    FROM (SELECT *, min(CASE WHEN is_direct THEN 1 ELSE 0 END) OVER (PARTITION BY request_id) AS is_all_direct FROM {from}) AS told
    WHERE NOT is_direct OR is_all_direct = 1
),
