-- Which paths led to no conversion, before and after the transforms? Those of everybody who has none.
SELECT v.visitor_id AS customer_id, replace(b.path, chr(31), ' > ') AS path, replace(v.path, chr(31), ' > ') AS transformed_path
FROM visitor_paths AS v
INNER JOIN visitor_paths_before AS b ON b.visitor_id = v.visitor_id
LEFT JOIN persons AS p ON p.site_id = :site_id AND p.key_kind = 'visitor' AND p.key = v.visitor_id
WHERE v.site_id = :site_id AND p.key IS NULL
ORDER BY customer_id
