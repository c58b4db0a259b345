-- Every month that has paths.
scope AS (SELECT month FROM path_months WHERE site_id = :site_id),
