-- Deals of which the CRM told something since the last complete run.
scope AS (
    SELECT DISTINCT provider || ':' || deal_id AS deal_id
    FROM crm_events
    WHERE site_id = :site_id AND refresh_id > :since_refresh
),

