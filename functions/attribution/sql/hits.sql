-- Which hits arrived, once each: on which site-local day, with which marks, and do they count?
-- Of repeats the earliest arrival stands. The entry key is empty inside a visit (no marks, own referrer).
SELECT
    site_id, record_id, day, occurred_at, received_at, visitor_id, kind, excluded, entry_key,
    utm_campaign AS campaign, utm_content AS content, utm_term AS term, click_id,
    page_host, page_path, country, region, city, :refresh_id AS refresh_id
FROM (
    SELECT
        *,
        CASE
            WHEN is_test THEN 'test'
            WHEN kind = 'email_open' THEN 'email_open'
            WHEN occurred_at > received_at + INTERVAL '5' MINUTE THEN 'future'
            WHEN visitor_id IS NULL THEN 'no_visitor'
            WHEN regexp_like(lower(user_agent), :bot_pattern) THEN 'bot'
        END AS excluded,
        CASE
            WHEN utm_source IS NOT NULL OR utm_medium IS NOT NULL OR click_id_name IS NOT NULL
                OR (referrer_host IS NOT NULL AND referrer_host <> coalesce(page_host, ''))
            THEN replace(lower(coalesce(utm_source, '')), '|', '/') || '|' || replace(lower(coalesce(utm_medium, '')), '|', '/')
                || '|' || coalesce(click_id_name, '') || '|' || coalesce(referrer_host, '')
        END AS entry_key,
        row_number() OVER (PARTITION BY day, record_id ORDER BY received_at, occurred_at, visitor_id) AS arrival
    FROM (
        SELECT *, CAST(with_timezone(occurred_at, 'UTC') AT TIME ZONE :time_zone AS date) AS day
        FROM raw_hit
        WHERE site_id = :site_id AND arrival_day BETWEEN :first_arrival AND :last_arrival
    ) AS dated
) AS arrived
WHERE arrival = 1
