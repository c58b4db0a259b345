-- What has not settled after the last round is left unjoined: every joint of such a component gets its own label back.
WITH
-- include: part_key_owners
torn AS (
    SELECT k.key_kind, k.key
    FROM joint_keys AS k
    INNER JOIN joints AS j ON j.site_id = :site_id AND j.joint_id = k.joint_id AND j.owner IS NULL
    LEFT JOIN key_owners AS o ON o.key_kind = k.key_kind AND o.key = k.key
    WHERE k.site_id = :site_id AND NOT k.is_hub AND o.key IS NULL
    GROUP BY k.key_kind, k.key
    HAVING count(DISTINCT j.label) > 1
),

labels AS (
    SELECT DISTINCT j.label
    FROM torn AS t
    INNER JOIN joint_keys AS k ON k.site_id = :site_id AND k.key_kind = t.key_kind AND k.key = t.key
    INNER JOIN joints AS j ON j.site_id = :site_id AND j.joint_id = k.joint_id AND j.owner IS NULL
)

SELECT j.site_id, j.joint_id, j.owner, j.wave, j.own_label, j.own_label AS label, :round AS round, :refresh_id AS refresh_id
FROM joints AS j
INNER JOIN labels AS l ON l.label = j.label
WHERE j.site_id = :site_id AND j.owner IS NULL AND j.label <> j.own_label
