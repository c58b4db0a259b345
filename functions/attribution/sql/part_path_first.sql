-- Of every channel only its first touch counts.
{to} AS (
    SELECT *
    FROM (
        SELECT *, row_number() OVER (PARTITION BY request_id, channel ORDER BY touched_at, touch_id) AS turn_of_channel FROM {from}
    ) AS told
    WHERE turn_of_channel = 1
),
