-- Which figures of the period's closed days did refreshes change since a moment, and why? Of several changes of one figure: what it was
-- before the first and is after the last; one that was taken back is none. With sums by figure and reason, whose largest change comes
-- first, so that none is missing where the list is cut.
WITH found AS (
    SELECT
        day, channel, metric, old_value, new_value, reason,
        row_number() OVER (PARTITION BY day, channel, metric ORDER BY refresh_id) AS from_first,
        row_number() OVER (PARTITION BY day, channel, metric ORDER BY refresh_id DESC) AS from_last
    FROM restatements
    WHERE site_id = :site_id AND day BETWEEN :first_day AND :last_day AND found_at >= :restated_from
),

net AS (
    SELECT
        day, channel, metric,
        max(CASE WHEN from_first = 1 THEN old_value END) AS old_value,
        max(CASE WHEN from_last = 1 THEN new_value END) AS new_value,
        max(CASE WHEN from_last = 1 THEN reason END) AS reason
    FROM found
    GROUP BY day, channel, metric
),

listed AS (
    SELECT
        *,
        row_number() OVER (
            PARTITION BY metric, reason ORDER BY abs(coalesce(new_value, 0) - coalesce(old_value, 0)) DESC, day DESC, channel
        ) AS place,
        row_number() OVER (PARTITION BY metric, reason, day ORDER BY channel) AS place_in_day
    FROM net
    WHERE abs(coalesce(new_value, 0) - coalesce(old_value, 0)) > 0.000001
)

SELECT
    day, channel, metric, reason, old_value, new_value,
    sum(coalesce(old_value, 0)) OVER (PARTITION BY metric, reason) AS old_total,
    sum(coalesce(new_value, 0)) OVER (PARTITION BY metric, reason) AS new_total,
    sum(abs(coalesce(new_value, 0) - coalesce(old_value, 0))) OVER (PARTITION BY metric, reason) AS moved,
    sum(CASE WHEN place_in_day = 1 THEN 1 ELSE 0 END) OVER (PARTITION BY metric, reason) AS days,
    count(*) OVER () AS rows_total
FROM listed
ORDER BY place, metric, reason
LIMIT :most_restated
