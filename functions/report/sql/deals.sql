-- Which deals came of the requests of the period? The newest requests first; how many deals there are beside those shown. Absorbed
-- deals are told by their survivors; those of pipelines apart are no deals of the report.
SELECT
    d.deal_id, d.request_id, r.day AS request_day, r.created_at AS requested_at, d.created_at, r.contact_channel,
    d.pipeline, d.stage, d.meaning, d.amount, d.currency, d.revenue, d.gross_profit, d.sale_day,
    d.match_method, d.manager, d.order_id, d.loss_reason, d.loss_group, d.branch, d.product, d.tags, d.crm_source, d.is_handmade,
    d.communications, d.receivable, r.no_source_reason,
    count(*) OVER () AS deals_total
FROM deals AS d
INNER JOIN requests AS r ON r.site_id = d.site_id AND r.request_id = d.request_id
WHERE d.site_id = :site_id AND r.site_id = :site_id AND r.day BETWEEN :first_day AND :last_day
    AND d.merged_into IS NULL AND NOT coalesce(d.is_apart, FALSE)
ORDER BY r.created_at DESC, d.request_id, d.created_at DESC, d.deal_id
LIMIT :most_deals
