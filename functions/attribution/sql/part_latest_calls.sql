-- Every call once, as its latest record tells it (the door forgets a call after 31 days: what is told later counts where nothing else
-- was told); test traffic left out. Spam: the call is one of so many incoming calls of its caller within 86,400 s, from the first to
-- the last of which there was no call with him, in or out, of that much talk (or of unknown talk), and no deal names it.
told_calls AS (
    SELECT *
    FROM (
        SELECT
            *,
            row_number() OVER (
                PARTITION BY provider, call_id
                ORDER BY CASE WHEN received_at > started_at + INTERVAL '31' DAY THEN 1 ELSE 0 END, received_at DESC, record_id DESC
            ) AS age
        FROM (
            SELECT
                record_id, received_at, occurred_at AS started_at, coalesce(provider, '') AS provider,
                coalesce(call_id, record_id) AS call_id, request_id, direction, number, phone_hash,
                coalesce(is_answered, FALSE) AS is_answered, outcome, wait_seconds, talk_seconds, answered_by, has_recording,
                visitor_id, resolved_by, lease_id, other_visitor_id, other_resolved_by,
                source_key, utm_campaign AS campaign, utm_content AS content, utm_term AS term
            FROM call_records
            WHERE site_id = :site_id AND NOT coalesce(is_test, FALSE)
        ) AS told
    ) AS aged
    WHERE age = 1
),

talked_calls AS (
    SELECT
        *,
        max(CASE WHEN talk_seconds >= :spam_talk_seconds OR (is_answered AND talk_seconds IS NULL) THEN started_at END) OVER (
            PARTITION BY phone_hash ORDER BY started_at RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS last_talk_at
    FROM told_calls
    WHERE phone_hash IS NOT NULL
),

-- Where a run of so many calls ends, each within 86,400 s of its first one.
spam_ends AS (
    SELECT
        provider, call_id, phone_hash, started_at,
        :is_spam_judged AND first_at >= started_at - INTERVAL '86400' SECOND AND coalesce(last_talk_at < first_at, TRUE) AS is_end
    FROM (
        SELECT
            provider, call_id, phone_hash, started_at, last_talk_at,
            lag(started_at, :spam_calls_before) OVER (PARTITION BY phone_hash ORDER BY started_at, provider, call_id) AS first_at
        FROM talked_calls
        WHERE direction = 'in'
    ) AS runs
),

spam_calls AS (
    SELECT provider, call_id
    FROM (
        SELECT
            provider, call_id,
            bool_or(is_end) OVER (
                PARTITION BY phone_hash ORDER BY started_at, provider, call_id
                ROWS BETWEEN CURRENT ROW AND :spam_calls_before FOLLOWING
            ) AS is_spam
        FROM spam_ends
    ) AS judged_calls
    WHERE is_spam
),

latest_calls AS (
    SELECT t.*, s.call_id IS NOT NULL AND r.named IS NULL AND c.named IS NULL AS is_spam
    FROM told_calls AS t
    LEFT JOIN spam_calls AS s ON s.provider = t.provider AND s.call_id = t.call_id
    LEFT JOIN (
        SELECT DISTINCT named_request_id AS named FROM deal_facts WHERE site_id = :site_id
    ) AS r ON r.named = t.request_id
    LEFT JOIN (SELECT DISTINCT call_id AS named FROM deal_facts WHERE site_id = :site_id) AS c ON c.named = t.call_id
),
