-- Whose hits of a day make no visit, though each alone looks like a person's? Too fast for reading, or come by a spam referrer.
-- Only days with changed hits are looked at.
WITH changed AS (
    SELECT DISTINCT day FROM hits WHERE site_id = :site_id AND refresh_id > :since_refresh
),

busy AS (
    SELECT h.visitor_id, h.day
    FROM hits AS h
    INNER JOIN changed AS c ON c.day = h.day
    WHERE h.site_id = :site_id AND h.excluded IS NULL AND h.kind = 'page_view'
    GROUP BY h.visitor_id, h.day
    HAVING count(*) > :most_pages
),

found AS (
    SELECT DISTINCT visitor_id, day, 'speed' AS reason
    FROM (
        SELECT h.visitor_id, h.day
        FROM hits AS h
        INNER JOIN busy AS b ON b.visitor_id = h.visitor_id AND b.day = h.day
        WHERE h.site_id = :site_id AND h.excluded IS NULL AND h.kind = 'page_view'
        GROUP BY h.visitor_id, h.day, date_trunc('minute', h.occurred_at)
        HAVING count(*) > :most_pages
    ) AS minutes
    UNION
    SELECT h.visitor_id, h.day, 'spam_referrer'
    FROM hits AS h
    INNER JOIN changed AS c ON c.day = h.day
    INNER JOIN sources AS s ON s.site_id = :site_id AND s.entry_key = h.entry_key AND s.is_spam
    WHERE h.site_id = :site_id AND h.excluded IS NULL
)

SELECT :site_id AS site_id, day, visitor_id, min(reason) AS reason, :refresh_id AS refresh_id
FROM found
GROUP BY day, visitor_id
