-- Which requests of the period have no source, why, and what did they bring?
SELECT
    coalesce(nullif(r.no_source_reason, ''), 'not_determined') AS reason,
    sum(CASE WHEN r.is_counted THEN 1 ELSE 0 END) AS requests,
    sum(CASE WHEN r.is_qualified THEN 1 ELSE 0 END) AS qualified,
    sum(coalesce(r.sales, 0)) AS sales,
    sum(coalesce(r.revenue, 0)) AS revenue,
    sum(r.gross_profit) AS gross_profit,
    sum(CASE WHEN r.revenue <> 0 AND r.gross_profit IS NOT NULL THEN 1 ELSE 0 END) AS priced_parts,
    sum(CASE WHEN r.revenue <> 0 AND r.gross_profit IS NULL THEN 1 ELSE 0 END) AS unpriced_parts,
    sum(CASE WHEN r.gross_profit IS NULL THEN coalesce(r.revenue, 0) ELSE 0 END) AS unpriced_revenue
FROM requests AS r
LEFT JOIN (
    SELECT DISTINCT request_id FROM credits WHERE site_id = :site_id AND model = :model
) AS c ON c.request_id = r.request_id
WHERE r.site_id = :site_id AND r.day BETWEEN :first_day AND :last_day AND c.request_id IS NULL
GROUP BY coalesce(nullif(r.no_source_reason, ''), 'not_determined')
