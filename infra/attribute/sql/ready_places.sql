-- How often does each channel stand first, last and between in paths of each length? Between is what is neither first nor last.
CREATE OR REPLACE TEMP TABLE ready_places AS
WITH everywhere AS (
    SELECT channel, path_length, sum(conversions) AS conversions, sum(gains) AS gains, sum(losses) AS losses
    FROM (SELECT unnest(channels) AS channel, len(channels) AS path_length, conversions, gains, losses FROM ready)
    GROUP BY ALL
),

ends AS (
    SELECT
        channels[1] AS first_channel, channels[-1] AS last_channel, len(channels) AS path_length,
        sum(conversions) AS conversions, sum(gains) AS gains, sum(losses) AS losses
    FROM ready
    GROUP BY ALL
),

placed AS (
    SELECT first_channel AS channel, path_length, 1 AS position, conversions, gains, losses FROM ends
    UNION ALL
    SELECT last_channel, path_length, path_length, conversions, gains, losses FROM ends WHERE path_length > 1
    UNION ALL
    SELECT channel, path_length, 2, conversions, gains, losses FROM everywhere WHERE path_length > 2
    UNION ALL
    SELECT unnest([first_channel, last_channel]), path_length, 2, -conversions, -gains, -losses FROM ends WHERE path_length > 2
)

SELECT
    channel::varchar AS channel, path_length, position,
    sum(conversions)::double AS conversions, sum(gains)::double AS gains, sum(losses)::double AS losses
FROM placed
GROUP BY ALL
