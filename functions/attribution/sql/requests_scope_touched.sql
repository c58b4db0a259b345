-- Requests whose path or money may differ from the last complete run.
-- include: part_touched_requests
scope AS (SELECT request_id FROM touched),
