-- Which marks did hits carry, in their own letters, and what became of them? The lake's record tells; where it is gone, the entry key
-- does, in lower case. `is_within`: the link stood on the same host. Hits that do not count are left out.
WITH
{brought},

told AS (
    SELECT
        record_id, occurred_at, referrer_host = page_host AS is_within,
        regexp_like(page_url, '^[^?#]*([?][^#]*)?#.*utm_[a-z]+=') AND NOT regexp_like(page_url, '^[^#]*[?&]utm_') AS is_behind_hash,
        {utm_source} AS utm_source, {utm_medium} AS utm_medium,
        row_number() OVER (PARTITION BY record_id, occurred_at ORDER BY received_at) AS arrival
    FROM raw_hit
    WHERE site_id = :site_id AND arrival_day BETWEEN :first_arrival AND :last_arrival
),

entered AS (
    SELECT
        h.entry_key, h.day, h.record_id || ':' || CAST(h.day AS varchar) AS session_id, coalesce(h.campaign, '') AS utm_campaign,
        coalesce(t.is_within, FALSE) AS is_within, coalesce(t.is_behind_hash, FALSE) AS is_behind_hash,
        coalesce(t.utm_source, split_part(h.entry_key, '|', 1)) AS utm_source,
        coalesce(t.utm_medium, split_part(h.entry_key, '|', 2)) AS utm_medium
    FROM hits AS h
    LEFT JOIN told AS t ON t.record_id = h.record_id AND t.occurred_at = h.occurred_at AND t.arrival = 1
    WHERE h.site_id = :site_id AND h.excluded IS NULL AND h.entry_key IS NOT NULL AND h.day BETWEEN :first_day AND :last_day
)

SELECT
    e.entry_key, e.utm_source, e.utm_medium, e.utm_campaign, e.is_within, e.is_behind_hash,
    s.channel, s.source, s.medium, s.category, s.medium_kind, s.basis, s.matched, s.rule_id, s.is_ad,
    count(*) AS hits, count(v.session_id) AS visits, sum(b.requests) AS requests, min(e.day) AS first_day, max(e.day) AS last_day
FROM entered AS e
INNER JOIN sources AS s ON s.site_id = :site_id AND s.entry_key = e.entry_key
LEFT JOIN sessions AS v ON v.site_id = :site_id AND v.day = e.day AND v.session_id = e.session_id
LEFT JOIN brought AS b ON b.touch_id = v.session_id
GROUP BY
    e.entry_key, e.utm_source, e.utm_medium, e.utm_campaign, e.is_within, e.is_behind_hash,
    s.channel, s.source, s.medium, s.category, s.medium_kind, s.basis, s.matched, s.rule_id, s.is_ad
