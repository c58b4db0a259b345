-- What part of each money event does every credit get? The same parts as in credits, kept apart for figures by the day of the money.
WITH
-- include: :scope
weights AS (
    SELECT c.request_id, c.model, c.touch_id, c.position, c.path_length, c.weight
    FROM credits AS c
    INNER JOIN scope AS s ON s.request_id = c.request_id
    WHERE c.site_id = :site_id
),

-- include: part_money_parts
cut AS (
    SELECT
        request_id, model, touch_id, money_event_id,
        CAST(sum(CASE WHEN measure = 'revenue' THEN part END) AS decimal(18, 0)) * 0.01 AS revenue,
        CAST(sum(CASE WHEN measure = 'gross_profit' THEN part END) AS decimal(18, 0)) * 0.01 AS gross_profit
    FROM parts
    GROUP BY request_id, model, touch_id, money_event_id
)

SELECT
    :site_id AS site_id,
    c.request_id, c.model, c.touch_id, c.money_event_id, e.day,
    CAST(c.revenue AS decimal(18, 2)) AS revenue,
    CAST(c.gross_profit AS decimal(18, 2)) AS gross_profit,
    :refresh_id AS refresh_id
FROM cut AS c
INNER JOIN money_events AS e ON e.site_id = :site_id AND e.money_event_id = c.money_event_id
