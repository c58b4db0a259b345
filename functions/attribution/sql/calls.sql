-- Every call of the telephony as it stands: who was found behind it, how it ended, and was it a target call, a unique one, a repeat?
WITH
-- include: part_latest_calls
-- What a request of this id tells of its call holds for the call.
judged AS (
    SELECT request_id, is_target, is_unique FROM request_facts WHERE site_id = :site_id AND contact_channel = 'call'
),

called_before AS (
    SELECT
        *,
        CASE
            WHEN phone_hash IS NOT NULL AND direction = 'in'
            THEN lag(started_at) OVER (PARTITION BY phone_hash, direction ORDER BY started_at, provider, call_id)
        END AS previous_at
    FROM latest_calls
)

SELECT
    :site_id AS site_id,
    c.provider, c.call_id, c.started_at,
    CAST(with_timezone(c.started_at, 'UTC') AT TIME ZONE :time_zone AS date) AS day,
    c.request_id, c.direction, c.number, c.is_answered,
    coalesce(c.outcome, CASE WHEN c.is_answered THEN 'answered' ELSE 'missed' END) AS outcome,
    c.answered_by,
    c.direction = 'in' AND coalesce(j.is_target, FALSE) AND NOT c.is_spam AS is_target,
    c.direction = 'in' AND coalesce(j.is_unique, FALSE) AND NOT c.is_spam AS is_unique,
    coalesce(c.previous_at >= c.started_at - INTERVAL '1' SECOND * :repeat_caller_seconds, FALSE) AS is_repeat,
    c.is_spam,
    c.wait_seconds, c.talk_seconds, coalesce(c.has_recording, FALSE) AS has_recording, c.visitor_id, c.phone_hash,
    CASE WHEN c.direction = 'in' THEN coalesce(c.resolved_by, 'nothing') ELSE c.resolved_by END AS resolved_by, c.lease_id,
    c.other_visitor_id, c.other_resolved_by,
    CASE WHEN NOT s.is_direct THEN s.channel END AS channel,
    CASE WHEN NOT s.is_direct THEN s.source END AS source,
    CASE WHEN NOT s.is_direct THEN s.medium END AS medium,
    c.campaign, c.content, c.term,
    :refresh_id AS refresh_id
FROM called_before AS c
LEFT JOIN judged AS j ON j.request_id = c.request_id
LEFT JOIN sources AS s ON s.site_id = :site_id AND s.entry_key = c.source_key
