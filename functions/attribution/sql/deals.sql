-- Every deal as it stands: matched, with its person and its money to date in the site's currency.
WITH
-- include: part_joint_persons
closing AS (
    SELECT
        deal_id, day,
        sum(sum(amount)) OVER (PARTITION BY deal_id ORDER BY day ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS total
    FROM money_events
    WHERE site_id = :site_id AND amount IS NOT NULL
    GROUP BY deal_id, day
),

sold AS (
    SELECT deal_id, min(day) AS sale_day FROM closing WHERE total > 0 GROUP BY deal_id
),

earned AS (
    SELECT deal_id, sum(amount) AS revenue, sum(amount - cost_price) AS gross_profit
    FROM money_events
    WHERE site_id = :site_id
    GROUP BY deal_id
),

contacts AS (
    SELECT key, person_id FROM persons WHERE site_id = :site_id AND key_kind = 'contact' AND NOT is_hub
)

SELECT
    :site_id AS site_id,
    d.deal_id, m.request_id, m.match_method,
    coalesce(c.person_id, o.person_id, j.person_id, 'request:' || m.request_id) AS person_id,
    d.created_at, d.day, d.pipeline, d.pipeline_kind, d.is_apart, d.stage, d.meaning, d.stage_since, d.is_unknown_stage, d.is_confirmed,
    d.was_qualified, d.is_claim, d.closed_at, d.loss_reason, d.loss_group, d.is_duplicate, d.merged_into, d.amount, d.cost_price, d.currency,
    CASE WHEN NOT d.is_claim THEN s.sale_day END AS sale_day,
    CAST(e.revenue AS decimal(18, 2)) AS revenue,
    CAST(e.gross_profit AS decimal(18, 2)) AS gross_profit,
    d.manager, d.branch, d.order_id, d.is_handmade, d.crm_source, d.product, d.tags, d.communications, d.receivable, d.attributes,
    :refresh_id AS refresh_id
FROM deal_facts AS d
INNER JOIN deal_matches AS m ON m.site_id = :site_id AND m.deal_id = d.deal_id
LEFT JOIN joint_persons AS j ON j.joint_id = m.request_id
LEFT JOIN joint_persons AS o ON o.joint_id = 'deal:' || d.deal_id
LEFT JOIN contacts AS c ON c.key = d.contact_id
LEFT JOIN sold AS s ON s.deal_id = d.deal_id
LEFT JOIN earned AS e ON e.deal_id = d.deal_id
WHERE d.site_id = :site_id
