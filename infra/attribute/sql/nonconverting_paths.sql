-- Which paths led to no conversion, before and after the transform?
WITH
-- include: part_null_path
-- include: :transform from=null_path to=null_steps
whole AS (
    SELECT request_id, array_join(array_agg(channel ORDER BY touched_at, touch_id), ' > ') AS path FROM null_path GROUP BY request_id
),

transformed AS (
    SELECT request_id, array_join(array_agg(channel ORDER BY touched_at, touch_id), ' > ') AS path FROM null_steps GROUP BY request_id
)

SELECT substr(w.request_id, 6) AS customer_id, w.path, t.path AS transformed_path
FROM whole AS w
INNER JOIN transformed AS t ON t.request_id = w.request_id
ORDER BY customer_id
