-- What did the people of each month and channel of the first touch bring to date, what did that channel cost in that month, and after
-- how many days from the month's first did their gross profit cover it? A row of all channels stands beside those of each.
WITH people AS (
    SELECT
        cohort_month AS month,
        coalesce(channel, '') AS channel,
        count(*) AS persons,
        sum(CASE WHEN sales > 0 THEN 1 ELSE 0 END) AS buyers,
        sum(sales) AS sales,
        sum(ltv_revenue) AS revenue,
        sum(ltv_profit) AS gross_profit,
        sum(unpriced_revenue) AS unpriced_revenue
    FROM customers
    WHERE site_id = :site_id
        AND cohort_month BETWEEN substr(CAST(:cohorts_from AS varchar), 1, 7) AND substr(CAST(:cohorts_to AS varchar), 1, 7)
    GROUP BY cohort_month, coalesce(channel, '')
),

spent AS (
    SELECT substr(CAST(day AS varchar), 1, 7) AS month, coalesce(channel, '') AS channel, round(sum(cost), 2) AS cost
    FROM costs
    WHERE site_id = :site_id AND day BETWEEN :cohorts_from AND :cohorts_to AND cost IS NOT NULL
    GROUP BY substr(CAST(day AS varchar), 1, 7), coalesce(channel, '')
),

told AS (
    SELECT
        coalesce(p.month, s.month) AS month,
        coalesce(p.channel, s.channel) AS channel,
        coalesce(p.persons, 0) AS persons,
        coalesce(p.buyers, 0) AS buyers,
        coalesce(p.sales, 0) AS sales,
        coalesce(p.revenue, 0) AS revenue,
        p.gross_profit,
        coalesce(p.unpriced_revenue, 0) AS unpriced_revenue,
        s.cost
    FROM people AS p
    FULL OUTER JOIN spent AS s ON s.month = p.month AND s.channel = p.channel
),

cohorts AS (
    SELECT month, channel, FALSE AS is_all, persons, buyers, sales, revenue, gross_profit, unpriced_revenue, cost FROM told
    UNION ALL
    SELECT month, '', TRUE, sum(persons), sum(buyers), sum(sales), sum(revenue), sum(gross_profit), sum(unpriced_revenue), sum(cost)
    FROM told
    GROUP BY month
),

earned AS (
    SELECT c.cohort_month AS month, coalesce(c.channel, '') AS channel, e.day, sum(e.amount - e.cost_price) AS gross_profit
    FROM customers AS c
    INNER JOIN deals AS d ON d.site_id = :site_id AND d.person_id = c.person_id
    INNER JOIN money_events AS e ON e.site_id = :site_id AND e.deal_id = d.deal_id
    WHERE c.site_id = :site_id
        AND c.cohort_month BETWEEN substr(CAST(:cohorts_from AS varchar), 1, 7) AND substr(CAST(:cohorts_to AS varchar), 1, 7)
    GROUP BY c.cohort_month, coalesce(c.channel, ''), e.day
),

days AS (
    SELECT month, channel, FALSE AS is_all, day, gross_profit FROM earned
    UNION ALL
    SELECT month, '', TRUE, day, sum(gross_profit) FROM earned GROUP BY month, day
),

closing AS (
    SELECT
        month, channel, is_all, day,
        sum(gross_profit) OVER (
            PARTITION BY month, channel, is_all ORDER BY day ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS total
    FROM days
),

covered AS (
    SELECT
        c.month, c.channel, c.is_all, c.persons, c.buyers, c.sales, c.revenue, c.gross_profit, c.unpriced_revenue, c.cost,
        CAST(c.month || '-01' AS date) AS first_of_month,
        CASE WHEN c.cost > 0 AND c.gross_profit >= c.cost THEN min(d.day) END AS covered_on
    FROM cohorts AS c
    LEFT JOIN closing AS d ON d.month = c.month AND d.channel = c.channel AND d.is_all = c.is_all AND d.total >= c.cost
    GROUP BY c.month, c.channel, c.is_all, c.persons, c.buyers, c.sales, c.revenue, c.gross_profit, c.unpriced_revenue, c.cost
)

-- Money from before the first touch is there from the month's first day on.
SELECT
    month, channel, is_all, persons, buyers, sales, revenue, gross_profit, unpriced_revenue, cost,
    CASE WHEN covered_on < first_of_month THEN 0 ELSE date_diff('day', first_of_month, covered_on) END AS payback_days
FROM covered
