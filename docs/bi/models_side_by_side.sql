-- What does every model give each channel? The rows of one model add up to all requests and all money of the period.
SELECT m.model, m.is_default, s.channel, sum(c.requests) AS requests, sum(c.sales) AS sales, sum(c.revenue) AS revenue
FROM bi_fact_credits AS c
INNER JOIN bi_dim_model AS m ON m.model_key = c.model_key
INNER JOIN bi_dim_source AS s ON s.source_key = c.source_key
WHERE c.site_id = :site_id AND c.day BETWEEN :first_day AND :last_day
GROUP BY m.model, m.is_default, s.channel
ORDER BY m.model, revenue DESC, s.channel
