-- Every call of the telephony as it stands: who was found behind it, and whether it was a target call and a unique one.
WITH
-- include: part_latest_calls
-- What a request of this id tells of its call holds for the call.
judged AS (
    SELECT request_id, is_target, is_unique FROM request_facts WHERE site_id = :site_id AND contact_channel = 'call'
)

SELECT
    :site_id AS site_id,
    c.provider, c.call_id, c.started_at,
    CAST(with_timezone(c.started_at, 'UTC') AT TIME ZONE :time_zone AS date) AS day,
    c.request_id, c.direction, c.number, c.is_answered,
    c.direction = 'in' AND coalesce(j.is_target, FALSE) AS is_target,
    c.direction = 'in' AND coalesce(j.is_unique, FALSE) AS is_unique,
    c.wait_seconds, c.talk_seconds, c.visitor_id, c.phone_hash,
    CASE WHEN c.direction = 'in' THEN coalesce(c.resolved_by, 'nothing') ELSE c.resolved_by END AS resolved_by, c.lease_id,
    CASE WHEN NOT s.is_direct THEN s.channel END AS channel,
    CASE WHEN NOT s.is_direct THEN s.source END AS source,
    CASE WHEN NOT s.is_direct THEN s.medium END AS medium,
    c.campaign, c.content, c.term,
    :refresh_id AS refresh_id
FROM latest_calls AS c
LEFT JOIN judged AS j ON j.request_id = c.request_id
LEFT JOIN sources AS s ON s.site_id = :site_id AND s.entry_key = c.source_key
