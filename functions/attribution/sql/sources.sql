-- What does the rule table make of every combination of marks that was seen? The first rule that fits decides.
-- Parts of an entry key: utm_source | utm_medium | click id name | referrer host.
WITH seen AS (
    SELECT entry_key FROM hits
    WHERE site_id = :site_id AND refresh_id > :since_refresh AND entry_key IS NOT NULL
    UNION
    SELECT entry_key FROM sources WHERE site_id = :site_id AND NOT :is_full
    UNION
    SELECT source_key FROM request_records WHERE site_id = :site_id AND source_key IS NOT NULL
    UNION
    SELECT source_key FROM call_records WHERE site_id = :site_id AND source_key IS NOT NULL
    UNION
    SELECT source_key FROM crm_events WHERE site_id = :site_id AND source_key IS NOT NULL
    UNION
    SELECT source_key FROM cost_lines WHERE site_id = :site_id AND source_key IS NOT NULL
),

parts AS (
    SELECT
        entry_key,
        split_part(entry_key, '|', 1) AS utm_source,
        split_part(entry_key, '|', 2) AS utm_medium,
        split_part(entry_key, '|', 3) AS click_id_name,
        split_part(entry_key, '|', 4) AS referrer_host
    FROM seen
),

referred AS (
    SELECT
        p.entry_key, p.utm_source, p.utm_medium, p.click_id_name, p.referrer_host,
        CASE WHEN p.referrer_host = '' THEN 'none' ELSE coalesce(min_by(r.category, r.rule_order), 'other') END AS category,
        min_by(r.source, r.rule_order) AS referrer_source
    FROM parts AS p
    LEFT JOIN rule_referrers AS r
        ON p.referrer_host <> '' AND r.site_id IN ('*', :site_id) AND regexp_like(p.referrer_host, r.host_pattern)
    GROUP BY p.entry_key, p.utm_source, p.utm_medium, p.click_id_name, p.referrer_host
),

decided AS (
    SELECT
        f.entry_key, f.utm_source, f.utm_medium, f.referrer_host, f.referrer_source,
        min(c.rule_order) AS rule_order
    FROM referred AS f
    INNER JOIN rule_channels AS c
        ON regexp_like(f.utm_source, c.utm_source_pattern)
            AND regexp_like(f.utm_medium, c.utm_medium_pattern)
            AND regexp_like(f.click_id_name, c.click_id_pattern)
            AND regexp_like(f.category, c.category_pattern)
    GROUP BY f.entry_key, f.utm_source, f.utm_medium, f.referrer_host, f.referrer_source
)

SELECT
    :site_id AS site_id,
    d.entry_key,
    CASE
        WHEN c.channel <> '' THEN c.channel
        ELSE coalesce(nullif(d.utm_source, ''), '(not set)') || ' / ' || coalesce(nullif(d.utm_medium, ''), '(not set)')
    END AS channel,
    CASE
        WHEN c.is_direct THEN '(direct)'
        WHEN c.source <> '' THEN c.source
        ELSE coalesce(nullif(d.utm_source, ''), d.referrer_source, nullif(d.referrer_host, ''), '(not set)')
    END AS source,
    CASE
        WHEN c.is_direct THEN '(none)'
        WHEN c.medium <> '' THEN c.medium
        ELSE coalesce(nullif(d.utm_medium, ''), '(not set)')
    END AS medium,
    c.is_direct,
    c.rule_id,
    :refresh_id AS refresh_id
FROM decided AS d
INNER JOIN rule_channels AS c ON c.rule_order = d.rule_order
