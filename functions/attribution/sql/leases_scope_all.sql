-- Every answer to a visitor who asked for a number.
scope AS (SELECT record_id FROM lease_records WHERE site_id = :site_id),
