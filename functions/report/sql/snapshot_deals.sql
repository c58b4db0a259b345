-- Which deals have the requests of these days, in the order of their making? Those that others took over, and those of pipelines apart, are
-- no deals of the report. Of a request with very many, the first.
WITH numbered AS (
    SELECT
        d.request_id, d.deal_id, d.pipeline, d.stage, d.meaning, d.amount, d.currency, d.sale_day, d.match_method, d.manager,
        d.branch, d.product, d.order_id, d.loss_group, d.communications, d.receivable,
        row_number() OVER (PARTITION BY d.request_id ORDER BY d.created_at, d.deal_id) AS place
    FROM deals AS d
    INNER JOIN requests AS r ON r.site_id = d.site_id AND r.request_id = d.request_id
    WHERE d.site_id = :site_id AND r.site_id = :site_id AND r.day BETWEEN :first_day AND :last_day
        AND d.merged_into IS NULL AND NOT coalesce(d.is_apart, FALSE)
)

SELECT
    request_id, deal_id, pipeline, stage, meaning, amount, currency, sale_day, match_method, manager, branch, product, order_id,
    loss_group, communications, receivable, place
FROM numbered
WHERE place <= :most_deals
ORDER BY request_id, place
