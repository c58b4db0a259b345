-- How many visits of each day saw which section of the site (first part of a page's path; empty: the main page), and which requests of the
-- day and sales of theirs were made in such visits? The rules of site_sections.sql, day by day; channels are told apart if `is_scoped`.
WITH visited AS (
    SELECT session_id, visitor_id, day, started_at, last_hit_at, CASE WHEN :is_scoped THEN coalesce(channel, '') ELSE '' END AS channel
    FROM sessions
    WHERE site_id = :site_id AND day BETWEEN date_add('day', -1, :first_day) AND :last_day
),

pages AS (
    SELECT DISTINCT v.session_id, v.day, v.channel, coalesce(split_part(h.page_path, '/', 2), '') AS section
    FROM visited AS v
    INNER JOIN hits AS h
        ON h.visitor_id = v.visitor_id AND h.occurred_at >= v.started_at AND h.occurred_at <= v.last_hit_at
    WHERE h.site_id = :site_id AND h.day BETWEEN date_add('day', -1, :first_day) AND date_add('day', 1, :last_day)
        AND h.kind = 'page_view' AND h.excluded IS NULL AND h.page_path IS NOT NULL
),

asked AS (
    SELECT session_id, day, is_counted, sales
    FROM (
        SELECT
            v.session_id, r.day, r.is_counted, coalesce(r.sales, 0) AS sales,
            row_number() OVER (PARTITION BY r.request_id ORDER BY v.started_at DESC, v.session_id DESC) AS place
        FROM requests AS r
        INNER JOIN visited AS v
            ON v.visitor_id = r.visitor_id AND v.started_at <= r.created_at
                AND r.created_at < v.last_hit_at + INTERVAL '1800' SECOND
        WHERE r.site_id = :site_id AND r.day BETWEEN :first_day AND :last_day
    ) AS during
    WHERE place = 1
),

counted AS (
    SELECT day, channel, section, 1 AS visits, 0 AS requests, 0 AS sales
    FROM pages
    WHERE day >= :first_day
    UNION ALL
    SELECT a.day, p.channel, p.section, 0, CASE WHEN a.is_counted THEN 1 ELSE 0 END, a.sales
    FROM pages AS p
    INNER JOIN asked AS a ON a.session_id = p.session_id
),

sizes AS (
    SELECT section, row_number() OVER (ORDER BY sum(visits) DESC, section) AS place
    FROM counted
    GROUP BY section
)

SELECT
    c.day, c.channel,
    z.place > :most_sections AS is_rest,
    CASE WHEN z.place > :most_sections THEN '' ELSE c.section END AS section,
    sum(c.visits) AS visits,
    sum(c.requests) AS requests,
    sum(c.sales) AS sales
FROM counted AS c
INNER JOIN sizes AS z ON z.section = c.section
GROUP BY c.day, c.channel, z.place > :most_sections, CASE WHEN z.place > :most_sections THEN '' ELSE c.section END
