-- How many visits, requests, qualified requests and sales has each channel, and what share goes from step to step?
WITH visited AS (
    SELECT s.channel, sum(v.visits) AS visits
    FROM bi_fact_visits AS v
    INNER JOIN bi_dim_source AS s ON s.source_key = v.source_key
    WHERE v.site_id = :site_id AND v.day BETWEEN :first_day AND :last_day
    GROUP BY s.channel
),
asked AS (
    SELECT s.channel, sum(c.requests) AS requests, sum(c.qualified) AS qualified, sum(c.sales) AS sales
    FROM bi_fact_credits AS c
    INNER JOIN bi_dim_source AS s ON s.source_key = c.source_key
    WHERE c.site_id = :site_id AND c.model = :model AND c.day BETWEEN :first_day AND :last_day
    GROUP BY s.channel
)
SELECT
    coalesce(v.channel, a.channel) AS channel,
    coalesce(v.visits, 0) AS visits,
    coalesce(a.requests, 0) AS requests,
    coalesce(a.qualified, 0) AS qualified,
    coalesce(a.sales, 0) AS sales,
    a.requests / nullif(CAST(v.visits AS double), 0) AS visit_to_request,
    a.sales / nullif(a.requests, 0) AS request_to_sale
FROM visited AS v
FULL OUTER JOIN asked AS a ON a.channel = v.channel
ORDER BY visits DESC, channel
