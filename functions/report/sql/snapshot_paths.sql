-- Which touches led to the requests of these days that count or have deals, and what does every model give each? Of a long path: its ends,
-- its heaviest touch under the default model (of equals the earliest), then the heaviest and latest. A reader of a scope has the touches of
-- its channels alone, numbered among themselves.
WITH shown AS (
    SELECT request_id
    FROM requests
    WHERE site_id = :site_id AND day BETWEEN :first_day AND :last_day AND (is_counted OR coalesce(deals, 0) > 0)
),

weights AS (
    SELECT
        request_id, touch_id,
        max(CASE WHEN model = :model THEN weight END) AS default_weight,
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
        max(CASE WHEN model = 'marginal' THEN weight END) AS marginal_weight
    FROM credits
    WHERE site_id = :site_id AND day BETWEEN :first_day AND :last_day
    GROUP BY request_id, touch_id
),

path AS (
    SELECT
        t.request_id,
        CASE
            WHEN :is_scoped THEN row_number() OVER (PARTITION BY t.request_id ORDER BY t.position)
            ELSE t.position
        END AS position,
        CASE WHEN :is_scoped THEN count(*) OVER (PARTITION BY t.request_id) ELSE t.path_length END AS path_length,
        t.touched_at, t.channel, t.source, t.campaign, t.content, t.term,
        t.touch_id = t.request_id AS is_own, coalesce(t.is_significant, FALSE) AS is_significant,
        coalesce(c.default_weight, 0e0) AS default_weight,
        coalesce(c.first_weight, 0e0) AS first_weight,
        coalesce(c.last_weight, 0e0) AS last_weight,
        coalesce(c.last_non_direct_weight, 0e0) AS last_non_direct_weight,
        coalesce(c.last_significant_weight, 0e0) AS last_significant_weight,
        coalesce(c.linear_weight, 0e0) AS linear_weight,
        coalesce(c.position_weight, 0e0) AS position_weight,
        coalesce(c.time_decay_weight, 0e0) AS time_decay_weight,
        coalesce(c.custom_weight, 0e0) AS custom_weight,
        coalesce(c.markov_path_weight, 0e0) AS markov_path_weight,
        coalesce(c.shapley_weight, 0e0) AS shapley_weight,
        coalesce(c.marginal_weight, 0e0) AS marginal_weight,
        row_number() OVER (
            PARTITION BY t.request_id ORDER BY round(coalesce(c.default_weight, 0e0), 9) DESC, t.position
        ) AS weight_place
    FROM paths AS t
    INNER JOIN shown AS s ON s.request_id = t.request_id
    LEFT JOIN weights AS c ON c.request_id = t.request_id AND c.touch_id = t.touch_id
    WHERE t.site_id = :site_id AND t.day BETWEEN :first_day AND :last_day
        AND (NOT :is_scoped OR coalesce(t.channel, '') IN :channels)
),

ordered AS (
    SELECT
        *,
        row_number() OVER (
            PARTITION BY request_id
            ORDER BY
                CASE WHEN position = 1 OR position = path_length OR weight_place = 1 THEN 0 ELSE 1 END,
                round(default_weight, 9) DESC,
                position DESC
        ) AS place
    FROM path
)

SELECT
    request_id, position, path_length, touched_at,
    coalesce(channel, '') AS channel, coalesce(source, '') AS source, coalesce(campaign, '') AS campaign,
    coalesce(content, '') AS content, coalesce(term, '') AS term, is_own, is_significant,
    first_weight, last_weight, last_non_direct_weight, last_significant_weight, linear_weight, position_weight,
    time_decay_weight, custom_weight, markov_path_weight, shapley_weight, marginal_weight
FROM ordered
WHERE place <= :most_touches
ORDER BY request_id, position
