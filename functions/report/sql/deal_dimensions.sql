-- Who made the deals of the period, of which branch, product and tags: how many have no source, how many were made by hand, how many
-- communications they took? Of each dimension the names with most deals. Tags are told as the deal has them, a JSON list.
WITH made AS (
    SELECT
        split_part(d.deal_id, ':', 1) AS provider, d.manager, d.branch, d.product, d.tags,
        CASE WHEN c.request_id IS NULL THEN 1 ELSE 0 END AS without_source,
        CASE WHEN d.is_handmade THEN 1 ELSE 0 END AS handmade,
        CASE WHEN d.is_handmade AND c.request_id IS NULL THEN 1 ELSE 0 END AS handmade_without_source,
        coalesce(d.communications, 0) AS communications,
        CASE WHEN d.communications IS NULL THEN 0 ELSE 1 END AS communicated
    FROM deals AS d
    LEFT JOIN (
        SELECT DISTINCT request_id FROM credits WHERE site_id = :site_id AND model = :model
    ) AS c ON c.request_id = d.request_id
    WHERE d.site_id = :site_id AND d.day BETWEEN :first_day AND :last_day
        AND d.merged_into IS NULL AND NOT coalesce(d.is_apart, FALSE)
),

named AS (
    SELECT
        'manager' AS dimension, provider, manager AS name,
        without_source, handmade, handmade_without_source, communications, communicated
    FROM made
    UNION ALL
    SELECT
        'branch', provider, branch, without_source, handmade, handmade_without_source, communications, communicated
    FROM made
    UNION ALL
    SELECT
        'product', provider, product, without_source, handmade, handmade_without_source, communications, communicated
    FROM made
    UNION ALL
    SELECT
        'tags', provider, tags, without_source, handmade, handmade_without_source, communications, communicated
    FROM made
),

summed AS (
    SELECT
        dimension, provider, coalesce(name, '') AS name,
        count(*) AS deals,
        sum(without_source) AS without_source,
        sum(handmade) AS handmade,
        sum(handmade_without_source) AS handmade_without_source,
        sum(communications) AS communications,
        sum(communicated) AS communicated
    FROM named
    GROUP BY dimension, provider, coalesce(name, '')
),

ordered AS (
    SELECT *, row_number() OVER (PARTITION BY dimension ORDER BY deals DESC, provider, name) AS place
    FROM summed
)

SELECT dimension, provider, name, deals, without_source, handmade, handmade_without_source, communications, communicated
FROM ordered
WHERE place <= :most_names
