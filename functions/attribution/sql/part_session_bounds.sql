-- Visitors whose hits changed, and the start of the chain of sessions that the earliest change may continue.
fresh AS (
    SELECT visitor_id, min(occurred_at) AS first_at
    FROM hits
    WHERE site_id = :site_id AND refresh_id > :since_refresh AND day BETWEEN :first_day AND :last_day
    GROUP BY visitor_id
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
