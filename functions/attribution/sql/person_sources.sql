-- By which different sources did each person ever come, in which order? Over all touches, without a look-back: visits of his visitors
-- and of the visitors that made his requests (a hub is nobody's), and requests with a source of their own.
WITH
-- include: :scope
visited AS (
    SELECT s.person_id, p.key AS visitor_id
    FROM scope AS s
    INNER JOIN persons AS p ON p.site_id = :site_id AND p.person_id = s.person_id AND p.key_kind = 'visitor' AND NOT p.is_hub
    UNION
    SELECT s.person_id, q.visitor_id
    FROM scope AS s
    INNER JOIN requests AS q ON q.site_id = :site_id AND q.person_id = s.person_id
    INNER JOIN persons AS p ON p.site_id = :site_id AND p.key_kind = 'visitor' AND p.key = q.visitor_id AND NOT p.is_hub
),

touches_of AS (
    SELECT v.person_id, s.session_id AS touch_id, s.started_at AS touched_at, s.day, s.channel, s.source, s.medium, s.campaign
    FROM visited AS v
    INNER JOIN sessions AS s ON s.site_id = :site_id AND s.visitor_id = v.visitor_id
    UNION ALL
    SELECT s.person_id, q.request_id, q.created_at, q.day, q.channel, q.source, q.medium, q.campaign
    FROM scope AS s
    INNER JOIN requests AS q ON q.site_id = :site_id AND q.person_id = s.person_id AND q.is_touch
),

numbered AS (
    SELECT *, row_number() OVER (PARTITION BY person_id ORDER BY touched_at, touch_id) AS number
    FROM touches_of
)

SELECT
    :site_id AS site_id,
    person_id,
    row_number() OVER (PARTITION BY person_id ORDER BY min(number)) AS place,
    channel, source, medium, campaign,
    min(touched_at) AS first_at,
    min(day) AS first_day,
    max(touched_at) AS last_at,
    count(*) AS touches,
    :refresh_id AS refresh_id
FROM numbered
GROUP BY person_id, channel, source, medium, campaign
