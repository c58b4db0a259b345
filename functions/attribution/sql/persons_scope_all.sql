-- Everybody with a request or a visitor of his own.
scope AS (SELECT person_id FROM person_inputs WHERE site_id = :site_id),
