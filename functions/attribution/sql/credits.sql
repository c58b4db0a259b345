-- What part of each request does every touch of its path get, per model, and what money follows?
-- Path: touches of the person and of the request's own visitor, at or before the request, within the look-back by local day.
WITH asked AS (
    SELECT request_id, person_id, visitor_id, created_at, day FROM requests WHERE site_id = :site_id
),

path AS (
    SELECT q.request_id, q.created_at, q.day, s.session_id AS touch_id, s.started_at AS touched_at,
        s.channel, s.source, s.medium, s.campaign, s.content, s.term, s.is_direct, s.is_significant
    FROM asked AS q
    INNER JOIN persons AS p ON p.site_id = :site_id AND p.person_id = q.person_id AND p.key_kind = 'visitor'
    INNER JOIN sessions AS s ON s.site_id = :site_id AND s.visitor_id = p.key
    WHERE s.started_at <= q.created_at AND s.day >= date_add('day', -:lookback_days, q.day)
    UNION
    SELECT q.request_id, q.created_at, q.day, s.session_id, s.started_at,
        s.channel, s.source, s.medium, s.campaign, s.content, s.term, s.is_direct, s.is_significant
    FROM asked AS q
    INNER JOIN sessions AS s ON s.site_id = :site_id AND s.visitor_id = q.visitor_id
    WHERE s.started_at <= q.created_at AND s.day >= date_add('day', -:lookback_days, q.day)
    UNION
    SELECT q.request_id, q.created_at, q.day, t.request_id, t.created_at,
        t.channel, t.source, t.medium, t.campaign, t.content, t.term, FALSE, coalesce(t.is_significant, FALSE)
    FROM asked AS q
    INNER JOIN requests AS t ON t.site_id = :site_id AND t.person_id = q.person_id AND t.is_touch
    WHERE t.created_at <= q.created_at AND t.day >= date_add('day', -:lookback_days, q.day)
),

-- include: :transform from=path to=steps
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
