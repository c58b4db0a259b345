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

chances AS (
    SELECT month, path, touches, CAST(conversions AS double) / CAST(conversions + nulls AS double) AS chance
    FROM path_counts
    WHERE site_id = :site_id
),

-- Paths that differ from a path by one touch have one touch less: where the month has none of that length, nothing is looked for.
shortened AS (
    SELECT a.month, a.path, row_number() OVER (ORDER BY a.month, a.path) AS path_number
    FROM (SELECT DISTINCT month, path FROM whole) AS a
    INNER JOIN chances AS c ON c.month = a.month AND c.path = a.path
    INNER JOIN (SELECT DISTINCT month, touches FROM chances) AS n ON n.month = a.month AND n.touches = c.touches - 1
),

elements AS (
    SELECT
        path_number, place, channel,
        CAST(coalesce(sum(length(channel) + 1) OVER (
            PARTITION BY path_number ORDER BY place ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ), 0) AS bigint) AS letters_before
    FROM (
        -- Split before they are unnested, as in transitions.sql.
        SELECT s.path_number, e.place, e.channel
        FROM (SELECT path_number, split(path, chr(31)) AS channels FROM shortened) AS s
        CROSS JOIN UNNEST(s.channels) WITH ORDINALITY AS e (channel, place)
    ) AS told
),

without AS (
    SELECT
        s.month, s.path, e.place,
        CASE
            WHEN e.place = 1 THEN substr(s.path, length(e.channel) + 2)
            ELSE substr(s.path, 1, e.letters_before - 1) || substr(s.path, e.letters_before + length(e.channel) + 1)
        END AS shorter
    FROM elements AS e
    INNER JOIN shortened AS s ON s.path_number = e.path_number
),

reached AS (
    SELECT w.month, w.path, w.place, c.chance
    FROM without AS w
    INNER JOIN chances AS c ON c.month = w.month AND c.path = w.shorter
),

judged AS (
    SELECT
        p.*, w.channels, w.effects,
        CAST(round(1e14 * CASE
            WHEN p.path_length = 1 THEN c.chance
            WHEN c.chance > coalesce(r.chance, 0e0) THEN c.chance - coalesce(r.chance, 0e0)
            ELSE 0e0
        END) AS bigint) AS marginal
    FROM placed AS p
    INNER JOIN whole AS w ON w.request_id = p.request_id
    INNER JOIN chances AS c ON c.month = w.month AND c.path = w.path
    LEFT JOIN reached AS r ON r.month = w.month AND r.path = w.path AND r.place = p.position
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

