-- What do the paths and credits of each person hang on, besides the visits themselves?
WITH lines AS (
    SELECT person_id, 'visitor ' || key AS line FROM persons WHERE site_id = :site_id AND key_kind = 'visitor' AND NOT is_hub
    UNION ALL
    SELECT
        person_id,
        'request ' || request_id || ' ' || date_format(created_at, '%Y-%m-%d %H:%i:%s.%f') || ' ' || coalesce(visitor_id, '')
        || CASE WHEN is_counted THEN ' counted' ELSE '' END || CASE WHEN sales > 0 THEN ' sold' ELSE '' END
        || CASE
            WHEN is_touch
            THEN CASE WHEN is_significant THEN ' significant' ELSE '' END || ' touch ' || coalesce(channel, '') || '|' || coalesce(source, '') || '|' || coalesce(medium, '') || '|'
                || coalesce(campaign, '') || '|' || coalesce(content, '') || '|' || coalesce(term, '')
            ELSE ''
        END
    FROM requests
    WHERE site_id = :site_id
    UNION ALL
    SELECT
        q.person_id,
        'money ' || e.request_id || ' ' || e.money_event_id || ' ' || CAST(e.day AS varchar) || ' '
        || coalesce(CAST(e.amount AS varchar), '') || ' ' || coalesce(CAST(e.cost_price AS varchar), '')
    FROM money_events AS e
    INNER JOIN requests AS q ON q.site_id = :site_id AND q.request_id = e.request_id
    WHERE e.site_id = :site_id
)

SELECT :site_id AS site_id, person_id, array_join(array_agg(line ORDER BY line), chr(10)) AS inputs, :refresh_id AS refresh_id
FROM lines
GROUP BY person_id
