-- The months to be made anew in a refresh that is no full one.
-- include: part_moved_months
scope AS (SELECT month FROM moved_months),
