-- How far back do the chains of sessions reach that this run continues?
WITH
-- include: part_session_bounds
earliest AS (SELECT min(first_at) AS first_at FROM bounds)

SELECT CAST(with_timezone(first_at, 'UTC') AT TIME ZONE :time_zone AS date) AS reach_day FROM earliest
