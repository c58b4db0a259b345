-- Which contents and keywords look as if something was never filled in, or broke on its way? The rest of them may be any words.
WITH
{brought},

valued AS (
    SELECT entry_key, day, record_id || ':' || CAST(day AS varchar) AS session_id, 'utm_content' AS tag, content AS text
    FROM hits
    WHERE site_id = :site_id AND excluded IS NULL AND entry_key IS NOT NULL AND day BETWEEN :first_day AND :last_day
    UNION ALL
    SELECT entry_key, day, record_id || ':' || CAST(day AS varchar), 'utm_term', term
    FROM hits
    WHERE site_id = :site_id AND excluded IS NULL AND entry_key IS NOT NULL AND day BETWEEN :first_day AND :last_day
)

SELECT
    e.entry_key, e.tag, e.text, count(*) AS hits, count(v.session_id) AS visits, sum(b.requests) AS requests,
    min(e.day) AS first_day, max(e.day) AS last_day
FROM valued AS e
LEFT JOIN sessions AS v ON v.site_id = :site_id AND v.day = e.day AND v.session_id = e.session_id
LEFT JOIN brought AS b ON b.touch_id = v.session_id
WHERE regexp_like(e.text, :odd_pattern)
GROUP BY e.entry_key, e.tag, e.text
