-- A key shared by several CRM contacts belongs to the one it met first: the nearest wave, then time, then joint.
key_owners AS (
    SELECT
        k.key_kind, k.key,
        min(j.wave) AS wave,
        min_by(j.owner, lpad(CAST(j.wave AS varchar), 2, '0') || ' ' || CAST(k.seen_at AS varchar) || ' ' || j.joint_id) AS owner
    FROM joint_keys AS k
    INNER JOIN joints AS j ON j.site_id = :site_id AND j.joint_id = k.joint_id AND j.owner IS NOT NULL
    WHERE k.site_id = :site_id AND NOT k.is_hub AND k.key_kind <> 'contact'
    GROUP BY k.key_kind, k.key
),
