-- Which keys join nobody: those that too many share, and those whose people were still being joined after the last round?
WITH apart AS (
    SELECT CASE WHEN is_hub THEN 'hub' ELSE 'unsettled' END AS why, key_kind, key, first_seen_at
    FROM persons
    WHERE site_id = :site_id AND (is_hub OR is_unsettled)
),

placed AS (
    SELECT
        why, key_kind, key,
        count(*) OVER (PARTITION BY why) AS keys,
        row_number() OVER (PARTITION BY why ORDER BY first_seen_at, key_kind, key) AS place
    FROM apart
)

SELECT why, key_kind, key, keys
FROM placed
WHERE place <= :most_keys
ORDER BY why, place
