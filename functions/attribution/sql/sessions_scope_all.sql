-- Every person's hit of the site: a rebuild that fits into one statement.
-- joins: as written
scope AS (
    SELECT h.*
    FROM hits AS h
    LEFT JOIN excluded_visitors AS x ON x.site_id = :site_id AND x.visitor_id = h.visitor_id AND x.day = h.day
    WHERE h.site_id = :site_id AND h.excluded IS NULL AND x.visitor_id IS NULL
),
