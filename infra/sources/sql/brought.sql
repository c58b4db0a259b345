-- What each touch brought under the default model. A part of the other queries here.
brought AS (
    SELECT
        c.touch_id,
        sum(CASE WHEN q.is_counted THEN c.weight ELSE 0e0 END) AS requests,
        sum(c.revenue) AS revenue
    FROM credits AS c
    INNER JOIN requests AS q ON q.site_id = :site_id AND q.request_id = c.request_id
    WHERE c.site_id = :site_id AND c.model = :model
    GROUP BY c.touch_id
)
