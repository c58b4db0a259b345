-- How often was each channel's advertising shown and clicked, as its cost files tell? Lines without a currency rate stay out, as their
-- cost does. NULL: no file of the channel tells it.
SELECT coalesce(channel, '') AS channel, sum(clicks) AS clicks, sum(impressions) AS impressions
FROM costs
WHERE site_id = :site_id AND day BETWEEN :first_day AND :last_day AND cost IS NOT NULL
GROUP BY coalesce(channel, '')
