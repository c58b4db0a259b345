-- The person of each joint; a joint that carries no usable key is a person of its own.
joint_persons AS (
    SELECT j.joint_id, coalesce(min(p.person_id), 'request:' || j.joint_id) AS person_id
    FROM joints AS j
    LEFT JOIN persons AS p ON p.site_id = :site_id AND p.component = coalesce('contact:' || j.owner, j.label)
    WHERE j.site_id = :site_id
    GROUP BY j.joint_id
),
