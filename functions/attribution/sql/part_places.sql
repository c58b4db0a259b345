-- Which place of the rules does each host belong to? Its endings of one to six labels, each as it stands, with the path, and with
-- its country left open (google.co.uk → google.*). Of the places found the site's own wins, then the longest, then the exact one.
-- com.ru is open to everybody: google.com.ru is not Google.
texts AS (
    SELECT referrer AS text FROM parts WHERE referrer <> ''
    UNION
    SELECT utm_source FROM parts WHERE utm_source <> ''
),

hosts AS (
    SELECT
        text,
        regexp_extract(text, '^(https?://)?(www[.])?([^/?#:]+)', 3) AS host,
        coalesce(regexp_extract(text, '^[^/?#:]+/([^?#]+)', 1), '') AS path
    FROM texts
    WHERE text NOT LIKE 'app:%'
),

endings AS (
    SELECT h.text, h.path, l.labels, regexp_extract(h.host, l.pattern, 2) AS ending
    FROM hosts AS h
    CROSS JOIN (
        VALUES
            (1, '(^|[.])([^.]+)$'),
            (2, '(^|[.])([^.]+[.][^.]+)$'),
            (3, '(^|[.])(([^.]+[.]){2}[^.]+)$'),
            (4, '(^|[.])(([^.]+[.]){3}[^.]+)$'),
            (5, '(^|[.])(([^.]+[.]){4}[^.]+)$'),
            (6, '(^|[.])(([^.]+[.]){5}[^.]+)$')
    ) AS l (labels, pattern)
),

candidates AS (
    SELECT text, text AS place, 1000 AS weight FROM texts
    UNION ALL
    SELECT text, 'app:' || text, 900 FROM texts  -- a package told without its scheme
    UNION ALL
    SELECT text, ending, labels * 10 + 1 FROM endings WHERE ending <> ''
    UNION ALL
    SELECT text, ending || '/' || path, labels * 10 + 3 FROM endings WHERE ending <> '' AND path <> ''
    UNION ALL
    SELECT text, regexp_replace(ending, '[.]((co|com)[.][a-z]{2}|[a-z]{2}|com|cat)$', '.*'), labels * 10
    FROM endings
    WHERE labels > 1 AND ending NOT LIKE '%.com.ru'
    UNION ALL
    SELECT text, regexp_replace(ending, '[.]((co|com)[.][a-z]{2}|[a-z]{2}|com|cat)$', '.*') || '/' || path, labels * 10 + 2
    FROM endings
    WHERE labels > 1 AND path <> '' AND ending NOT LIKE '%.com.ru'
),

places AS (
    SELECT
        c.text,
        max_by(r.source, c.weight + CASE WHEN r.site_id = '*' THEN 0 ELSE 5000 END) AS source,
        max_by(r.category, c.weight + CASE WHEN r.site_id = '*' THEN 0 ELSE 5000 END) AS category,
        max_by(r.terms, c.weight + CASE WHEN r.site_id = '*' THEN 0 ELSE 5000 END) AS terms,
        max_by(r.place, c.weight + CASE WHEN r.site_id = '*' THEN 0 ELSE 5000 END) AS place
    FROM candidates AS c
    INNER JOIN rule_places AS r ON r.place = c.place AND r.site_id IN ('*', :site_id)
    GROUP BY c.text
),
