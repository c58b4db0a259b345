-- Every person's hit of the site: a rebuild that fits into one statement.
scope AS (
    SELECT * FROM hits WHERE site_id = :site_id AND excluded IS NULL
),
