-- On which days does each channel have costs, in the period and as far before it as values are known? A day whose currency has no rate
-- has costs as well.
SELECT coalesce(channel, '') AS channel, day
FROM costs
WHERE site_id = :site_id AND day BETWEEN :known_from AND :last_day
GROUP BY coalesce(channel, ''), day
