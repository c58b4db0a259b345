-- On which day did each ad account spend last, and on how many days of the period? By the sum as imported: a missing rate is no silence.
SELECT coalesce(account, '') AS account, max(day) AS last_day, count(DISTINCT day) AS days
FROM costs
WHERE site_id = :site_id AND day BETWEEN :first_day AND :last_day AND original_cost > 0
GROUP BY coalesce(account, '')
