-- How often did the paths of a month go from where they stood to the next channel, to a sale or to nothing?
WITH
-- include: :scope
numbered AS (
    SELECT c.month, c.path, c.touches, c.conversions, c.nulls, row_number() OVER (ORDER BY c.month, c.path) AS path_number
    FROM path_counts AS c
    INNER JOIN scope AS m ON m.month = c.month
    WHERE c.site_id = :site_id
),

-- Split before they are unnested: beside every element DuckDB would keep the whole path, and a long one fills the memory.
listed AS (
    SELECT path_number, split(path, chr(31)) AS channels FROM numbered
),

elements AS (
    SELECT l.path_number, e.place, e.channel
    FROM listed AS l
    CROSS JOIN UNNEST(l.channels) WITH ORDINALITY AS e (channel, place)
),

standing AS (
    SELECT
        path_number, place, channel,
        CASE WHEN :markov_order >= 3 THEN coalesce(lag(channel, 3) OVER w || chr(31), '') ELSE '' END
        || CASE WHEN :markov_order >= 2 THEN coalesce(lag(channel, 2) OVER w || chr(31), '') ELSE '' END
        || coalesce(lag(channel, 1) OVER w, '') AS before,
        CASE WHEN :markov_order >= 3 THEN coalesce(lag(channel, 2) OVER w || chr(31), '') ELSE '' END
        || CASE WHEN :markov_order >= 2 THEN coalesce(lag(channel, 1) OVER w || chr(31), '') ELSE '' END
        || channel AS after
    FROM elements
    WINDOW w AS (PARTITION BY path_number ORDER BY place)
),

moves AS (
    SELECT n.month, s.before AS from_state, 'touch' AS outcome, s.channel, n.conversions + n.nulls AS paths
    FROM standing AS s
    INNER JOIN numbered AS n ON n.path_number = s.path_number
    UNION ALL
    SELECT n.month, s.after, 'conversion', '', n.conversions
    FROM standing AS s
    INNER JOIN numbered AS n ON n.path_number = s.path_number AND n.touches = s.place
    UNION ALL
    SELECT n.month, s.after, 'null', '', n.nulls
    FROM standing AS s
    INNER JOIN numbered AS n ON n.path_number = s.path_number AND n.touches = s.place
)

SELECT :site_id AS site_id, month, from_state, outcome, channel, sum(paths) AS paths, :refresh_id AS refresh_id
FROM moves
WHERE paths > 0
GROUP BY month, from_state, outcome, channel
