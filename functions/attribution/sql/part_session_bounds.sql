-- Visitors whose hits changed, and the start of the chain of sessions that the earliest change may continue.
-- Whether a day counts is judged for all of it (excluded_visitors), so a change reaches back to the day's first hit.
changed AS (
    SELECT visitor_id, min(day) AS day
    FROM hits
    WHERE site_id = :site_id AND refresh_id > :since_refresh AND day BETWEEN :first_day AND :last_day
    GROUP BY visitor_id
),

fresh AS (
    SELECT h.visitor_id, min(h.occurred_at) AS first_at
    FROM hits AS h
    INNER JOIN changed AS c ON c.visitor_id = h.visitor_id AND c.day = h.day
    WHERE h.site_id = :site_id AND h.day BETWEEN :first_day AND :last_day
    GROUP BY h.visitor_id
),

bounds AS (
    SELECT f.visitor_id, coalesce(min(s.group_started_at), f.first_at) AS first_at
    FROM fresh AS f
    LEFT JOIN sessions AS s
        ON s.site_id = :site_id AND s.visitor_id = f.visitor_id
            AND (NOT :is_full OR s.day < :first_day)  -- a full run has not looked at the later ones yet
            AND s.started_at <= f.first_at AND s.last_hit_at > f.first_at - INTERVAL '1800' SECOND
    GROUP BY f.visitor_id, f.first_at
),
