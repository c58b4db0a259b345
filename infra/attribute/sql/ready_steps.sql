-- Which channels of each ready path count? Without the excluded ones, the last so many, then transformed; their order is their time.
CREATE TABLE ready_left AS
WITH touched AS (
    SELECT r.number AS request_id, e.place AS touch_id, e.place AS touched_at, e.channel, lower(e.channel) IN {direct} AS is_direct
    FROM ready_in AS r
    CROSS JOIN UNNEST(r.channels) WITH ORDINALITY AS e (channel, place)
    WHERE NOT coalesce(e.channel IN :excluded_channels, FALSE)
),

within AS (
    SELECT *, row_number() OVER (PARTITION BY request_id ORDER BY touched_at DESC) AS from_end FROM touched
),

path AS (
    SELECT * FROM within WHERE from_end <= :lookback_touches
),

{path_to_steps},

left_over AS (
    SELECT request_id, array_agg(channel ORDER BY touched_at) AS channels FROM steps GROUP BY request_id
)

SELECT l.channels, r.conversions, r.nulls, r.gains, r.losses
FROM left_over AS l
INNER JOIN ready_in AS r ON r.number = l.request_id
