-- The money of each credit: the sum of its parts.
-- include: part_money_parts
money AS (
    SELECT
        request_id, model, touch_id,
        CAST(sum(CASE WHEN measure = 'revenue' THEN part END) AS decimal(18, 0)) * 0.01 AS revenue,
        CAST(sum(CASE WHEN measure = 'gross_profit' THEN part END) AS decimal(18, 0)) * 0.01 AS gross_profit
    FROM parts
    GROUP BY request_id, model, touch_id
)
