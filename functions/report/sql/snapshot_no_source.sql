-- Which requests of each day have no source, why, and what did they bring, by the description of their first deal? The rules of
-- no_source.sql, request by request; every model leaves the same ones without a touch.
WITH
first_deals AS (
    SELECT request_id, provider, pipeline, manager, branch, product
    FROM (
        SELECT
            request_id, split_part(deal_id, ':', 1) AS provider, pipeline, manager, branch, product,
            row_number() OVER (PARTITION BY request_id ORDER BY created_at, deal_id) AS place
        FROM deals
        WHERE site_id = :site_id AND merged_into IS NULL AND NOT coalesce(is_apart, FALSE)
    ) AS numbered
    WHERE place = 1
),

sold AS (
    SELECT
        request_id, sale_day,
        CASE
            WHEN row_number() OVER (PARTITION BY person_id ORDER BY sale_day, created_at, deal_id) > 1 THEN 1
            ELSE 0
        END AS is_repeat
    FROM deals
    WHERE site_id = :site_id AND sale_day IS NOT NULL
),

repeats AS (
    SELECT request_id, sum(is_repeat) AS repeat_sales
    FROM sold
    GROUP BY request_id
),

lost AS (
    SELECT
        r.request_id, r.day, coalesce(nullif(r.no_source_reason, ''), 'not_determined') AS reason, r.contact_channel,
        r.is_counted, r.is_qualified, coalesce(r.sales, 0) AS sales, r.revenue, r.gross_profit,
        coalesce(f.provider, '') AS provider, coalesce(f.pipeline, '') AS pipeline, coalesce(f.manager, '') AS manager,
        coalesce(f.branch, '') AS branch, coalesce(f.product, '') AS product
    FROM requests AS r
    LEFT JOIN (
        SELECT DISTINCT request_id FROM credits WHERE site_id = :site_id AND model = :model
    ) AS c ON c.request_id = r.request_id
    LEFT JOIN first_deals AS f ON f.request_id = r.request_id
    WHERE r.site_id = :site_id AND c.request_id IS NULL
),

brought AS (
    SELECT
        l.request_id, l.day, l.reason, l.provider, l.pipeline, l.manager, l.branch, l.product, l.contact_channel,
        CASE WHEN l.is_counted THEN 1 ELSE 0 END AS requests,
        CASE WHEN l.is_qualified THEN 1 ELSE 0 END AS qualified,
        CASE WHEN :date_basis = 'payment' THEN 0 ELSE l.sales END AS sales,
        CASE WHEN :date_basis = 'payment' THEN 0 ELSE coalesce(p.repeat_sales, 0) END AS repeat_sales,
        CASE WHEN :date_basis = 'payment' THEN NULL ELSE l.revenue END AS revenue,
        CASE WHEN :date_basis = 'payment' THEN NULL ELSE l.gross_profit END AS gross_profit
    FROM lost AS l
    LEFT JOIN repeats AS p ON p.request_id = l.request_id
    WHERE l.day BETWEEN :first_day AND :last_day
    UNION ALL
    SELECT
        l.request_id, s.sale_day, l.reason, l.provider, l.pipeline, l.manager, l.branch, l.product, l.contact_channel,
        0, 0, 1, s.is_repeat, CAST(NULL AS decimal(18, 2)), CAST(NULL AS decimal(18, 2))
    FROM lost AS l
    INNER JOIN sold AS s ON s.request_id = l.request_id
    WHERE :date_basis = 'payment' AND s.sale_day BETWEEN :first_day AND :last_day
    UNION ALL
    SELECT
        l.request_id, m.day, l.reason, l.provider, l.pipeline, l.manager, l.branch, l.product, l.contact_channel,
        0, 0, 0, 0, m.amount, m.amount - m.cost_price
    FROM lost AS l
    INNER JOIN money_events AS m ON m.site_id = :site_id AND m.request_id = l.request_id
    WHERE :date_basis = 'payment' AND m.day BETWEEN :first_day AND :last_day
)

SELECT
    request_id, day, reason, provider, pipeline, manager, branch, product, coalesce(contact_channel, '') AS contact_channel,
    sum(requests) AS requests,
    sum(qualified) AS qualified,
    sum(sales) AS sales,
    sum(repeat_sales) AS repeat_sales,
    sum(coalesce(revenue, 0)) AS revenue,
    sum(gross_profit) AS gross_profit,
    sum(CASE WHEN revenue <> 0 AND gross_profit IS NOT NULL THEN 1 ELSE 0 END) AS priced_parts,
    sum(CASE WHEN revenue <> 0 AND gross_profit IS NULL THEN 1 ELSE 0 END) AS unpriced_parts
FROM brought
GROUP BY request_id, day, reason, provider, pipeline, manager, branch, product, coalesce(contact_channel, '')
