-- Every call once, as its latest record tells it; test traffic left out.
latest_calls AS (
    SELECT *
    FROM (
        SELECT
            *,
            row_number() OVER (PARTITION BY provider, call_id ORDER BY received_at DESC, record_id DESC) AS age
        FROM (
            SELECT
                record_id, received_at, occurred_at AS started_at, coalesce(provider, '') AS provider,
                coalesce(call_id, record_id) AS call_id, request_id, direction, number, phone_hash,
                coalesce(is_answered, FALSE) AS is_answered, wait_seconds, talk_seconds, visitor_id, resolved_by, lease_id,
                source_key, utm_campaign AS campaign, utm_content AS content, utm_term AS term
            FROM call_records
            WHERE site_id = :site_id AND NOT coalesce(is_test, FALSE)
        ) AS told
    ) AS aged
    WHERE age = 1
),
