-- How many visits did each place of the tree bring on each day, and what was spent on it? Clicks and impressions are counted with and
-- without a currency rate of their line; its spend stays out without one.
WITH traffic AS (
    SELECT day, channel, source, campaign, content, term, 1 AS visits, 0 AS clicks, 0 AS impressions, 0 AS cost
    FROM sessions
    WHERE site_id = :site_id AND day BETWEEN :first_day AND :last_day
    UNION ALL
    SELECT day, channel, source, campaign, content, term, 0, coalesce(clicks, 0), coalesce(impressions, 0), coalesce(cost, 0)
    FROM costs
    WHERE site_id = :site_id AND day BETWEEN :first_day AND :last_day
)

SELECT
    day,
    coalesce(channel, '') AS channel, coalesce(source, '') AS source, coalesce(campaign, '') AS campaign,
    coalesce(content, '') AS content, coalesce(term, '') AS term,
    sum(visits) AS visits,
    sum(clicks) AS clicks,
    sum(impressions) AS impressions,
    sum(cost) AS cost
FROM traffic
GROUP BY day, coalesce(channel, ''), coalesce(source, ''), coalesce(campaign, ''), coalesce(content, ''), coalesce(term, '')
