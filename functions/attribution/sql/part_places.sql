-- Which place of the rules does each host belong to? Its endings of one to six labels, each as it stands, with the path, and with
-- its country left open (google.co.uk → google.*). Of the places found the site's own wins, then the longest, then the exact one.
-- com.ru is open to everybody: google.com.ru is not Google. Where nothing else is known, a first label may tell (webmail.company.example), but
-- not beneath somebody's domain: mail.google.com.evil.example is his.
texts AS (
    SELECT DISTINCT t.text
    FROM parts
    CROSS JOIN UNNEST(ARRAY[referrer, utm_source]) AS t (text)
    WHERE t.text <> ''
),

hosts AS (
    SELECT
        text,
        coalesce(regexp_extract(text, '^(https?://)?(www[.])?([^/?#:]+)', 3), '') AS host,
        coalesce(regexp_extract(text, '^[^/?#:]+/([^?#]+)', 1), '') AS path
    FROM texts
),

endings AS (
    SELECT
        h.text, h.path, l.labels,
        -- Patterns that stand here as they are, are compiled once; as values of a column, for every row.
        CASE l.labels
            -- webmail. of any company; com.ru and its like are open to everybody.
            WHEN 0 THEN regexp_extract(
                h.host,
                '^([^.]+[.])[^.]+[.]([^.]+|co[.](uk|jp|kr|nz|za|in|il|id|th|ke)'
                || '|com[.](au|br|tr|mx|cn|tw|hk|sg|ar|ua|my|ph|vn|pl|kz|by|co|pe))$',
                1
            )
            WHEN 1 THEN regexp_extract(h.host, '(^|[.])([^.]+)$', 2)
            WHEN 2 THEN regexp_extract(h.host, '(^|[.])([^.]+[.][^.]+)$', 2)
            WHEN 3 THEN regexp_extract(h.host, '(^|[.])(([^.]+[.]){2}[^.]+)$', 2)
            WHEN 4 THEN regexp_extract(h.host, '(^|[.])(([^.]+[.]){3}[^.]+)$', 2)
            WHEN 5 THEN regexp_extract(h.host, '(^|[.])(([^.]+[.]){4}[^.]+)$', 2)
            WHEN 6 THEN regexp_extract(h.host, '(^|[.])(([^.]+[.]){5}[^.]+)$', 2)
            WHEN 7 THEN h.text  -- the whole text: apps, and places as they are told
            ELSE 'app:' || h.text  -- a package told without its scheme
        END AS ending
    FROM hosts AS h
    CROSS JOIN (VALUES 0, 1, 2, 3, 4, 5, 6, 7, 8) AS l (labels)
    WHERE h.text NOT LIKE 'app:%' OR l.labels = 7
),

candidates AS (
    SELECT
        e.text,
        e.labels * 10 + CASE f.form WHEN 'exact' THEN 1 WHEN 'exact/path' THEN 3 WHEN 'open/path' THEN 2 ELSE 0 END AS weight,
        CASE
            WHEN f.form = 'exact' THEN e.ending
            WHEN f.form = 'exact/path' THEN e.ending || '/' || e.path
            WHEN f.form = 'open' THEN regexp_replace(e.ending, '[.]((co|com)[.][a-z]{2}|[a-z]{2}|com|cat)$', '.*')
            ELSE regexp_replace(e.ending, '[.]((co|com)[.][a-z]{2}|[a-z]{2}|com|cat)$', '.*') || '/' || e.path
        END AS place
    FROM endings AS e
    CROSS JOIN (VALUES 'exact', 'exact/path', 'open', 'open/path') AS f (form)
    WHERE e.ending <> ''
        AND (f.form = 'exact' OR (e.labels < 7 AND (f.form = 'open' OR e.path <> '')))
        AND (f.form IN ('exact', 'exact/path') OR (e.labels > 1 AND e.ending NOT LIKE '%.com.ru'))
),

places AS (
    SELECT
        c.text,
        max_by(r.source, c.weight + CASE WHEN r.site_id = '*' THEN 0 ELSE 500 END) AS source,
        max_by(r.category, c.weight + CASE WHEN r.site_id = '*' THEN 0 ELSE 500 END) AS category,
        max_by(r.terms, c.weight + CASE WHEN r.site_id = '*' THEN 0 ELSE 500 END) AS terms,
        max_by(r.place, c.weight + CASE WHEN r.site_id = '*' THEN 0 ELSE 500 END) AS place
    FROM candidates AS c
    INNER JOIN rule_places AS r ON r.place = c.place AND r.site_id IN ('*', :site_id)
    GROUP BY c.text
),
