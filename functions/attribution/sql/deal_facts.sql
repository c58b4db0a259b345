-- What is known of each deal by now? Of every field the latest that was told; the first source that the CRM told.
WITH
-- include: :scope
told AS (
    SELECT
        s.deal_id AS deal,
        -- The order of deal_states.sql.
        CAST(e.occurred_at AS varchar) || ' ' || substr(e.record_id, 1, 13) || ' ' || CAST(e.received_at AS varchar) || ' '
            || e.record_id AS told_at,
        e.request_id, e.call_id, e.visitor_id, e.phone_hash, e.email_hash, e.contact_id,
        e.cost_price, e.products_cost, e.loss_reason, e.manager, e.branch, e.order_id,
        e.source_key, e.utm_campaign, e.utm_content, e.utm_term
    FROM crm_events AS e
    INNER JOIN scope AS s ON s.deal_id = e.provider || ':' || e.deal_id
    WHERE e.site_id = :site_id
),

facts AS (
    SELECT
        deal,
        max_by(request_id, told_at) FILTER (WHERE request_id IS NOT NULL) AS named_request_id,
        max_by(call_id, told_at) FILTER (WHERE call_id IS NOT NULL) AS call_id,
        max_by(visitor_id, told_at) FILTER (WHERE visitor_id IS NOT NULL) AS visitor_id,
        max_by(phone_hash, told_at) FILTER (WHERE phone_hash IS NOT NULL) AS phone_hash,
        max_by(email_hash, told_at) FILTER (WHERE email_hash IS NOT NULL) AS email_hash,
        max_by(contact_id, told_at) FILTER (WHERE contact_id IS NOT NULL) AS contact_id,
        coalesce(
            max_by(cost_price, told_at) FILTER (WHERE cost_price IS NOT NULL),
            max_by(products_cost, told_at) FILTER (WHERE products_cost IS NOT NULL)
        ) AS cost_price,
        max_by(loss_reason, told_at) FILTER (WHERE loss_reason IS NOT NULL) AS loss_reason,
        max_by(manager, told_at) FILTER (WHERE manager IS NOT NULL) AS manager,
        max_by(branch, told_at) FILTER (WHERE branch IS NOT NULL) AS branch,
        max_by(order_id, told_at) FILTER (WHERE order_id IS NOT NULL) AS order_id,
        min_by(source_key, told_at) FILTER (WHERE source_key IS NOT NULL) AS source_key,
        min_by(utm_campaign, told_at) FILTER (WHERE source_key IS NOT NULL) AS campaign,
        min_by(utm_content, told_at) FILTER (WHERE source_key IS NOT NULL) AS content,
        min_by(utm_term, told_at) FILTER (WHERE source_key IS NOT NULL) AS term,
        -- Another campaign of the same source is no other source.
        count(DISTINCT split_part(source_key, '|', 1) || '|' || split_part(source_key, '|', 2)) > 1
        OR count(DISTINCT request_id) > 1 AS is_overwritten
    FROM told
    GROUP BY deal
),

run AS (
    SELECT
        t.*,
        max(CASE WHEN t.meaning_rank < 5 AND t.meaning <> 'lost' THEN t.place ELSE 0 END) OVER (PARTITION BY t.deal_id)
            AS last_open_place,
        max(t.place) OVER (PARTITION BY t.deal_id) AS last_place
    FROM deal_states AS t
    INNER JOIN scope AS s ON s.deal_id = t.deal_id
    WHERE t.site_id = :site_id
),

stood AS (
    SELECT
        deal_id,
        min(created_at) AS created_at,
        max(CASE WHEN place = last_place THEN pipeline END) AS pipeline,
        max_by(stage, place) FILTER (WHERE stage IS NOT NULL) AS stage,
        max(CASE WHEN place = last_place THEN meaning END) AS meaning,
        max(CASE WHEN place = last_place THEN amount END) AS amount,
        max(CASE WHEN place = last_place THEN currency END) AS currency,
        min(CASE WHEN place > last_open_place THEN occurred_at END) AS closed_at,
        max(meaning_rank) >= 3 AS was_qualified,
        max_by(is_unknown_stage, place) FILTER (WHERE stage IS NOT NULL) AS is_unknown_stage
    FROM run
    GROUP BY deal_id
)

SELECT
    :site_id AS site_id,
    f.deal AS deal_id,
    s.created_at,
    CAST(with_timezone(s.created_at, 'UTC') AT TIME ZONE :time_zone AS date) AS day,
    s.pipeline, s.stage, s.meaning, coalesce(s.is_unknown_stage, FALSE) AS is_unknown_stage,
    s.meaning NOT IN ('claim', 'cleaning', 'unsorted') AS is_confirmed,
    s.was_qualified AND s.meaning <> 'claim' AS was_qualified,
    s.meaning = 'claim' AS is_claim,
    s.closed_at,
    s.amount, s.currency, f.cost_price,
    f.named_request_id, f.call_id, f.visitor_id, f.phone_hash, f.email_hash, f.contact_id,
    f.source_key, f.campaign, f.content, f.term, f.is_overwritten,
    f.loss_reason, f.manager, f.branch, f.order_id,
    :refresh_id AS refresh_id
FROM facts AS f
INNER JOIN stood AS s ON s.deal_id = f.deal
