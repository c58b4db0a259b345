-- What have the people of each month bought in the first, second, third … month after they first came?
WITH bought AS (
    SELECT p.cohort_month, date_diff('month', CAST(p.cohort_month || '-01' AS date), d.month_start) AS months_later,
        sum(m.revenue) AS revenue, sum(m.gross_profit) AS gross_profit
    FROM bi_fact_money AS m
    INNER JOIN bi_dim_customer AS p ON p.customer_key = m.customer_key
    INNER JOIN bi_dim_date AS d ON d.date_key = m.date_key
    WHERE m.site_id = :site_id AND p.cohort_month IS NOT NULL
    GROUP BY p.cohort_month, date_diff('month', CAST(p.cohort_month || '-01' AS date), d.month_start)
),
people AS (
    SELECT cohort_month, count(*) AS persons
    FROM bi_dim_customer
    WHERE site_id = :site_id AND cohort_month IS NOT NULL
    GROUP BY cohort_month
)
SELECT b.cohort_month, b.months_later, p.persons, b.revenue, b.gross_profit,
    CAST(sum(b.revenue) OVER (PARTITION BY b.cohort_month ORDER BY b.months_later) AS double) / p.persons AS ltv_revenue
FROM bought AS b
INNER JOIN people AS p ON p.cohort_month = b.cohort_month
ORDER BY b.cohort_month, b.months_later
