-- What has not settled after the last round is left unjoined and marked: every joint of such a component gets its own label back. Not
-- settled is a key that still carries two labels, and a joint that a contact's keys had not reached yet.
WITH
-- include: part_key_owners
free_joints AS (
    SELECT k.key_kind, k.key, j.label, o.key IS NOT NULL AS is_owned
    FROM joint_keys AS k
    INNER JOIN joints AS j ON j.site_id = :site_id AND j.joint_id = k.joint_id AND j.owner IS NULL
    LEFT JOIN key_owners AS o ON o.key_kind = k.key_kind AND o.key = k.key
    WHERE k.site_id = :site_id AND NOT k.is_hub
),

torn AS (
    SELECT key_kind, key
    FROM free_joints
    GROUP BY key_kind, key
    HAVING bool_or(is_owned) OR count(DISTINCT label) > 1
),

labels AS (
    SELECT DISTINCT f.label
    FROM torn AS t
    INNER JOIN free_joints AS f ON f.key_kind = t.key_kind AND f.key = t.key
)

SELECT
    j.site_id, j.joint_id, j.owner, j.wave, j.own_label, j.own_label AS label, TRUE AS is_unsettled, :round AS round,
    :refresh_id AS refresh_id
FROM joints AS j
INNER JOIN labels AS l ON l.label = j.label
WHERE j.site_id = :site_id AND j.owner IS NULL
