-- What was each visitor's path, looked back from his last visit? By the same settings as the paths of requests.
WITH
-- include: :scope
came AS (
    SELECT
        s.visitor_id AS request_id, s.session_id AS touch_id, s.started_at AS touched_at, s.day, s.channel, s.is_direct,
        coalesce(s.channel IN :excluded_channels, FALSE) AS is_excluded
    FROM sessions AS s
    INNER JOIN scope AS v ON v.visitor_id = s.visitor_id
    WHERE s.site_id = :site_id
),

within AS (
    SELECT
        *,
        max(day) OVER (PARTITION BY request_id) AS last_day,
        row_number() OVER (PARTITION BY request_id, is_excluded ORDER BY touched_at DESC, touch_id DESC) AS from_end
    FROM came
),

path AS (
    SELECT *
    FROM within
    WHERE NOT is_excluded AND from_end <= :lookback_touches AND day >= date_add('day', -:lookback_days, last_day)
),

{path_to_steps}

SELECT
    :site_id AS site_id,
    request_id AS visitor_id,
    {month_of_visit} AS month,
    array_join(array_agg(channel ORDER BY touched_at, touch_id), chr(31)) AS path,
    :refresh_id AS refresh_id
FROM steps
GROUP BY request_id, last_day
