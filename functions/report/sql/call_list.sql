-- Which calls came and went, the newest first, and which source does the default model credit most with the request of each? Reached:
-- a later call with the other side, in or out, was answered.
WITH listed AS (
    SELECT *, count(*) OVER () AS calls_total
    FROM calls
    WHERE site_id = :site_id AND day BETWEEN :first_day AND :last_day
    ORDER BY started_at DESC, provider, call_id
    LIMIT :most_calls
),

talks AS (
    SELECT phone_hash, max(started_at) AS last_answered_at
    FROM calls
    WHERE site_id = :site_id AND day >= :first_day AND is_answered AND phone_hash IS NOT NULL
    GROUP BY phone_hash
),

credited AS (
    SELECT request_id, channel, source, campaign
    FROM (
        SELECT
            request_id, channel, source, campaign,
            row_number() OVER (PARTITION BY request_id ORDER BY round(weight, 9) DESC, position) AS place
        FROM credits
        WHERE site_id = :site_id AND model = :model AND day BETWEEN :first_day AND :last_day
    ) AS weighed
    WHERE place = 1
)

SELECT
    l.provider, l.call_id, l.started_at, l.direction, l.number, l.outcome, l.is_answered, l.answered_by, l.wait_seconds,
    l.talk_seconds, l.has_recording, l.is_target, l.is_unique, l.is_repeat, l.is_spam, l.request_id,
    l.visitor_id IS NOT NULL AS has_visitor, l.resolved_by, l.other_resolved_by,
    coalesce(t.last_answered_at > l.started_at, FALSE) AS is_reached,
    c.channel, c.source, c.campaign, l.calls_total
FROM listed AS l
LEFT JOIN talks AS t ON t.phone_hash = l.phone_hash
LEFT JOIN credited AS c ON c.request_id = l.request_id
ORDER BY l.started_at DESC, l.provider, l.call_id
