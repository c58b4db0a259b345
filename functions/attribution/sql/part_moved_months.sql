-- Months whose paths changed since the last complete run.
moved_months AS (
    SELECT month FROM path_counts WHERE site_id = :site_id AND refresh_id > :since_refresh
    UNION
    SELECT month FROM path_months WHERE site_id = :site_id AND refresh_id > :since_refresh
),
