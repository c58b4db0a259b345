-- Which requests of the period have no source, why, and what did they bring? They have no touch, so the basis "touch" leaves them on the
-- request day; "payment" takes sales and money by their own days.
WITH lost AS (
    SELECT
        r.request_id, r.day, coalesce(nullif(r.no_source_reason, ''), 'not_determined') AS reason,
        r.is_counted, r.is_qualified, coalesce(r.sales, 0) AS sales, r.revenue, r.gross_profit
    FROM requests AS r
    LEFT JOIN (
        SELECT DISTINCT request_id FROM credits WHERE site_id = :site_id AND model = :model
    ) AS c ON c.request_id = r.request_id
    WHERE r.site_id = :site_id AND c.request_id IS NULL
),

brought AS (
    SELECT
        reason,
        CASE WHEN is_counted THEN 1 ELSE 0 END AS requests,
        CASE WHEN is_qualified THEN 1 ELSE 0 END AS qualified,
        CASE WHEN :date_basis = 'payment' THEN 0 ELSE sales END AS sales,
        CASE WHEN :date_basis = 'payment' THEN NULL ELSE revenue END AS revenue,
        CASE WHEN :date_basis = 'payment' THEN NULL ELSE gross_profit END AS gross_profit
    FROM lost
    WHERE day BETWEEN :first_day AND :last_day
    UNION ALL
    SELECT l.reason, 0, 0, 1, CAST(NULL AS decimal(18, 2)), CAST(NULL AS decimal(18, 2))
    FROM lost AS l
    INNER JOIN deals AS d ON d.site_id = :site_id AND d.request_id = l.request_id
    WHERE :date_basis = 'payment' AND d.sale_day BETWEEN :first_day AND :last_day
    UNION ALL
    SELECT l.reason, 0, 0, 0, m.amount, m.amount - m.cost_price
    FROM lost AS l
    INNER JOIN money_events AS m ON m.site_id = :site_id AND m.request_id = l.request_id
    WHERE :date_basis = 'payment' AND m.day BETWEEN :first_day AND :last_day
)

SELECT
    reason,
    sum(requests) AS requests,
    sum(qualified) AS qualified,
    sum(sales) AS sales,
    sum(coalesce(revenue, 0)) AS revenue,
    sum(gross_profit) AS gross_profit,
    sum(CASE WHEN revenue <> 0 AND gross_profit IS NOT NULL THEN 1 ELSE 0 END) AS priced_parts,
    sum(CASE WHEN revenue <> 0 AND gross_profit IS NULL THEN 1 ELSE 0 END) AS unpriced_parts,
    sum(CASE WHEN gross_profit IS NULL THEN coalesce(revenue, 0) ELSE 0 END) AS unpriced_revenue
FROM brought
GROUP BY reason
