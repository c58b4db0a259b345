-- Which deals came of the period's requests that the default model credits, in part or whole, to the channels of a scope? The newest
-- requests first, as in deals.sql. `part` is what the scope's channels have of the request, the rest of it is of channels that the
-- reader does not see: so are the sums of money that are not theirs.
WITH parts AS (
    SELECT
        request_id,
        sum(CASE WHEN channel IN :channels THEN weight ELSE 0e0 END) AS part,
        sum(CASE WHEN channel IN :channels THEN revenue END) AS part_revenue,
        sum(CASE WHEN channel IN :channels THEN gross_profit END) AS part_gross_profit,
        sum(revenue) AS request_revenue,
        sum(gross_profit) AS request_gross_profit
    FROM credits
    WHERE site_id = :site_id AND model = :model
    GROUP BY request_id
)

SELECT
    d.deal_id, d.request_id, r.day AS request_day, r.created_at AS requested_at, d.created_at, r.contact_channel,
    d.pipeline, d.stage, d.meaning, d.amount, d.currency, d.revenue, d.gross_profit, d.sale_day,
    d.match_method, d.manager, d.order_id, d.loss_reason, d.loss_group, d.branch, d.product, d.is_handmade,
    d.communications, d.receivable, r.no_source_reason,
    p.part, p.part_revenue, p.part_gross_profit, p.request_revenue, p.request_gross_profit,
    count(*) OVER () AS deals_total
FROM deals AS d
INNER JOIN requests AS r ON r.site_id = d.site_id AND r.request_id = d.request_id
INNER JOIN parts AS p ON p.request_id = r.request_id
WHERE d.site_id = :site_id AND r.site_id = :site_id AND r.day BETWEEN :first_day AND :last_day
    AND d.merged_into IS NULL AND NOT coalesce(d.is_apart, FALSE) AND p.part > 0
ORDER BY r.created_at DESC, d.request_id, d.created_at DESC, d.deal_id
LIMIT :most_deals
