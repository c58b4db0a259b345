-- The visitors to be looked at in a refresh that is no full one.
-- include: part_moved_visitors
scope AS (SELECT visitor_id FROM moved_visitors),
