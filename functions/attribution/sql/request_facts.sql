-- What is known of each request? One row a request id: its earliest record, or the incoming call that made it. Where both tell of a request,
-- the call is believed and the record fills what the call leaves open. Test traffic, calls that are spam, and the names of implied
-- requests and of joints are left out. Here calls are judged as well: target, and unique (no target call of that caller in the
-- 86,400 s before).
WITH
-- include: part_latest_calls
records AS (
    SELECT *
    FROM (
        SELECT *, row_number() OVER (PARTITION BY request_id ORDER BY received_at, record_id) AS arrival
        FROM request_records
        WHERE site_id = :site_id AND NOT coalesce(is_test, FALSE)
    ) AS told
    WHERE arrival = 1
),

incoming AS (
    SELECT *
    FROM (
        SELECT *, row_number() OVER (PARTITION BY request_id ORDER BY started_at, provider, call_id) AS place
        FROM latest_calls
        WHERE direction = 'in'
    ) AS rang
    WHERE place = 1
),

known AS (
    SELECT
        coalesce(c.request_id, r.request_id) AS request_id,
        coalesce(c.started_at, r.occurred_at) AS created_at,
        CASE WHEN c.request_id IS NOT NULL THEN 'call' ELSE r.contact_channel END AS contact_channel,
        coalesce(c.visitor_id, r.visitor_id) AS visitor_id,
        coalesce(c.phone_hash, r.phone_hash) AS phone_hash,
        r.email_hash,
        coalesce(c.is_spam, FALSE) AS is_spam,
        coalesce(c.call_id, r.call_id) AS call_id,
        coalesce(c.is_answered, r.is_answered) AS is_answered,
        coalesce(c.talk_seconds, r.talk_seconds) AS talk_seconds,
        coalesce(c.source_key, r.source_key) AS source_key,
        CASE WHEN c.source_key IS NOT NULL THEN c.campaign ELSE r.utm_campaign END AS campaign,
        CASE WHEN c.source_key IS NOT NULL THEN c.content ELSE r.utm_content END AS content,
        CASE WHEN c.source_key IS NOT NULL THEN c.term ELSE r.utm_term END AS term
    FROM records AS r
    FULL OUTER JOIN incoming AS c ON c.request_id = r.request_id
),

targets AS (
    SELECT
        *,
        contact_channel = 'call' AND coalesce(is_answered, FALSE) AND coalesce(talk_seconds, 0) >= :target_talk_seconds AS is_target
    FROM known
    WHERE NOT is_spam AND request_id IS NOT NULL AND request_id NOT LIKE 'crm:%' AND request_id NOT LIKE 'deal:%'
),

called_before AS (
    SELECT
        *,
        CASE
            WHEN phone_hash IS NOT NULL AND contact_channel = 'call'
            THEN last_value(CASE WHEN is_target THEN created_at END) IGNORE NULLS OVER (
                PARTITION BY phone_hash ORDER BY created_at, request_id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
            )
        END AS previous_target_at
    FROM targets
)

SELECT
    :site_id AS site_id,
    request_id, created_at, contact_channel, visitor_id, phone_hash, email_hash, call_id, is_answered, talk_seconds,
    coalesce(is_target, FALSE) AS is_target,
    coalesce(contact_channel = 'call', FALSE)
    AND (previous_target_at IS NULL OR previous_target_at < created_at - INTERVAL '86400' SECOND) AS is_unique,
    source_key, campaign, content, term,
    :refresh_id AS refresh_id
FROM called_before
