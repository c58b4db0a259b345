-- On which sources and campaigns was money spent that no visit names? `source_visits` tells whether the source has visits at all.
WITH visited AS (
    SELECT source, coalesce(campaign, '') AS campaign, count(*) AS visits
    FROM sessions
    WHERE site_id = :site_id AND day BETWEEN :first_day AND :last_day
    GROUP BY source, coalesce(campaign, '')
),

of_source AS (SELECT source, sum(visits) AS visits FROM visited GROUP BY source),

spent AS (
    SELECT source, medium, coalesce(campaign, '') AS campaign, sum(cost) AS cost, sum(clicks) AS clicks,
        min(day) AS first_day, max(day) AS last_day
    FROM costs
    WHERE site_id = :site_id AND day BETWEEN :first_day AND :last_day
    GROUP BY source, medium, coalesce(campaign, '')
)

SELECT s.source, s.medium, s.campaign, s.cost, s.clicks, s.first_day, s.last_day, coalesce(o.visits, 0) AS source_visits
FROM spent AS s
LEFT JOIN visited AS v ON v.source = s.source AND v.campaign = s.campaign
LEFT JOIN of_source AS o ON o.source = s.source
WHERE v.source IS NULL AND (s.campaign <> '' OR o.source IS NULL)
