-- Requests of the months whose paths changed, and those whose own path or money may differ.
-- include: part_touched_requests
-- include: part_moved_months
scope AS (
    SELECT request_id FROM touched
    UNION
    SELECT p.request_id
    FROM paths AS p
    INNER JOIN moved_months AS m ON m.month = p.month
    WHERE p.site_id = :site_id
),
