-- What does the last channel that is not direct bring? Of a path that has only direct ones, the last.
SELECT 'last_non_direct', channel::varchar, sum(conversions)::double, sum(gains)::double, sum(losses)::double
FROM (
    SELECT coalesce(list_filter(channels, lambda name: name NOT IN {direct})[-1], channels[-1]) AS channel, conversions, gains, losses
    FROM ready
)
GROUP BY channel
