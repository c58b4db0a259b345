-- Where do visits start and end? After 1800 s of silence, or when a source that is not direct differs from the visit's own.
-- Hits of one half-hour of the clock are always less than 1800 s apart, so a half-hour is one row to the windows, unless a visit may
-- start within it, then its hits stay rows of their own. What a visit shows is fetched for its first hit alone, from `hits`:
-- whether a hit counts is the same for all of a visitor's hits of a moment.
WITH
-- include: :scope
marked AS (
    SELECT
        h.visitor_id, h.record_id, h.occurred_at,
        date_trunc('hour', h.occurred_at) AS hour, minute(h.occurred_at) < 30 AS is_first_half,
        s.source || '|' || s.medium || '|' || coalesce(h.campaign, '') || '|' || coalesce(h.content, '') || '|'
            || coalesce(h.term, '') || '|' || coalesce(h.click_id, '') AS mark
    FROM scope AS h
    LEFT JOIN sources AS s ON s.site_id = :site_id AND s.entry_key = h.entry_key AND NOT s.is_direct
),

halves AS (
    SELECT
        visitor_id, hour, is_first_half,
        min(occurred_at) AS first_at,
        element_at(min(occurred_at, 2), 2) AS second_at,
        max(occurred_at) AS last_at,
        count(*) AS hits,
        min(mark) AS mark,
        max(mark) AS other_mark,
        min(CASE WHEN mark IS NOT NULL THEN occurred_at END) AS marked_at
    FROM marked
    GROUP BY visitor_id, hour, is_first_half
    HAVING count(*) > 0  -- always so: DuckDB then guesses fewer halves than hits, and joins hits to them, not them to hits
),

-- A visit may start within: the first moment has two hits, the first hit has no mark and a later one has, or marks differ.
stretches AS (
    SELECT
        g.visitor_id, h.record_id,
        coalesce(h.occurred_at, g.first_at) AS occurred_at,
        coalesce(h.occurred_at, g.last_at) AS last_at,
        CASE WHEN h.record_id IS NULL THEN g.hits ELSE 1 END AS hits,
        CASE WHEN h.record_id IS NULL THEN g.mark ELSE h.mark END AS mark
    FROM marked AS h
    RIGHT JOIN halves AS g
        ON g.hour = h.hour AND g.is_first_half = h.is_first_half
            AND h.visitor_id = CASE
                WHEN g.second_at = g.first_at OR g.marked_at > g.first_at OR g.mark <> g.other_mark THEN g.visitor_id
            END
),

ordered AS (
    SELECT
        *,
        lag(last_at) OVER w AS previous_at,
        lead(occurred_at) OVER w IS NULL AS is_last,
        sum(hits) OVER (
            PARTITION BY visitor_id ORDER BY occurred_at, record_id ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS place  -- of its last hit among the visitor's
    FROM stretches
    WINDOW w AS (PARTITION BY visitor_id ORDER BY occurred_at, record_id)
),

silent AS (
    SELECT *, previous_at IS NULL OR occurred_at >= previous_at + INTERVAL '1800' SECOND AS after_silence FROM ordered
),

-- Silence ends what marks told before it: from there on it is as if the mark '' had been seen, which no source has.
edges AS (
    SELECT
        visitor_id, record_id, occurred_at, last_at, previous_at, is_last, hits, place, after_silence,
        CASE WHEN after_silence THEN coalesce(mark, '') ELSE mark END AS mark
    FROM silent
    WHERE after_silence OR is_last OR mark IS NOT NULL
),

looked_back AS (
    SELECT
        *,
        max(CASE WHEN after_silence THEN occurred_at END) OVER w AS group_started_at,
        lag(mark) IGNORE NULLS OVER (PARTITION BY visitor_id ORDER BY occurred_at, record_id) AS earlier_mark
    FROM edges
    WINDOW w AS (PARTITION BY visitor_id ORDER BY occurred_at, record_id ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
),

judged AS (
    SELECT
        visitor_id, record_id, occurred_at, last_at, previous_at, is_last, hits, place, group_started_at,
        after_silence OR coalesce(mark <> earlier_mark, FALSE) AS is_start
    FROM looked_back
),

-- A visit lasts until the row before the next start, or to the visitor's last one.
ended AS (
    SELECT
        visitor_id, record_id, occurred_at, group_started_at, is_start,
        coalesce(lead(CASE WHEN is_start THEN previous_at ELSE last_at END) OVER w, last_at) AS last_hit_at,
        coalesce(lead(CASE WHEN is_start THEN place - hits ELSE place END) OVER w, place) - (place - hits) AS hits
    FROM judged
    WHERE is_start OR is_last
    WINDOW w AS (PARTITION BY visitor_id ORDER BY occurred_at, record_id)
)

SELECT
    :site_id AS site_id,
    h.record_id || ':' || CAST(h.day AS varchar) AS session_id,
    e.visitor_id,
    h.day,
    e.occurred_at AS started_at,
    e.last_hit_at,
    e.group_started_at,
    CAST(e.hits AS bigint) AS hits,
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
FROM hits AS h
INNER JOIN ended AS e
    ON e.visitor_id = h.visitor_id AND e.occurred_at = h.occurred_at AND (e.record_id IS NULL OR e.record_id = h.record_id)
LEFT JOIN sources AS s ON s.site_id = :site_id AND s.entry_key = h.entry_key AND NOT s.is_direct
WHERE e.is_start AND h.site_id = :site_id AND h.excluded IS NULL AND h.day BETWEEN :reach_day AND :until_day
