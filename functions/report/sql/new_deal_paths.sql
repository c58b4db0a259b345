-- Which touches led to the deals that were made of late in one CRM, where more than one did? The newest deals. Of a long path: its ends,
-- its heaviest touch under the default model (of equals the earliest), then the heaviest and latest.
WITH newest AS (
    SELECT d.deal_id, d.request_id, d.match_method
    FROM deals AS d
    INNER JOIN paths AS p ON p.request_id = d.request_id AND p.position = 1 AND p.path_length > 1
    WHERE d.site_id = :site_id AND d.day >= :first_day AND d.created_at >= :since AND d.deal_id LIKE :of_crm
        AND d.match_method <> 'implied' AND d.merged_into IS NULL AND NOT coalesce(d.is_apart, FALSE)
        AND p.site_id = :site_id AND p.day >= :first_request_day
    ORDER BY d.created_at DESC, d.deal_id
    LIMIT :most_deals
),

path AS (
    SELECT
        n.deal_id, n.match_method, t.request_id, t.touch_id, t.position, t.path_length, t.touched_at, t.channel, t.source, t.campaign,
        t.is_significant, coalesce(c.weight, 0e0) AS weight,
        row_number() OVER (PARTITION BY n.deal_id ORDER BY round(coalesce(c.weight, 0e0), 9) DESC, t.position) AS weight_place
    FROM newest AS n
    INNER JOIN paths AS t ON t.request_id = n.request_id
    LEFT JOIN credits AS c
        ON c.site_id = t.site_id AND c.model = :model AND c.request_id = t.request_id AND c.touch_id = t.touch_id
    WHERE t.site_id = :site_id AND t.day >= :first_request_day
),

ordered AS (
    SELECT
        *,
        row_number() OVER (
            PARTITION BY deal_id
            ORDER BY
                CASE WHEN position = 1 OR position = path_length OR weight_place = 1 THEN 0 ELSE 1 END,
                round(weight, 9) DESC,
                position DESC
        ) AS place
    FROM path
)

SELECT
    deal_id, match_method, request_id, touch_id, position, path_length, touched_at, channel, source, campaign, is_significant, weight,
    weight_place = 1 AS is_heaviest
FROM ordered
WHERE place <= :most_touches
ORDER BY deal_id, position
