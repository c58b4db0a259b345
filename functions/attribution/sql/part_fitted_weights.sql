-- The models that lean on all paths of the request's month, and shapley: weights that sum to 1 over a path (docs/method.md, models).
-- Effects are counted in hundred-trillionths: whole numbers add up the same in any order.
placed AS (
    SELECT
        p.*,
        count(*) OVER (PARTITION BY p.request_id, p.channel) AS touches_of_channel,
        row_number() OVER (PARTITION BY p.request_id, p.channel ORDER BY p.position) AS turn_of_channel,
        CAST(round(coalesce(e.removal_effect, 0e0) * 1e14) AS bigint) AS effect
    FROM paths AS p
    INNER JOIN scope AS s ON s.request_id = p.request_id
    LEFT JOIN removal_effects AS e ON e.site_id = :site_id AND e.month = p.month AND e.channel = p.channel
    WHERE p.site_id = :site_id
),

whole AS (
    SELECT
        request_id, month,
        array_join(array_agg(channel ORDER BY position), chr(31)) AS path,
        sum(CASE WHEN turn_of_channel = 1 THEN 1 ELSE 0 END) AS channels,
        sum(CASE WHEN turn_of_channel = 1 THEN effect ELSE 0 END) AS effects
    FROM placed
    GROUP BY request_id, month
),

-- By request from here on: beside every touch the text of a long path would fill the memory.
chances AS (
    SELECT w.request_id, w.channels, w.effects, CAST(c.conversions AS double) / CAST(c.conversions + c.nulls AS double) AS chance
    FROM whole AS w
    INNER JOIN path_counts AS c ON c.site_id = :site_id AND c.month = w.month AND c.path = w.path
),

shortened AS (
    SELECT w.request_id, n.first_place, n.last_place, n.chance
    FROM whole AS w
    INNER JOIN shorter_paths AS n ON n.site_id = :site_id AND n.month = w.month AND n.path = w.path
),

judged AS (
    SELECT
        p.*, c.channels, c.effects,
        CAST(round(1e14 * CASE
            WHEN p.path_length = 1 THEN c.chance
            WHEN c.chance > coalesce(n.chance, 0e0) THEN c.chance - coalesce(n.chance, 0e0)
            ELSE 0e0
        END) AS bigint) AS marginal
    FROM placed AS p
    INNER JOIN chances AS c ON c.request_id = p.request_id
    LEFT JOIN shortened AS n ON n.request_id = p.request_id AND p.position BETWEEN n.first_place AND n.last_place
),

summed AS (
    SELECT *, sum(marginal) OVER (PARTITION BY request_id) AS marginals FROM judged
),

weighted AS (
    SELECT
        p.*,
        m.model,
        CASE
            WHEN m.model = 'marginal' AND p.marginals > 0 THEN CAST(p.marginal AS double) / CAST(p.marginals AS double)
            WHEN m.model = 'marginal' THEN CASE WHEN p.position = p.path_length THEN 1e0 END
            WHEN m.model = 'markov_path' AND p.effects > 0
            THEN CAST(p.effect AS double) / CAST(p.effects AS double) / CAST(p.touches_of_channel AS double)
            ELSE 1e0 / CAST(p.channels AS double) / CAST(p.touches_of_channel AS double)
        END AS weight
    FROM summed AS p
    CROSS JOIN (VALUES 'markov_path', 'shapley', 'marginal') AS m (model)
),

weights AS (
    SELECT * FROM weighted WHERE weight > 0
),

