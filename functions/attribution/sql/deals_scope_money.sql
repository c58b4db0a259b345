-- Deals whose money may differ from the last complete run: told of, paid (they or what they took over), merged, matched anew, or in a
-- currency whose rates may have changed.
scope AS (
    SELECT provider || ':' || deal_id AS deal_id FROM crm_events WHERE site_id = :site_id AND refresh_id > :since_refresh
    UNION
    SELECT provider || ':' || deal_id
    FROM payments
    WHERE site_id = :site_id AND (refresh_id > :since_refresh OR currency <> :currency)
    UNION
    SELECT f.survivor
    FROM payments AS p
    INNER JOIN deal_facts AS f ON f.site_id = :site_id AND f.deal_id = p.provider || ':' || p.deal_id AND f.survivor IS NOT NULL
    WHERE p.site_id = :site_id AND (p.refresh_id > :since_refresh OR p.currency <> :currency)
    UNION
    SELECT deal_id FROM deal_facts WHERE site_id = :site_id AND refresh_id > :since_refresh
    UNION
    SELECT deal_id FROM deal_matches WHERE site_id = :site_id AND refresh_id > :since_refresh
    UNION
    SELECT deal_id FROM deal_states WHERE site_id = :site_id AND currency <> :currency
),

