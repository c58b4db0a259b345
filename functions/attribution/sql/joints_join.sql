-- One round of joining what no contact owns: a joint takes the smallest label met over its keys, and that label's own label.
WITH
-- include: part_key_owners
free_keys AS (
    SELECT k.joint_id, k.key_kind, k.key, j.label
    FROM joint_keys AS k
    INNER JOIN joints AS j ON j.site_id = :site_id AND j.joint_id = k.joint_id AND j.owner IS NULL
    LEFT JOIN key_owners AS o ON o.key_kind = k.key_kind AND o.key = k.key
    WHERE k.site_id = :site_id AND NOT k.is_hub AND o.key IS NULL
),

smallest AS (
    SELECT key_kind, key, min(label) AS label FROM free_keys GROUP BY key_kind, key
),

met AS (
    SELECT f.joint_id, min(least(s.label, p.label)) AS label
    FROM free_keys AS f
    INNER JOIN smallest AS s ON s.key_kind = f.key_kind AND s.key = f.key
    INNER JOIN joints AS p ON p.site_id = :site_id AND p.own_label = s.label
    GROUP BY f.joint_id
)

SELECT j.site_id, j.joint_id, j.owner, j.wave, j.own_label, m.label, j.is_unsettled, :round AS round, :refresh_id AS refresh_id
FROM joints AS j
INNER JOIN met AS m ON m.joint_id = j.joint_id
WHERE j.site_id = :site_id AND m.label < j.label
