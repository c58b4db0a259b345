-- Which money of the period's requests stays out of the totals because its day has no currency rate?
SELECT coalesce(m.currency, '') AS currency, count(*) AS lines, sum(m.original_amount) AS amount
FROM money_events AS m
INNER JOIN requests AS r ON r.site_id = m.site_id AND r.request_id = m.request_id
WHERE m.site_id = :site_id AND r.site_id = :site_id AND r.day BETWEEN :first_day AND :last_day AND m.amount IS NULL
GROUP BY coalesce(m.currency, '')
