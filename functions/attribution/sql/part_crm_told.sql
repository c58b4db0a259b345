-- CRM events of the scope, each once whoever told it, in the order of the deal: by their time, then by the time of their ids (a
-- UUIDv7's first 13 characters), then by arrival: CRMs that tell whole seconds have several of one moment.
told AS (
    SELECT *, row_number() OVER (PARTITION BY deal ORDER BY occurred_at, id_time, received_at, record_id) AS place
    FROM (
        SELECT
            e.*,
            substr(e.record_id, 1, 13) AS id_time,
            s.deal_id AS deal,
            nullif(e.provider || ':' || e.merged_into, s.deal_id) AS absorber,
            bool_or(e.via = 'api') OVER (PARTITION BY e.record_id) AS is_as_it_stands,
            row_number() OVER (PARTITION BY e.record_id ORDER BY e.received_at, e.via) AS copy
        FROM crm_events AS e
        INNER JOIN scope AS s ON s.deal_id = e.provider || ':' || e.deal_id
        WHERE e.site_id = :site_id
    ) AS copies
    WHERE copy = 1
),
