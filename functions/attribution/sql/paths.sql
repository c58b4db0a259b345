-- Which touches led to each request? Those of the person and of the request's own visitor, at or before the request, as the site's
-- settings let them count: look-back by local day, excluded channels, reset, the last touches, transforms.
WITH
-- include: :scope
asked AS (
    SELECT q.request_id, q.person_id, q.visitor_id, q.created_at, q.day, a.previous_at
    FROM requests AS q
    INNER JOIN scope AS s ON s.request_id = q.request_id
    INNER JOIN (
        SELECT
            request_id,
            last_value(
                CASE WHEN (:reset_after = 'request' AND is_counted) OR (:reset_after = 'sale' AND sales > 0) THEN created_at END
            ) IGNORE NULLS OVER (
                PARTITION BY person_id ORDER BY created_at, request_id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
            ) AS previous_at
        FROM requests
        WHERE site_id = :site_id
    ) AS a ON a.request_id = q.request_id
    WHERE q.site_id = :site_id
),

visited AS (
    SELECT q.request_id, p.key AS visitor_id
    FROM asked AS q
    INNER JOIN persons AS p ON p.site_id = :site_id AND p.person_id = q.person_id AND p.key_kind = 'visitor'
    UNION
    SELECT request_id, visitor_id FROM asked WHERE visitor_id IS NOT NULL
),

touches_of AS (
    SELECT v.request_id, s.session_id AS touch_id, s.started_at AS touched_at, s.day AS touch_day,
        s.channel, s.source, s.medium, s.campaign, s.content, s.term, s.is_direct, s.is_significant
    FROM visited AS v
    INNER JOIN sessions AS s ON s.site_id = :site_id AND s.visitor_id = v.visitor_id
    UNION ALL
    SELECT q.request_id, t.request_id, t.created_at, t.day,
        t.channel, t.source, t.medium, t.campaign, t.content, t.term, FALSE, coalesce(t.is_significant, FALSE)
    FROM asked AS q
    INNER JOIN requests AS t ON t.site_id = :site_id AND t.person_id = q.person_id AND t.is_touch
),

within AS (
    SELECT
        t.*, q.created_at, q.day, q.previous_at,
        row_number() OVER (PARTITION BY t.request_id ORDER BY t.touched_at DESC, t.touch_id DESC) AS from_end
    FROM touches_of AS t
    INNER JOIN asked AS q ON q.request_id = t.request_id
    WHERE t.touched_at <= q.created_at AND t.touch_day >= date_add('day', -:lookback_days, q.day)
        AND NOT coalesce(t.channel IN :excluded_channels, FALSE)
),

-- A request that the reset leaves without a touch keeps its last one.
path AS (
    SELECT * FROM within WHERE from_end <= :lookback_touches AND (previous_at IS NULL OR touched_at > previous_at OR from_end = 1)
),

{path_to_steps}

SELECT
    :site_id AS site_id,
    request_id, touch_id, created_at, day,
    {month_of_request} AS month,
    row_number() OVER (PARTITION BY request_id ORDER BY touched_at, touch_id) AS position,
    count(*) OVER (PARTITION BY request_id) AS path_length,
    touched_at, touch_day,
    channel, source, medium, campaign, content, term, is_direct, is_significant,
    :refresh_id AS refresh_id
FROM steps
