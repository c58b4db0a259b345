-- One wave of ownership: joints that no contact owns yet go to the owner of the earliest of their keys that has one.
-- Owners of this very wave do not count, so that a wave done twice (a run that died) is the same as once.
WITH
-- include: part_key_owners
reached AS (
    SELECT k.joint_id, min_by(o.owner, CAST(k.seen_at AS varchar) || ' ' || k.key_kind || ' ' || k.key) AS owner
    FROM joint_keys AS k
    INNER JOIN key_owners AS o ON o.key_kind = k.key_kind AND o.key = k.key AND o.wave < :round
    WHERE k.site_id = :site_id AND NOT k.is_hub
    GROUP BY k.joint_id
)

SELECT j.site_id, j.joint_id, r.owner, :round AS wave, j.own_label, j.label, j.is_unsettled, :round AS round, :refresh_id AS refresh_id
FROM joints AS j
INNER JOIN reached AS r ON r.joint_id = j.joint_id
WHERE j.site_id = :site_id AND j.owner IS NULL
