-- Every joint before anything is joined: owned by its CRM contact where it has one, labelled by when it was first seen.
SELECT
    :site_id AS site_id,
    joint_id,
    min(CASE WHEN key_kind = 'contact' AND NOT is_hub THEN key END) AS owner,
    CASE WHEN min(CASE WHEN key_kind = 'contact' AND NOT is_hub THEN key END) IS NOT NULL THEN 0 END AS wave,
    date_format(min(seen_at), '%Y-%m-%d %H:%i:%s.%f') || ' ' || joint_id AS own_label,
    date_format(min(seen_at), '%Y-%m-%d %H:%i:%s.%f') || ' ' || joint_id AS label,
    FALSE AS is_unsettled,
    0 AS round,
    :refresh_id AS refresh_id
FROM joint_keys
WHERE site_id = :site_id
GROUP BY joint_id
