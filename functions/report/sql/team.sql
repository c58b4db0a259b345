-- What did the deals made in the period bring, by manager, branch and product, how many communications did they take, and what of them is
-- invoiced and not paid? All money to date; of each dimension the names with most deals, and the row "all" for the average.
WITH made AS (
    SELECT
        split_part(d.deal_id, ':', 1) AS provider, d.manager, d.branch, d.product,
        coalesce(d.currency, '') AS currency,
        CASE WHEN d.sale_day IS NULL THEN 0 ELSE 1 END AS sales,
        coalesce(d.revenue, 0) AS revenue,
        CASE WHEN c.request_id IS NULL THEN 1 ELSE 0 END AS without_source,
        coalesce(d.communications, 0) AS communications,
        CASE WHEN d.communications IS NULL THEN 0 ELSE 1 END AS communicated,
        CASE WHEN d.receivable > 0 AND d.meaning <> 'cleaning' THEN d.receivable ELSE 0 END AS receivable,
        CASE WHEN d.receivable > 0 AND d.meaning <> 'cleaning' THEN 1 ELSE 0 END AS receivables
    FROM deals AS d
    LEFT JOIN (
        SELECT DISTINCT request_id FROM credits WHERE site_id = :site_id AND model = :model
    ) AS c ON c.request_id = d.request_id
    WHERE d.site_id = :site_id AND d.day BETWEEN :first_day AND :last_day
        AND d.merged_into IS NULL AND NOT coalesce(d.is_apart, FALSE) AND NOT coalesce(d.is_claim, FALSE)
),

named AS (
    SELECT
        n.dimension,
        CASE WHEN n.dimension = 'manager' THEN m.provider ELSE '' END AS provider,
        CASE n.dimension WHEN 'manager' THEN m.manager WHEN 'branch' THEN m.branch WHEN 'product' THEN m.product END AS name,
        m.currency, m.sales, m.revenue, m.without_source, m.communications, m.communicated, m.receivable, m.receivables
    FROM made AS m
    CROSS JOIN (VALUES 'all', 'manager', 'branch', 'product') AS n (dimension)
),

summed AS (
    SELECT
        dimension, provider, coalesce(name, '') AS name, currency,
        count(*) AS deals,
        sum(sales) AS sales,
        sum(revenue) AS revenue,
        sum(without_source) AS without_source,
        sum(communications) AS communications,
        sum(communicated) AS communicated,
        sum(receivable) AS receivable,
        sum(receivables) AS receivables
    FROM named
    GROUP BY dimension, provider, coalesce(name, ''), currency
),

ordered AS (
    SELECT *, row_number() OVER (PARTITION BY dimension ORDER BY deals DESC, provider, name, currency) AS place
    FROM summed
)

SELECT
    dimension, provider, name, currency, deals, sales, revenue, without_source, communications, communicated, receivable, receivables
FROM ordered
WHERE place <= :most_names
