-- How much of all deals to date is invoiced and not paid yet, by currency?
SELECT coalesce(currency, '') AS currency, count(*) AS deals, sum(receivable) AS amount
FROM deals
WHERE site_id = :site_id AND receivable > 0 AND meaning <> 'cleaning' AND merged_into IS NULL
GROUP BY coalesce(currency, '')
