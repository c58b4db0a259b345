-- Which spend stays out of the totals because its day has no currency rate?
SELECT coalesce(currency, '') AS currency, count(*) AS lines, sum(original_cost) AS amount
FROM costs
WHERE site_id = :site_id AND day BETWEEN :first_day AND :last_day AND cost IS NULL
GROUP BY coalesce(currency, '')
