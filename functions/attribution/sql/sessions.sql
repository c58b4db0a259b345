-- Where do visits start and end? After 1800 s of silence, or when a source that is not direct differs from the visit's own.
-- The sorts carry few columns: only rows where a visit may start (silence, marks) or a visitor's hits end are looked at again,
-- hits are counted by row number, and what a visit shows is fetched for its first hit alone.
WITH
-- include: :scope
ordered AS (
    SELECT
        visitor_id, record_id, day, occurred_at, entry_key, tags,
        lag(occurred_at) OVER w AS previous_at,
        lead(occurred_at) OVER w AS next_at,
        row_number() OVER w AS place
    FROM (
        SELECT
            visitor_id, record_id, day, occurred_at, entry_key,
            CASE
                WHEN entry_key IS NOT NULL
                THEN coalesce(campaign, '') || '|' || coalesce(content, '') || '|' || coalesce(term, '') || '|' || coalesce(click_id, '')
            END AS tags
        FROM scope
    ) AS slim
    WINDOW w AS (PARTITION BY visitor_id ORDER BY occurred_at, record_id)
),

edges AS (
    SELECT
        o.visitor_id, o.record_id, o.day, o.occurred_at, o.previous_at, o.next_at, o.place,
        o.previous_at IS NULL OR o.occurred_at >= o.previous_at + INTERVAL '1800' SECOND AS after_silence,
        s.entry_key,
        CASE WHEN NOT s.is_direct THEN s.source || '|' || s.medium || '|' || o.tags END AS mark
    FROM ordered AS o
    LEFT JOIN sources AS s ON s.site_id = :site_id AND s.entry_key = o.entry_key AND NOT s.is_direct
    WHERE o.previous_at IS NULL OR o.next_at IS NULL OR o.entry_key IS NOT NULL
        OR o.occurred_at >= o.previous_at + INTERVAL '1800' SECOND
),

-- A mark before the last silence belongs to an earlier visit; within the chain the last mark is the visit's own source.
looked_back AS (
    SELECT
        *,
        max(CASE WHEN after_silence THEN occurred_at END) OVER w AS group_started_at,
        lag(mark) IGNORE NULLS OVER (PARTITION BY visitor_id ORDER BY occurred_at, record_id) AS earlier_mark,
        lag(CASE WHEN mark IS NOT NULL THEN occurred_at END) IGNORE NULLS OVER (
            PARTITION BY visitor_id ORDER BY occurred_at, record_id
        ) AS earlier_mark_at
    FROM edges
    WINDOW w AS (PARTITION BY visitor_id ORDER BY occurred_at, record_id ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
),

judged AS (
    SELECT
        visitor_id, record_id, day, occurred_at, previous_at, next_at, place, group_started_at, entry_key,
        after_silence OR (
            mark IS NOT NULL AND (earlier_mark IS NULL OR earlier_mark_at < group_started_at OR earlier_mark <> mark)
        ) AS is_start
    FROM looked_back
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
    e.record_id || ':' || CAST(e.day AS varchar) AS session_id,
    e.visitor_id,
    e.day,
    e.occurred_at AS started_at,
    CASE WHEN e.next_is_start THEN e.next_previous_at WHEN e.next_place IS NULL THEN e.occurred_at ELSE e.last_at END AS last_hit_at,
    e.group_started_at,
    CASE
        WHEN e.next_is_start THEN e.next_place - e.place WHEN e.next_place IS NULL THEN 1 ELSE e.next_place - e.place + 1
    END AS hits,
    coalesce(s.channel, 'direct') AS channel,
    coalesce(s.source, '(direct)') AS source,
    coalesce(s.medium, '(none)') AS medium,
    CASE WHEN s.entry_key IS NOT NULL THEN h.campaign END AS campaign,
    CASE WHEN s.entry_key IS NOT NULL THEN h.content END AS content,
    CASE
        WHEN s.entry_key IS NULL THEN NULL
        WHEN h.term IS NOT NULL OR s.term_parameters IS NULL OR h.referrer_query IS NULL THEN h.term
        ELSE nullif(substr(trim({phrase}), 1, 300), '')
    END AS term,
    CASE WHEN s.entry_key IS NOT NULL THEN h.click_id END AS click_id,
    s.entry_key IS NULL AS is_direct,
    coalesce(s.is_significant, FALSE) AS is_significant,
    h.page_path AS landing_path,
    h.country, h.region, h.city,
    :refresh_id AS refresh_id
FROM ended AS e
INNER JOIN scope AS h ON h.record_id = e.record_id AND h.day = e.day
LEFT JOIN sources AS s ON s.site_id = :site_id AND s.entry_key = e.entry_key
WHERE e.is_start
