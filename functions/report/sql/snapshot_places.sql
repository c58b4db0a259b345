-- Which channels, sources, campaigns, ads and keywords had visits, spend or credits in the history, the weightiest first: by spend, then by
-- revenue, requests and visits under the default model? How many there are is told beside those shown.
WITH seen AS (
    SELECT channel, source, campaign, content, term, 1 AS visits, 0e0 AS requests, 0 AS revenue, 0 AS cost
    FROM sessions
    WHERE site_id = :site_id AND day BETWEEN :first_day AND :last_day
    UNION ALL
    SELECT channel, source, campaign, content, term, 0, 0e0, 0, coalesce(cost, 0)
    FROM costs
    WHERE site_id = :site_id AND day BETWEEN :first_day AND :last_day
    UNION ALL
    SELECT
        channel, source, campaign, content, term, 0,
        CASE WHEN model = :model THEN weight ELSE 0e0 END,
        CASE WHEN model = :model THEN coalesce(revenue, 0) ELSE 0 END,
        0
    FROM credits
    WHERE site_id = :site_id
),

summed AS (
    SELECT
        coalesce(channel, '') AS channel, coalesce(source, '') AS source, coalesce(campaign, '') AS campaign,
        coalesce(content, '') AS content, coalesce(term, '') AS term,
        sum(visits) AS visits,
        round(sum(requests), 6) AS requests,
        sum(revenue) AS revenue,
        sum(cost) AS cost
    FROM seen
    GROUP BY coalesce(channel, ''), coalesce(source, ''), coalesce(campaign, ''), coalesce(content, ''), coalesce(term, '')
),

ordered AS (
    SELECT
        *,
        row_number() OVER (
            ORDER BY cost DESC, revenue DESC, requests DESC, visits DESC, channel, source, campaign, content, term
        ) AS place,
        count(*) OVER () AS places_total
    FROM summed
)

SELECT channel, source, campaign, content, term, visits, requests, revenue, cost, places_total
FROM ordered
WHERE place <= :most_places
