-- How many requests, counted or not, does the default model credit to each channel, source and campaign at all? A request that nobody has
-- sorted yet is one.
SELECT
    coalesce(c.channel, '') AS channel,
    coalesce(c.source, '') AS source,
    coalesce(c.campaign, '') AS campaign,
    count(DISTINCT c.request_id) AS requests
FROM credits AS c
INNER JOIN requests AS r ON r.site_id = c.site_id AND r.request_id = c.request_id
WHERE c.site_id = :site_id AND c.model = :model AND c.weight > 0 AND r.site_id = :site_id AND r.day BETWEEN :first_day AND :last_day
GROUP BY coalesce(c.channel, ''), coalesce(c.source, ''), coalesce(c.campaign, '')
