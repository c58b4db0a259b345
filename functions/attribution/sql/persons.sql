-- Which person does each key belong to? The person is named by its earliest-seen key; hubs join nothing.
WITH
-- include: part_key_owners
placed AS (
    SELECT
        k.key_kind, k.key,
        min(k.seen_at) AS first_seen_at,
        bool_or(k.is_hub) AS is_hub,
        bool_or(j.is_unsettled) AND NOT bool_or(k.is_hub) AND min(o.owner) IS NULL AS is_unsettled,
        CASE
            WHEN bool_or(k.is_hub) THEN 'hub:' || k.key_kind || ':' || k.key
            WHEN k.key_kind = 'contact' THEN 'contact:' || k.key
            ELSE coalesce('contact:' || min(o.owner), min(j.label))
        END AS component
    FROM joint_keys AS k
    INNER JOIN joints AS j ON j.site_id = :site_id AND j.joint_id = k.joint_id
    LEFT JOIN key_owners AS o ON o.key_kind = k.key_kind AND o.key = k.key
    WHERE k.site_id = :site_id
    GROUP BY k.key_kind, k.key
)

SELECT
    :site_id AS site_id,
    key_kind,
    key,
    first_value(key_kind || ':' || key) OVER (
        PARTITION BY component ORDER BY first_seen_at, key_kind, key ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ) AS person_id,
    component,
    first_seen_at,
    is_hub,
    is_unsettled,
    :refresh_id AS refresh_id
FROM placed
