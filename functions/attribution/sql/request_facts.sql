-- What is known of each request? One row a request id, the earliest record of it; test traffic and the names of implied
-- requests and of joints left out.
SELECT
    :site_id AS site_id,
    request_id, occurred_at AS created_at, contact_channel, visitor_id, phone_hash, email_hash, call_id, is_answered, talk_seconds,
    source_key, utm_campaign AS campaign, utm_content AS content, utm_term AS term,
    :refresh_id AS refresh_id
FROM (
    SELECT *, row_number() OVER (PARTITION BY request_id ORDER BY received_at, record_id) AS arrival
    FROM request_records
    WHERE site_id = :site_id AND NOT coalesce(is_test, FALSE)
        AND request_id IS NOT NULL AND request_id NOT LIKE 'crm:%' AND request_id NOT LIKE 'deal:%'
) AS told
WHERE arrival = 1
