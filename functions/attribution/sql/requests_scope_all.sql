-- Every request of the site.
scope AS (SELECT request_id FROM requests WHERE site_id = :site_id),
