-- Which touches of a scope's channels led to the deals that the scope shows, and what does the default model give each? Of a long path
-- the heaviest and latest. They are numbered among themselves, as on the page's app; the path's other touches are not told.
WITH shown AS (
    SELECT DISTINCT request_id
    FROM (
        SELECT d.request_id
        FROM deals AS d
        INNER JOIN requests AS r ON r.site_id = d.site_id AND r.request_id = d.request_id
        INNER JOIN (
            SELECT request_id
            FROM credits
            WHERE site_id = :site_id AND model = :model AND channel IN :channels AND weight > 0
            GROUP BY request_id
        ) AS c ON c.request_id = r.request_id
        WHERE d.site_id = :site_id AND r.site_id = :site_id AND r.day BETWEEN :first_day AND :last_day
            AND d.merged_into IS NULL AND NOT coalesce(d.is_apart, FALSE)
        ORDER BY r.created_at DESC, d.request_id, d.created_at DESC, d.deal_id
        LIMIT :most_deals
    ) AS newest
),

path AS (
    SELECT
        t.request_id, t.touch_id,
        row_number() OVER (PARTITION BY t.request_id ORDER BY t.position) AS position,
        count(*) OVER (PARTITION BY t.request_id) AS path_length,
        t.touched_at, t.channel, t.source, t.medium, t.campaign, t.is_significant, coalesce(c.weight, 0e0) AS weight,
        row_number() OVER (PARTITION BY t.request_id ORDER BY round(coalesce(c.weight, 0e0), 9) DESC, t.position) AS weight_place
    FROM paths AS t
    INNER JOIN shown AS s ON s.request_id = t.request_id
    LEFT JOIN credits AS c
        ON c.site_id = t.site_id AND c.model = :model AND c.request_id = t.request_id AND c.touch_id = t.touch_id
    WHERE t.site_id = :site_id AND t.day BETWEEN :first_day AND :last_day AND t.channel IN :channels
),

ordered AS (
    SELECT *, row_number() OVER (PARTITION BY request_id ORDER BY round(weight, 9) DESC, position DESC) AS place
    FROM path
)

SELECT
    request_id, touch_id, position, path_length, touched_at, channel, source, medium, campaign, is_significant, weight,
    weight_place = 1 AS is_heaviest
FROM ordered
WHERE place <= :most_touches
