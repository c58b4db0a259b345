-- When did the latest record arrive that the marts of the site know?
SELECT max(received_at) AS data_to FROM (
    SELECT max(received_at) AS received_at FROM hits WHERE site_id = :site_id AND refresh_id > :since_refresh
    UNION ALL SELECT max(received_at) FROM request_records WHERE site_id = :site_id
    UNION ALL SELECT max(received_at) FROM call_records WHERE site_id = :site_id
    UNION ALL SELECT max(received_at) FROM crm_events WHERE site_id = :site_id
) AS arrivals
