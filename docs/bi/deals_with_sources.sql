-- Which deals came of the requests of the period, who leads them, and which sources are credited with them?
SELECT
    d.deal_id, d.created_at, d.pipeline, d.stage, d.meaning, d.manager, d.product, d.amount, d.currency, d.revenue, d.sale_day,
    s.channel, s.source, s.campaign, c.position, c.touch_day, c.weight
FROM bi_dim_deal AS d
INNER JOIN bi_fact_credits AS c ON c.request_key = d.request_key
INNER JOIN bi_dim_source AS s ON s.source_key = c.source_key
WHERE d.site_id = :site_id AND d.is_reported AND c.model = :model AND c.day BETWEEN :first_day AND :last_day
ORDER BY d.created_at DESC, d.deal_id, c.position
