-- Which sections of the site (first part of a page's path) did visits see, and how many requests were made in such visits? A request
-- belongs to its visitor's latest visit that was not over then; a visit stands at every section that it saw.
WITH visited AS (
    SELECT session_id, visitor_id, day, started_at, last_hit_at
    FROM sessions
    WHERE site_id = :site_id AND day BETWEEN :day_before AND :last_day
),

seen AS (
    SELECT DISTINCT s.session_id, s.day, split_part(h.page_path, '/', 2) AS section
    FROM visited AS s
    INNER JOIN hits AS h
        ON h.visitor_id = s.visitor_id AND h.occurred_at >= s.started_at AND h.occurred_at <= s.last_hit_at
    WHERE h.site_id = :site_id AND h.day BETWEEN :day_before AND :day_after
        AND h.kind = 'page_view' AND h.excluded IS NULL AND h.page_path IS NOT NULL
),

asked AS (
    SELECT session_id, is_counted, sales
    FROM (
        SELECT
            s.session_id, r.is_counted, coalesce(r.sales, 0) AS sales,
            row_number() OVER (PARTITION BY r.request_id ORDER BY s.started_at DESC, s.session_id DESC) AS place
        FROM requests AS r
        INNER JOIN visited AS s
            ON s.visitor_id = r.visitor_id AND s.started_at <= r.created_at
            AND r.created_at < s.last_hit_at + INTERVAL '1800' SECOND
        WHERE r.site_id = :site_id AND r.day BETWEEN :first_day AND :last_day
    ) AS during
    WHERE place = 1
),

counted AS (
    SELECT section, 1 AS visits, 0 AS requests, 0 AS sales
    FROM seen
    WHERE day >= :first_day
    UNION ALL
    SELECT p.section, 0, CASE WHEN a.is_counted THEN 1 ELSE 0 END, a.sales
    FROM seen AS p
    INNER JOIN asked AS a ON a.session_id = p.session_id
),

summed AS (
    SELECT section, sum(visits) AS visits, sum(requests) AS requests, sum(sales) AS sales
    FROM counted
    GROUP BY section
)

SELECT section, visits, requests, sales, count(*) OVER () AS sections_total
FROM summed
ORDER BY visits DESC, section
LIMIT :most_sections
