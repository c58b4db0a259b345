-- Every deal of the site.
scope AS (SELECT DISTINCT provider || ':' || deal_id AS deal_id FROM crm_events WHERE site_id = :site_id),

