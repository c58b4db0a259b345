-- How did everybody with a request or a deal come first, what did he buy, and what has he been worth? Money is that of his own deals.
WITH asked AS (
    SELECT
        person_id,
        min(created_at) AS first_request_at,
        min(day) AS first_request_day,
        sum(CASE WHEN is_counted THEN 1 ELSE 0 END) AS requests
    FROM requests
    WHERE site_id = :site_id
    GROUP BY person_id
),

earned AS (
    SELECT
        deal_id,
        sum(amount) AS revenue,
        sum(amount - cost_price) AS profit,
        sum(CASE WHEN cost_price IS NULL THEN amount END) AS unpriced_revenue
    FROM money_events
    WHERE site_id = :site_id
    GROUP BY deal_id
),

bought AS (
    SELECT
        d.person_id,
        min(d.day) AS first_deal_day,
        count(*) AS deals,
        sum(CASE WHEN d.sale_day IS NOT NULL THEN 1 ELSE 0 END) AS sales,
        min(d.sale_day) AS first_sale_day,
        max(d.sale_day) AS last_sale_day,
        sum(e.revenue) AS revenue,
        sum(e.profit) AS profit,
        sum(e.unpriced_revenue) AS unpriced_revenue
    FROM deals AS d
    LEFT JOIN earned AS e ON e.deal_id = d.deal_id
    WHERE d.site_id = :site_id AND d.merged_into IS NULL AND NOT d.is_apart
    GROUP BY d.person_id
),

everybody AS (
    SELECT
        coalesce(a.person_id, b.person_id) AS person_id,
        a.first_request_at, a.first_request_day,
        coalesce(a.requests, 0) AS requests,
        b.first_deal_day,
        coalesce(b.deals, 0) AS deals,
        coalesce(b.sales, 0) AS sales,
        b.first_sale_day, b.last_sale_day,
        CAST(coalesce(b.revenue, 0) AS decimal(18, 2)) AS ltv_revenue,
        CAST(b.profit AS decimal(18, 2)) AS ltv_profit,
        CAST(coalesce(b.unpriced_revenue, 0) AS decimal(18, 2)) AS unpriced_revenue
    FROM asked AS a
    FULL OUTER JOIN bought AS b ON b.person_id = a.person_id
),

-- A person's class is decided by what those before him bring together.
ranked AS (
    SELECT
        *,
        sum(CASE WHEN ltv_revenue > 0 THEN ltv_revenue END) OVER () AS all_revenue,
        coalesce(
            sum(CASE WHEN ltv_revenue > 0 THEN ltv_revenue END) OVER (
                ORDER BY ltv_revenue DESC, person_id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
            ),
            0
        ) AS revenue_before
    FROM everybody
)

SELECT
    :site_id AS site_id,
    c.person_id,
    s.first_at AS first_touch_at,
    s.first_day AS first_touch_day,
    s.channel, s.source, s.medium, s.campaign,
    c.first_request_at,
    substr(CAST(coalesce(s.first_day, c.first_request_day, c.first_deal_day) AS varchar), 1, 7) AS cohort_month,
    c.requests, c.deals, c.sales,
    CASE WHEN c.sales > 1 THEN c.sales - 1 ELSE 0 END AS repeat_sales,
    c.first_sale_day, c.last_sale_day, c.ltv_revenue, c.ltv_profit, c.unpriced_revenue,
    CASE
        WHEN c.ltv_revenue <= 0 THEN NULL
        WHEN c.revenue_before * 2 < c.all_revenue THEN 'A'
        WHEN c.revenue_before * 5 < c.all_revenue * 4 THEN 'B'
        WHEN c.revenue_before * 20 < c.all_revenue * 19 THEN 'C'
        ELSE 'D'
    END AS abcd,
    :refresh_id AS refresh_id
FROM ranked AS c
LEFT JOIN person_sources AS s ON s.site_id = :site_id AND s.person_id = c.person_id AND s.place = 1
