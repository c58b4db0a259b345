-- What did each channel bring and cost, per model? Channels with spend but no sale are shown.
WITH channels AS (
    SELECT channel FROM sessions WHERE site_id = :site_id
    UNION
    SELECT channel FROM spend_in
),

brought AS (
    SELECT c.model, c.channel, sum(c.weight * n.conversions) AS conversions, sum(c.revenue) AS revenue
    FROM credits AS c
    INNER JOIN counted AS n ON n.request_id = c.request_id
    WHERE c.site_id = :site_id
    GROUP BY c.model, c.channel
),

spent AS (
    SELECT channel, sum(CAST(nullif(trim(spend), '') AS decimal(18, 2))) AS spend FROM spend_in GROUP BY channel
)

SELECT
    m.model, c.channel,
    coalesce(b.conversions, 0e0) AS conversions,
    coalesce(b.revenue, 0) AS revenue,
    s.spend,
    CASE WHEN s.spend <> 0 THEN CAST(coalesce(b.revenue, 0) AS double) / CAST(s.spend AS double) END AS roas
FROM models AS m
CROSS JOIN channels AS c
LEFT JOIN brought AS b ON b.model = m.model AND b.channel = c.channel
LEFT JOIN spent AS s ON s.channel = c.channel
ORDER BY model, channel
