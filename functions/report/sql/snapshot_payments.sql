-- Which sales and which money fell into these days, and what does every model give each touch of theirs, by the description of the
-- request's first deal? A row is a sale (weights) or a part of a money event (money) at a touch.
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
        request_id, deal_id, sale_day,
        CASE
            WHEN row_number() OVER (PARTITION BY person_id ORDER BY sale_day, created_at, deal_id) > 1 THEN 1
            ELSE 0
        END AS is_repeat
    FROM deals
    WHERE site_id = :site_id AND sale_day IS NOT NULL
),

came AS (
    SELECT
        s.sale_day AS day, c.request_id, c.touch_id, s.deal_id AS event_id, c.model, 1 AS sales, s.is_repeat AS repeat_sales,
        c.weight, CAST(NULL AS decimal(18, 2)) AS revenue, CAST(NULL AS decimal(18, 2)) AS gross_profit
    FROM sold AS s
    INNER JOIN credits AS c ON c.site_id = :site_id AND c.request_id = s.request_id
    WHERE s.sale_day BETWEEN :first_day AND :last_day
    UNION ALL
    SELECT m.day, m.request_id, m.touch_id, m.money_event_id, m.model, 0, 0, CAST(NULL AS double), m.revenue, m.gross_profit
    FROM credit_money AS m
    WHERE m.site_id = :site_id AND m.day BETWEEN :first_day AND :last_day
),

touches_credited AS (
    SELECT
        request_id, touch_id,
        max(channel) AS channel, max(source) AS source, max(campaign) AS campaign, max(content) AS content, max(term) AS term
    FROM credits
    WHERE site_id = :site_id
    GROUP BY request_id, touch_id
),

wide AS (
    SELECT
        day, request_id, touch_id, event_id, sales, repeat_sales,
        max(CASE WHEN model = 'first' THEN weight END) AS first_weight,
        max(CASE WHEN model = 'last' THEN weight END) AS last_weight,
        max(CASE WHEN model = 'last_non_direct' THEN weight END) AS last_non_direct_weight,
        max(CASE WHEN model = 'last_significant' THEN weight END) AS last_significant_weight,
        max(CASE WHEN model = 'linear' THEN weight END) AS linear_weight,
        max(CASE WHEN model = 'position' THEN weight END) AS position_weight,
        max(CASE WHEN model = 'time_decay' THEN weight END) AS time_decay_weight,
        max(CASE WHEN model = 'custom' THEN weight END) AS custom_weight,
        max(CASE WHEN model = 'markov_path' THEN weight END) AS markov_path_weight,
        max(CASE WHEN model = 'shapley' THEN weight END) AS shapley_weight,
        max(CASE WHEN model = 'marginal' THEN weight END) AS marginal_weight,
        max(CASE WHEN model = 'first' THEN revenue END) AS first_revenue,
        max(CASE WHEN model = 'last' THEN revenue END) AS last_revenue,
        max(CASE WHEN model = 'last_non_direct' THEN revenue END) AS last_non_direct_revenue,
        max(CASE WHEN model = 'last_significant' THEN revenue END) AS last_significant_revenue,
        max(CASE WHEN model = 'linear' THEN revenue END) AS linear_revenue,
        max(CASE WHEN model = 'position' THEN revenue END) AS position_revenue,
        max(CASE WHEN model = 'time_decay' THEN revenue END) AS time_decay_revenue,
        max(CASE WHEN model = 'custom' THEN revenue END) AS custom_revenue,
        max(CASE WHEN model = 'markov_path' THEN revenue END) AS markov_path_revenue,
        max(CASE WHEN model = 'shapley' THEN revenue END) AS shapley_revenue,
        max(CASE WHEN model = 'marginal' THEN revenue END) AS marginal_revenue,
        max(CASE WHEN model = 'first' THEN gross_profit END) AS first_gross_profit,
        max(CASE WHEN model = 'last' THEN gross_profit END) AS last_gross_profit,
        max(CASE WHEN model = 'last_non_direct' THEN gross_profit END) AS last_non_direct_gross_profit,
        max(CASE WHEN model = 'last_significant' THEN gross_profit END) AS last_significant_gross_profit,
        max(CASE WHEN model = 'linear' THEN gross_profit END) AS linear_gross_profit,
        max(CASE WHEN model = 'position' THEN gross_profit END) AS position_gross_profit,
        max(CASE WHEN model = 'time_decay' THEN gross_profit END) AS time_decay_gross_profit,
        max(CASE WHEN model = 'custom' THEN gross_profit END) AS custom_gross_profit,
        max(CASE WHEN model = 'markov_path' THEN gross_profit END) AS markov_path_gross_profit,
        max(CASE WHEN model = 'shapley' THEN gross_profit END) AS shapley_gross_profit,
        max(CASE WHEN model = 'marginal' THEN gross_profit END) AS marginal_gross_profit
    FROM came
    GROUP BY day, request_id, touch_id, event_id, sales, repeat_sales
)

SELECT
    w.request_id, w.touch_id, w.event_id, w.day,
    coalesce(t.channel, '') AS channel, coalesce(t.source, '') AS source, coalesce(t.campaign, '') AS campaign,
    coalesce(t.content, '') AS content, coalesce(t.term, '') AS term,
    coalesce(f.provider, '') AS provider, coalesce(f.pipeline, '') AS pipeline, coalesce(f.manager, '') AS manager,
    coalesce(f.branch, '') AS branch, coalesce(f.product, '') AS product, coalesce(r.contact_channel, '') AS contact_channel,
    0 AS counted, 0 AS qualified, w.sales, w.repeat_sales,
    w.first_weight, w.last_weight, w.last_non_direct_weight, w.last_significant_weight, w.linear_weight, w.position_weight,
    w.time_decay_weight, w.custom_weight, w.markov_path_weight, w.shapley_weight, w.marginal_weight, w.first_revenue,
    w.last_revenue, w.last_non_direct_revenue, w.last_significant_revenue, w.linear_revenue, w.position_revenue,
    w.time_decay_revenue, w.custom_revenue, w.markov_path_revenue, w.shapley_revenue, w.marginal_revenue,
    w.first_gross_profit, w.last_gross_profit, w.last_non_direct_gross_profit, w.last_significant_gross_profit,
    w.linear_gross_profit, w.position_gross_profit, w.time_decay_gross_profit, w.custom_gross_profit,
    w.markov_path_gross_profit, w.shapley_gross_profit, w.marginal_gross_profit
FROM wide AS w
INNER JOIN requests AS r ON r.site_id = :site_id AND r.request_id = w.request_id
INNER JOIN touches_credited AS t ON t.request_id = w.request_id AND t.touch_id = w.touch_id
LEFT JOIN first_deals AS f ON f.request_id = w.request_id
