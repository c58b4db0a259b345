-- What part of each request does every touch of its path get, per model, and what money follows?
WITH
-- include: :scope
-- include: :weights
-- include: part_credit_money

SELECT
    :site_id AS site_id,
    w.request_id, w.model, w.touch_id, w.day, w.position, w.path_length, w.touched_at,
    w.channel, w.source, w.medium, w.campaign, w.content, w.term, w.is_significant,
    w.weight,
    CAST(m.revenue AS decimal(18, 2)) AS revenue,
    CAST(m.gross_profit AS decimal(18, 2)) AS gross_profit,
    :refresh_id AS refresh_id
FROM weights AS w
LEFT JOIN money AS m ON m.request_id = w.request_id AND m.model = w.model AND m.touch_id = w.touch_id
