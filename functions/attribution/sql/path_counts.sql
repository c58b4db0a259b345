-- How often did each path of a month lead to a sale? Every request's path counts once, and that of every visitor without a request.
WITH asked AS (
    SELECT p.request_id, p.month, count(*) AS touches, array_join(array_agg(p.channel ORDER BY p.position), chr(31)) AS path
    FROM paths AS p
    WHERE p.site_id = :site_id
    GROUP BY p.request_id, p.month
),

counted AS (
    SELECT a.month, a.path, CASE WHEN q.sales > 0 THEN 1 ELSE 0 END AS conversions, CASE WHEN q.sales > 0 THEN 0 ELSE 1 END AS nulls
    FROM asked AS a
    INNER JOIN requests AS q ON q.site_id = :site_id AND q.request_id = a.request_id
    UNION ALL
    SELECT v.month, v.path, 0, 1
    FROM visitor_paths AS v
    LEFT JOIN persons AS p ON p.site_id = :site_id AND p.key_kind = 'visitor' AND p.key = v.visitor_id
    WHERE v.site_id = :site_id AND p.key IS NULL
)

SELECT
    :site_id AS site_id, month, path,
    length(path) - length(replace(path, chr(31), '')) + 1 AS touches,
    sum(conversions) AS conversions,
    sum(nulls) AS nulls,
    :refresh_id AS refresh_id
FROM counted
GROUP BY month, path
