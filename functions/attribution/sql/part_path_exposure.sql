-- Of touches of the same channel in a row the first counts.
{to} AS (
    SELECT *
    FROM (
        SELECT *, lag(channel) OVER (PARTITION BY request_id ORDER BY touched_at, touch_id) AS previous_channel FROM {from}
    ) AS told
    WHERE previous_channel IS DISTINCT FROM channel
),
