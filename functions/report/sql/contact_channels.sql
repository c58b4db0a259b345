-- Through which contact channels did the requests of the period come, and what did they bring? Requests and qualified ones count only
-- where they are counted; sales and money always do.
SELECT
    coalesce(contact_channel, '') AS contact_channel,
    count(*) AS made,
    sum(CASE WHEN is_counted THEN 1 ELSE 0 END) AS requests,
    sum(CASE WHEN is_qualified THEN 1 ELSE 0 END) AS qualified,
    sum(coalesce(sales, 0)) AS sales,
    sum(coalesce(revenue, 0)) AS revenue,
    sum(gross_profit) AS gross_profit,
    sum(CASE WHEN revenue <> 0 AND gross_profit IS NOT NULL THEN 1 ELSE 0 END) AS priced_parts,
    sum(CASE WHEN revenue <> 0 AND gross_profit IS NULL THEN 1 ELSE 0 END) AS unpriced_parts
FROM requests
WHERE site_id = :site_id AND day BETWEEN :first_day AND :last_day
GROUP BY coalesce(contact_channel, '')
