-- Which sources of visits, and which values of the CRM's own source field, came in the period and not in the 90 days before? Where nothing
-- at all came before, nothing is new. Sites that link to ours are not told: there are always new ones.
WITH seen AS (
    SELECT
        'visits' AS kind, '' AS provider, coalesce(channel, '') AS channel, coalesce(source, '') AS source,
        sum(CASE WHEN day >= :first_day THEN 1 ELSE 0 END) AS arrivals,
        sum(CASE WHEN day < :first_day THEN 1 ELSE 0 END) AS arrivals_before
    FROM sessions
    WHERE site_id = :site_id AND day BETWEEN :known_from AND :last_day
    GROUP BY coalesce(channel, ''), coalesce(source, '')
    UNION ALL
    SELECT
        'crm', split_part(deal_id, ':', 1), '', crm_source,
        sum(CASE WHEN day >= :first_day THEN 1 ELSE 0 END),
        sum(CASE WHEN day < :first_day THEN 1 ELSE 0 END)
    FROM deals
    WHERE site_id = :site_id AND day BETWEEN :known_from AND :last_day AND crm_source IS NOT NULL AND merged_into IS NULL
    GROUP BY split_part(deal_id, ':', 1), crm_source
),

compared AS (
    SELECT *, sum(arrivals_before) OVER (PARTITION BY kind) AS all_before
    FROM seen
),

found AS (
    SELECT kind, provider, channel, source, arrivals
    FROM compared
    WHERE arrivals > 0 AND arrivals_before = 0 AND all_before > 0 AND channel NOT IN ('Referral', 'direct')
)

SELECT kind, provider, channel, source, arrivals, count(*) OVER () AS sources_total
FROM found
ORDER BY CASE WHEN kind = 'crm' THEN 0 ELSE 1 END, arrivals DESC, channel, source, provider
LIMIT :most_values
