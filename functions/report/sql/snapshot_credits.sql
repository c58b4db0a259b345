-- What does every model give each touch of the requests that fall into these days, by the description of their first deal? By the day
-- of the request, or of the touch under the basis "touch". The rules of results.sql are applied to the rows, of which there are far
-- fewer than results (functions/report/snapshot/results.py). A repeat sale is not its person's first.
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

dated AS (
    SELECT
        c.request_id, c.touch_id, c.model, c.channel, c.source, c.campaign, c.content, c.term, c.weight, c.revenue, c.gross_profit,
        r.contact_channel, r.is_counted, r.is_qualified, coalesce(r.sales, 0) AS sales,
        CASE
            WHEN :date_basis = 'touch' THEN CAST(with_timezone(c.touched_at, 'UTC') AT TIME ZONE :time_zone AS date)
            ELSE r.day
        END AS day
    FROM credits AS c
    INNER JOIN requests AS r ON r.site_id = c.site_id AND r.request_id = c.request_id
    WHERE c.site_id = :site_id AND r.site_id = :site_id
        AND (r.is_counted OR r.is_qualified OR coalesce(r.sales, 0) <> 0 OR c.revenue <> 0 OR c.gross_profit <> 0)
),

wide AS (
    SELECT
        request_id, touch_id, day,
        max(channel) AS channel, max(source) AS source, max(campaign) AS campaign, max(content) AS content, max(term) AS term,
        max(contact_channel) AS contact_channel, max(sales) AS sales,
        max(CASE WHEN is_counted THEN 1 ELSE 0 END) AS counted,
        max(CASE WHEN is_qualified THEN 1 ELSE 0 END) AS qualified,
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
    FROM dated
    WHERE day BETWEEN :first_day AND :last_day
    GROUP BY request_id, touch_id, day
)

SELECT
    w.request_id, w.touch_id, w.day,
    coalesce(w.channel, '') AS channel, coalesce(w.source, '') AS source, coalesce(w.campaign, '') AS campaign,
    coalesce(w.content, '') AS content, coalesce(w.term, '') AS term,
    coalesce(f.provider, '') AS provider, coalesce(f.pipeline, '') AS pipeline, coalesce(f.manager, '') AS manager,
    coalesce(f.branch, '') AS branch, coalesce(f.product, '') AS product, coalesce(w.contact_channel, '') AS contact_channel,
    w.counted, w.qualified, w.sales, coalesce(p.repeat_sales, 0) AS repeat_sales,
    w.first_weight, w.last_weight, w.last_non_direct_weight, w.last_significant_weight, w.linear_weight, w.position_weight,
    w.time_decay_weight, w.custom_weight, w.markov_path_weight, w.shapley_weight, w.marginal_weight, w.first_revenue,
    w.last_revenue, w.last_non_direct_revenue, w.last_significant_revenue, w.linear_revenue, w.position_revenue,
    w.time_decay_revenue, w.custom_revenue, w.markov_path_revenue, w.shapley_revenue, w.marginal_revenue,
    w.first_gross_profit, w.last_gross_profit, w.last_non_direct_gross_profit, w.last_significant_gross_profit,
    w.linear_gross_profit, w.position_gross_profit, w.time_decay_gross_profit, w.custom_gross_profit,
    w.markov_path_gross_profit, w.shapley_gross_profit, w.marginal_gross_profit
FROM wide AS w
LEFT JOIN first_deals AS f ON f.request_id = w.request_id
LEFT JOIN repeats AS p ON p.request_id = w.request_id
