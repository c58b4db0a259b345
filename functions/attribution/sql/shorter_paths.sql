-- What chance of a sale does the month show for a path without one of its touches? Only of paths that sold: the others have nothing to
-- lose. A row for each span of touches that leave the same shorter path behind.
WITH
-- include: :scope
counted AS (
    SELECT c.month, c.path, c.touches, c.conversions, CAST(c.conversions AS double) / CAST(c.conversions + c.nulls AS double) AS chance
    FROM path_counts AS c
    INNER JOIN scope AS s ON s.month = c.month
    WHERE c.site_id = :site_id
),

-- The shorter path has one touch less: where the month has none of that length, nothing is looked for.
sold AS (
    SELECT c.month, c.path, c.touches, row_number() OVER (ORDER BY c.month, c.path) AS path_number
    FROM counted AS c
    INNER JOIN (SELECT DISTINCT month, touches FROM counted) AS n ON n.month = c.month AND n.touches = c.touches - 1
    WHERE c.conversions > 0
),

-- Of short paths every shortened text is looked up.
elements AS (
    SELECT
        path_number, place, channel,
        CAST(coalesce(sum(length(channel) + 1) OVER (
            PARTITION BY path_number ORDER BY place ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ), 0) AS bigint) AS letters_before
    FROM (
        -- Split before they are unnested, as in transitions.sql.
        SELECT s.path_number, e.place, e.channel
        FROM (SELECT path_number, split(path, chr(31)) AS channels FROM sold WHERE touches <= 100) AS s
        CROSS JOIN UNNEST(s.channels) WITH ORDINALITY AS e (channel, place)
    ) AS listed
),

without AS (
    SELECT
        s.month, s.path, e.place,
        CASE
            WHEN e.place = 1 THEN substr(s.path, length(e.channel) + 2)
            ELSE substr(s.path, 1, e.letters_before - 1) || substr(s.path, e.letters_before + length(e.channel) + 1)
        END AS shorter
    FROM elements AS e
    INNER JOIN sold AS s ON s.path_number = e.path_number
),

-- Of long paths those texts would be as many letters as touches squared. They are compared touch by touch with the paths that have one
-- less: the same but for touch n are those where all touches before n agree, and all after it one place further.
pairs AS (
    SELECT s.month, s.path, s.touches, c.path AS shorter, c.chance, row_number() OVER (ORDER BY s.path_number, c.path) AS pair
    FROM sold AS s
    INNER JOIN counted AS c ON c.month = s.month AND c.touches = s.touches - 1
    WHERE s.touches > 100
),

longer_touches AS (
    SELECT l.pair, e.place, e.channel, lead(e.channel) OVER (PARTITION BY l.pair ORDER BY e.place) AS following
    FROM (SELECT pair, split(path, chr(31)) AS channels FROM pairs) AS l
    CROSS JOIN UNNEST(l.channels) WITH ORDINALITY AS e (channel, place)
),

shorter_touches AS (
    SELECT l.pair, e.place, e.channel
    FROM (SELECT pair, split(shorter, chr(31)) AS channels FROM pairs) AS l
    CROSS JOIN UNNEST(l.channels) WITH ORDINALITY AS e (channel, place)
),

spans AS (
    SELECT
        l.pair,
        coalesce(max(CASE WHEN l.following <> s.channel THEN l.place END), 0) + 1 AS first_place,
        min(CASE WHEN l.channel <> s.channel THEN l.place END) AS last_place
    FROM longer_touches AS l
    INNER JOIN shorter_touches AS s ON s.pair = l.pair AND s.place = l.place
    GROUP BY l.pair
)

SELECT :site_id AS site_id, w.month, w.path, w.place AS first_place, w.place AS last_place, c.chance, :refresh_id AS refresh_id
FROM without AS w
INNER JOIN counted AS c ON c.month = w.month AND c.path = w.shorter
UNION ALL
SELECT :site_id, p.month, p.path, s.first_place, coalesce(s.last_place, p.touches), p.chance, :refresh_id
FROM pairs AS p
INNER JOIN spans AS s ON s.pair = p.pair
WHERE s.first_place <= coalesce(s.last_place, p.touches)
