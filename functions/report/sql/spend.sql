-- What was spent on each channel, source and campaign, with or without requests? Lines without a currency rate stay out.
SELECT coalesce(channel, '') AS channel, coalesce(source, '') AS source, coalesce(campaign, '') AS campaign, sum(cost) AS cost
FROM costs
WHERE site_id = :site_id AND day BETWEEN :first_day AND :last_day AND cost IS NOT NULL
GROUP BY coalesce(channel, ''), coalesce(source, ''), coalesce(campaign, '')
