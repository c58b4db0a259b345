-- How many requests and deals came on each day from each channel and source, and how many without any, why? Requests are all that were
-- made, counted or not; each stands where the default model credits it most. A deal stands where its request does, on the day of its
-- own creation; absorbed deals, and those of pipelines apart, are not among them.
WITH placed AS (
    SELECT request_id, channel, source
    FROM (
        SELECT
            request_id, channel, source,
            row_number() OVER (PARTITION BY request_id ORDER BY round(weight, 9) DESC, position) AS place
        FROM credits
        WHERE site_id = :site_id AND model = :model
    ) AS weighed
    WHERE place = 1
),

came AS (
    SELECT
        day, request_id, no_source_reason, 1 AS requests, 0 AS deals, 0 AS handmade, 0 AS communications, 0 AS communicated
    FROM requests
    WHERE site_id = :site_id AND day BETWEEN :first_day AND :last_day
    UNION ALL
    SELECT
        d.day, d.request_id, r.no_source_reason, 0, 1,
        CASE WHEN d.is_handmade THEN 1 ELSE 0 END,
        coalesce(d.communications, 0),
        CASE WHEN d.communications IS NULL THEN 0 ELSE 1 END
    FROM deals AS d
    LEFT JOIN requests AS r ON r.site_id = d.site_id AND r.request_id = d.request_id
    WHERE d.site_id = :site_id AND d.day BETWEEN :first_day AND :last_day
        AND d.merged_into IS NULL AND NOT coalesce(d.is_apart, FALSE)
)

SELECT
    c.day,
    coalesce(p.channel, '') AS channel,
    coalesce(p.source, '') AS source,
    CASE WHEN p.request_id IS NULL THEN coalesce(nullif(c.no_source_reason, ''), 'not_determined') ELSE '' END AS reason,
    sum(c.requests) AS requests,
    sum(c.deals) AS deals,
    sum(c.handmade) AS handmade,
    sum(c.communications) AS communications,
    sum(c.communicated) AS communicated
FROM came AS c
LEFT JOIN placed AS p ON p.request_id = c.request_id
GROUP BY
    c.day,
    coalesce(p.channel, ''),
    coalesce(p.source, ''),
    CASE WHEN p.request_id IS NULL THEN coalesce(nullif(c.no_source_reason, ''), 'not_determined') ELSE '' END
