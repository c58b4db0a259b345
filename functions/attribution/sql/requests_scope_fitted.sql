-- Requests of the months whose paths changed, and those whose own path or money may differ.
-- include: part_touched_requests
fitted_months AS (
    SELECT month FROM path_counts WHERE site_id = :site_id AND refresh_id > :since_refresh
    UNION
    SELECT month FROM path_months WHERE site_id = :site_id AND refresh_id > :since_refresh
),

scope AS (
    SELECT request_id FROM touched
    UNION
    SELECT p.request_id
    FROM paths AS p
    INNER JOIN fitted_months AS m ON m.month = p.month
    WHERE p.site_id = :site_id
),
