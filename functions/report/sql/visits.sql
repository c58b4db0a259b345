-- How many visits did each channel, source and campaign bring?
SELECT coalesce(channel, '') AS channel, coalesce(source, '') AS source, coalesce(campaign, '') AS campaign, count(*) AS visits
FROM sessions
WHERE site_id = :site_id AND day BETWEEN :first_day AND :last_day
GROUP BY coalesce(channel, ''), coalesce(source, ''), coalesce(campaign, '')
