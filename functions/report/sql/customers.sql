-- How many people are in each ABCD class, what did they buy, and who of them has lapsed? People without a class: no positive LTV revenue.
SELECT
    coalesce(abcd, '') AS abcd,
    count(*) AS persons,
    sum(CASE WHEN sales > 0 THEN 1 ELSE 0 END) AS buyers,
    sum(CASE WHEN sales > 1 THEN 1 ELSE 0 END) AS repeat_buyers,
    sum(CASE WHEN last_sale_day < :lapsed_before THEN 1 ELSE 0 END) AS lapsed,
    sum(sales) AS sales,
    sum(repeat_sales) AS repeat_sales,
    sum(CASE WHEN sales > 0 THEN ltv_revenue ELSE 0 END) AS revenue,
    sum(CASE WHEN sales > 0 THEN ltv_profit END) AS gross_profit,
    sum(CASE WHEN sales > 0 AND ltv_profit IS NOT NULL THEN 1 ELSE 0 END) AS priced_buyers
FROM customers
WHERE site_id = :site_id
GROUP BY coalesce(abcd, '')
