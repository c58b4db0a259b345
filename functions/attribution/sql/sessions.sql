-- Where do visits start and end? After 1800 s of silence, or when a source that is not direct differs from the visit's own.
-- Only rows where a visit may start (silence, marks) or a visitor's hits end are looked at twice; the rest is counted by row number.
WITH
-- include: :scope
ordered AS (
    SELECT
        visitor_id, record_id, occurred_at, day, entry_key, campaign, content, term, click_id,
        page_path, country, region, city,
        lag(occurred_at) OVER w AS previous_at,
        lead(occurred_at) OVER w AS next_at,
        row_number() OVER w AS place
    FROM scope
    WINDOW w AS (PARTITION BY visitor_id ORDER BY occurred_at, record_id)
),

edges AS (
    SELECT
        o.*,
        o.previous_at IS NULL OR o.occurred_at >= o.previous_at + INTERVAL '1800' SECOND AS after_silence,
        s.channel, s.source, s.medium,
        coalesce(s.is_direct, TRUE) AS is_direct,
        CASE
            WHEN NOT s.is_direct
            THEN s.source || '|' || s.medium || '|' || coalesce(o.campaign, '') || '|' || coalesce(o.content, '')
                || '|' || coalesce(o.term, '') || '|' || coalesce(o.click_id, '')
        END AS mark
    FROM ordered AS o
    LEFT JOIN sources AS s ON s.site_id = :site_id AND s.entry_key = o.entry_key
    WHERE o.previous_at IS NULL OR o.next_at IS NULL OR o.entry_key IS NOT NULL
        OR o.occurred_at >= o.previous_at + INTERVAL '1800' SECOND
),

grouped AS (
    SELECT
        *,
        max(CASE WHEN after_silence THEN occurred_at END) OVER (
            PARTITION BY visitor_id ORDER BY occurred_at, record_id ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS group_started_at
    FROM edges
),

judged AS (
    SELECT
        *,
        after_silence OR (
            mark IS NOT NULL AND mark IS DISTINCT FROM last_value(mark) IGNORE NULLS OVER (
                PARTITION BY visitor_id, group_started_at ORDER BY occurred_at, record_id
                ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
            )
        ) AS is_start
    FROM grouped
),

ended AS (
    SELECT
        *,
        lead(is_start) OVER w AS next_is_start,
        lead(previous_at) OVER w AS next_previous_at,
        lead(occurred_at) OVER w AS last_at,
        lead(place) OVER w AS next_place
    FROM judged
    WHERE is_start OR next_at IS NULL
    WINDOW w AS (PARTITION BY visitor_id ORDER BY occurred_at, record_id)
)

SELECT
    :site_id AS site_id,
    record_id AS session_id,
    visitor_id,
    day,
    occurred_at AS started_at,
    CASE WHEN next_is_start THEN next_previous_at WHEN next_place IS NULL THEN occurred_at ELSE last_at END AS last_hit_at,
    group_started_at,
    CASE WHEN next_is_start THEN next_place - place WHEN next_place IS NULL THEN 1 ELSE next_place - place + 1 END AS hits,
    CASE WHEN is_direct THEN 'direct' ELSE channel END AS channel,
    CASE WHEN is_direct THEN '(direct)' ELSE source END AS source,
    CASE WHEN is_direct THEN '(none)' ELSE medium END AS medium,
    CASE WHEN NOT is_direct THEN campaign END AS campaign,
    CASE WHEN NOT is_direct THEN content END AS content,
    CASE WHEN NOT is_direct THEN term END AS term,
    CASE WHEN NOT is_direct THEN click_id END AS click_id,
    is_direct,
    page_path AS landing_path,
    country, region, city,
    :refresh_id AS refresh_id
FROM ended
WHERE is_start
