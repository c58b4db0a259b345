-- Where does every combination of marks come from? Looked up once per combination: names, places, click ids and media, then the
-- first rule of the channel table that fits, and the first of Google Analytics' groups.
-- Parts of an entry key: utm_source | utm_medium | click id name | referrer place | campaign.
-- joins: as written
WITH seen AS (
    SELECT entry_key FROM hits
    WHERE site_id = :site_id AND refresh_id > :since_refresh AND entry_key IS NOT NULL
    UNION
    SELECT source_key FROM request_records WHERE site_id = :site_id AND source_key IS NOT NULL
    UNION
    SELECT source_key FROM call_records WHERE site_id = :site_id AND source_key IS NOT NULL
    UNION
    SELECT source_key FROM crm_events WHERE site_id = :site_id AND source_key IS NOT NULL
    UNION
    SELECT source_key FROM cost_lines WHERE site_id = :site_id AND source_key IS NOT NULL
    -- Rules that changed make a full run; what is known already stays as it is until then.
    EXCEPT
    SELECT entry_key FROM sources WHERE site_id = :site_id AND NOT :is_full
),

parts AS (
    SELECT
        entry_key,
        trim(split_part(entry_key, '|', 1)) AS utm_source,
        trim(split_part(entry_key, '|', 2)) AS utm_medium,
        split_part(entry_key, '|', 3) AS click_id_name,
        split_part(entry_key, '|', 4) AS referrer,
        split_part(entry_key, '|', 5) AS campaign
    FROM seen
),

-- include: part_places
names AS (
    SELECT
        name,
        max_by(source, CASE WHEN site_id = '*' THEN 0 ELSE 1 END) AS source,
        max_by(is_ad_name, CASE WHEN site_id = '*' THEN 0 ELSE 1 END) AS is_ad_name,
        max_by(contractor, CASE WHEN site_id = '*' THEN 0 ELSE 1 END) AS contractor
    FROM rule_names
    WHERE site_id IN ('*', :site_id)
    GROUP BY name
),

media AS (
    SELECT m.utm_medium, min_by(r.kind, r.rule_order) AS kind
    FROM (SELECT DISTINCT utm_medium FROM parts WHERE utm_medium <> '') AS m
    INNER JOIN rule_media AS r ON regexp_like(m.utm_medium, r.pattern)
    GROUP BY m.utm_medium
),

clicks AS (
    SELECT
        click_id,
        max_by(source, CASE WHEN site_id = '*' THEN 0 ELSE 1 END) AS source,
        max_by(medium_kind, CASE WHEN site_id = '*' THEN 0 ELSE 1 END) AS medium_kind
    FROM rule_clicks
    WHERE site_id IN ('*', :site_id)
    GROUP BY click_id
),

known AS (
    SELECT
        source,
        max_by(category, CASE WHEN site_id = '*' THEN 0 ELSE 1 END) AS category,
        max(own_category) AS own_category,
        max_by(channel, CASE WHEN site_id = '*' THEN 0 ELSE 1 END) AS channel,
        max_by(is_ad, CASE WHEN site_id = '*' THEN 0 ELSE 1 END) AS is_ad,
        max_by(is_significant, CASE WHEN site_id = '*' THEN 0 ELSE 1 END) AS is_significant
    FROM rule_sources
    WHERE site_id IN ('*', :site_id)
    GROUP BY source
),

-- utm_source speaks first, then the click id, then the referrer.
told AS (
    SELECT
        p.entry_key, p.utm_medium, p.campaign,
        CASE
            WHEN p.utm_source <> '' OR p.utm_medium <> '' THEN 'utm'
            WHEN c.source IS NOT NULL THEN 'click'
            WHEN p.referrer <> '' THEN 'referrer'
            ELSE 'none'
        END AS basis,
        CASE
            WHEN p.utm_source <> '' THEN coalesce(n.source, u.source, p.utm_source)
            WHEN c.source IS NOT NULL THEN c.source
            WHEN p.referrer <> '' THEN coalesce(r.source, split_part(p.referrer, '/', 1))
            ELSE ''
        END AS source,
        CASE
            WHEN p.utm_source <> '' AND n.source IS NULL AND u.category IS NOT NULL THEN u.category
            WHEN p.utm_source <> '' OR c.source IS NOT NULL THEN 'unknown'
            WHEN p.referrer <> '' THEN coalesce(r.category, CASE WHEN p.referrer LIKE 'app:%' THEN 'app' ELSE 'other' END)
            ELSE 'none'
        END AS category,
        CASE
            WHEN p.utm_source <> '' THEN coalesce(CASE WHEN n.source IS NULL THEN u.place END, p.utm_source)
            WHEN c.source IS NOT NULL THEN p.click_id_name
            WHEN p.referrer <> '' THEN coalesce(r.place, p.referrer)
        END AS matched,
        -- A medium that says nothing known does not silence a paid click, or a name that means ads.
        CASE
            WHEN m.kind IS NOT NULL THEN m.kind
            WHEN n.is_ad_name OR c.medium_kind = 'paid' THEN 'paid'
            WHEN p.utm_medium <> '' THEN 'unknown'
            WHEN p.utm_source = '' OR c.source = n.source THEN coalesce(c.medium_kind, 'unset')
            ELSE 'unset'
        END AS medium_kind,
        n.contractor, u.category AS place_category,
        CASE WHEN r.category = 'search' THEN r.terms END AS term_parameters
    FROM parts AS p
    LEFT JOIN places AS r ON r.text = p.referrer
    LEFT JOIN places AS u ON u.text = p.utm_source
    LEFT JOIN names AS n ON n.name = regexp_replace(p.utm_source, '[ ._-]+', '-')
    -- Free click ids ride on every link: they speak only where the referrer says nothing better.
    LEFT JOIN clicks AS c
        ON c.click_id = p.click_id_name
            AND (
                c.medium_kind NOT IN ('social', 'organic') OR p.referrer = '' OR coalesce(r.category, 'other') = 'other'
                OR r.source = c.source AND r.category IN ('search', 'social')
            )
    LEFT JOIN media AS m ON m.utm_medium = p.utm_medium
),

placed AS (
    SELECT
        t.entry_key, t.utm_medium, t.campaign, t.basis, t.source, t.matched, t.medium_kind, t.term_parameters,
        CASE
            WHEN t.category IN ('internal', 'payment', 'spam', 'ads') THEN t.category
            WHEN k.own_category IS NOT NULL THEN k.own_category
            WHEN t.category = 'unknown'
            THEN coalesce(k.category, t.place_category, CASE WHEN k.source IS NULL THEN 'unknown' ELSE 'other' END)
            ELSE t.category
        END AS category,
        k.channel AS own_channel, k.is_ad AS own_is_ad, k.is_significant AS own_is_significant,
        coalesce(t.contractor, min_by(o.contractor, o.rule_order)) AS contractor
    FROM told AS t
    LEFT JOIN known AS k ON k.source = t.source
    LEFT JOIN rule_contractors AS o ON o.site_id = :site_id AND o.source = t.source AND t.campaign LIKE o.pattern ESCAPE '!'
    GROUP BY
        t.entry_key, t.utm_medium, t.campaign, t.basis, t.source, t.matched, t.medium_kind, t.term_parameters, t.category,
        t.place_category, t.contractor, k.source, k.category, k.own_category, k.channel, k.is_ad, k.is_significant
),

-- Rules that name nothing lose nobody: what none of them fits is its source / medium.
decided AS (
    SELECT
        p.*, coalesce(c.rule_id, 'no-rule') AS rule_id, c.channel AS rule_channel, c.medium AS rule_medium,
        coalesce(c.is_direct, FALSE) AS is_direct, coalesce(c.is_ad, FALSE) AS is_ad,
        row_number() OVER (PARTITION BY p.entry_key ORDER BY c.rule_order) AS place
    FROM placed AS p
    LEFT JOIN rule_channels AS c
        ON (c.basis IS NULL OR strpos('|' || c.basis || '|', '|' || p.basis || '|') > 0)
            AND (c.source IS NULL OR strpos('|' || c.source || '|', '|' || p.source || '|') > 0)
            AND (c.category IS NULL OR strpos('|' || c.category || '|', '|' || p.category || '|') > 0)
            AND (c.medium_kind IS NULL OR strpos('|' || c.medium_kind || '|', '|' || p.medium_kind || '|') > 0)
            AND (c.campaign IS NULL OR regexp_like(p.campaign, c.campaign))
),

grouped AS (
    SELECT
        d.*, g.channel_group, row_number() OVER (PARTITION BY d.entry_key ORDER BY g.rule_order) AS group_place
    FROM decided AS d
    LEFT JOIN rule_groups AS g
        ON (g.basis IS NULL OR strpos('|' || g.basis || '|', '|' || d.basis || '|') > 0)
            AND (g.source IS NULL OR strpos('|' || g.source || '|', '|' || d.source || '|') > 0)
            AND (g.category IS NULL OR strpos('|' || g.category || '|', '|' || d.category || '|') > 0)
            AND (g.medium_kind IS NULL OR strpos('|' || g.medium_kind || '|', '|' || d.medium_kind || '|') > 0)
            AND (g.campaign IS NULL OR regexp_like(d.campaign, g.campaign))
            AND (g.is_ad IS NULL OR g.is_ad = d.is_ad)
    WHERE d.place = 1
),

named AS (
    SELECT
        *,
        CASE WHEN is_direct THEN '(direct)' ELSE coalesce(nullif(source, ''), '(not set)') END AS shown_source,
        CASE
            WHEN is_direct THEN '(none)'
            WHEN rule_medium IS NOT NULL THEN rule_medium
            WHEN utm_medium <> '' THEN utm_medium
            WHEN medium_kind IN ('unset', 'unknown') THEN '(not set)'
            WHEN medium_kind = 'paid' THEN 'cpc'
            ELSE medium_kind
        END AS shown_medium
    FROM grouped
    WHERE group_place = 1
)

SELECT
    :site_id AS site_id,
    entry_key,
    CASE
        WHEN is_direct THEN rule_channel
        WHEN own_channel IS NOT NULL THEN own_channel
        WHEN rule_channel IS NOT NULL THEN rule_channel
        ELSE shown_source || ' / ' || shown_medium
    END || CASE WHEN NOT is_direct AND coalesce(own_is_ad, is_ad) AND contractor IS NOT NULL THEN ' · ' || contractor ELSE '' END AS channel,
    shown_source AS source,
    shown_medium AS medium,
    is_direct,
    NOT is_direct AND coalesce(own_is_ad, is_ad) AS is_ad,
    NOT is_direct AND coalesce(
        own_is_significant,
        shown_medium IN :significant_media OR utm_medium IN :significant_media 
        OR coalesce(own_is_ad, is_ad) AND 'ads' IN :significant_media
    ) AS is_significant,
    category = 'spam' AS is_spam,
    CASE WHEN is_direct THEN 'Direct' ELSE coalesce(channel_group, 'Unassigned') END AS channel_group,
    category, medium_kind, basis, matched, term_parameters,
    -- A source that the site itself gave a channel has one, whatever the last rules say.
    CASE WHEN rule_channel IS NULL AND own_channel IS NOT NULL THEN 'own-source' ELSE rule_id END AS rule_id,
    :refresh_id AS refresh_id
FROM named
