-- Which hits arrived, once each: on which site-local day, with which marks, and do they count?
-- Of repeats the earliest arrival stands. The entry key is empty inside a visit (no marks, own referrer); its parts stand in sources.sql.
-- Each hit is judged before repeats are looked for: that sort then carries no addresses and user agents.
SELECT
    site_id, record_id, day, occurred_at, received_at, visitor_id, kind, excluded, entry_key, campaign, content, term, click_id,
    referrer_query, page_host, page_path, country, region, city, :refresh_id AS refresh_id
FROM (
    SELECT *, row_number() OVER (PARTITION BY day, record_id ORDER BY received_at, occurred_at, visitor_id) AS arrival
    FROM (
        SELECT
            site_id, record_id, day, occurred_at, received_at, visitor_id, kind,
            CASE
                WHEN is_test THEN 'test'
                WHEN kind = 'email_open' THEN 'email_open'
                WHEN is_own THEN 'own_address'
                WHEN occurred_at > received_at + INTERVAL '5' MINUTE THEN 'future'
                WHEN visitor_id IS NULL THEN 'no_visitor'
-- include: part_is_robot
            END AS excluded,
            CASE
                WHEN is_entry
                THEN replace(lower(coalesce(utm_source, '')), '|', '/') || '|' || replace(lower(coalesce(utm_medium, '')), '|', '/')
                    || '|' || coalesce(click_id_name, '') || '|' || CASE
                        WHEN referrer_host IS NULL THEN ''
                        WHEN referrer LIKE 'android-app:%' OR referrer LIKE 'ios-app:%'
                        THEN 'app:' || replace(lower(referrer_host), '|', '/')
                        ELSE replace(lower(referrer_host), '|', '/')
                            || coalesce('/' || nullif(regexp_extract(lower(referrer), :place_pattern, 1), ''), '')
                    END || '|' || replace(lower(coalesce(utm_campaign, '')), '|', '/')
            END AS entry_key,
            utm_campaign AS campaign, utm_content AS content, utm_term AS term, click_id,
            CASE
                WHEN is_entry AND strpos(referrer, '?') > 0 THEN nullif(regexp_extract(referrer, '[?]([^#]*)', 1), '')
            END AS referrer_query,
            page_host, page_path, country, region, city
        FROM (
            SELECT
                *,
                {cleaned_agent} AS agent_text,
                utm_source IS NOT NULL OR utm_medium IS NOT NULL OR click_id_name IS NOT NULL
                OR (referrer_host IS NOT NULL AND referrer_host <> coalesce(page_host, '')) AS is_entry
            FROM (
                SELECT
                    site_id, record_id, occurred_at, received_at, visitor_id, kind, via, is_test, is_own, asn, language, screen,
                    user_agent,
                    agent_verdict,
                    -- Empty for ordinary browsers, and where a door that knew the same rules has judged: part_is_robot.sql
                    CASE
                        WHEN agent_verdict IN (:person_verdict, :robot_verdict) THEN NULL
                        WHEN NOT regexp_like(user_agent, :plain_browser_pattern) THEN {lowered_agent}
                    END AS lowered_agent,
                    referrer, referrer_host, page_host, page_path, country, region, city,
                    {utm_source} AS utm_source,
                    {utm_medium} AS utm_medium,
                    {utm_campaign} AS utm_campaign,
                    {utm_content} AS utm_content,
                    {utm_term} AS utm_term,
                    {click_id_name} AS click_id_name,
                    {click_id} AS click_id,
                    CAST(with_timezone(occurred_at, 'UTC') AT TIME ZONE :time_zone AS date) AS day
                FROM raw_hit
                WHERE site_id = :site_id AND arrival_day BETWEEN :first_arrival AND :last_arrival
            ) AS dated
        ) AS told
    ) AS judged
) AS arrived
WHERE arrival = 1
