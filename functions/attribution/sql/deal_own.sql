-- What does each deal tell of itself by now? Of every field the latest that was told; the first source that the CRM told: marks, else
-- the CRM's own source field.
WITH
-- include: :scope
-- include: part_crm_told
marked AS (
    SELECT
        *,
        source_key IS NOT NULL AND (utm_source IS NOT NULL OR utm_medium IS NOT NULL) AS has_marks,
        -- Another campaign of the same source is no other source.
        split_part(source_key, '|', 1) || '|' || split_part(source_key, '|', 2) AS source_told,
        -- Told, or told to be empty (''): then what was told before holds no more.
        coalesce(request_id, CASE WHEN strpos(emptied, 'request_id') > 0 THEN '' END) AS request_id_told,
        coalesce(branch, CASE WHEN strpos(emptied, 'branch') > 0 THEN '' END) AS branch_told,
        coalesce(order_id, CASE WHEN strpos(emptied, 'order_id') > 0 THEN '' END) AS order_id_told,
        coalesce(product, CASE WHEN strpos(emptied, 'product') > 0 THEN '' END) AS product_told
    FROM told
),

facts AS (
    SELECT
        deal,
        max_by(request_id, place) FILTER (WHERE request_id IS NOT NULL) AS named_request_id,
        max_by(call_id, place) FILTER (WHERE call_id IS NOT NULL) AS call_id,
        max_by(visitor_id, place) FILTER (WHERE visitor_id IS NOT NULL) AS visitor_id,
        max_by(phone_hash, place) FILTER (WHERE phone_hash IS NOT NULL) AS phone_hash,
        max_by(email_hash, place) FILTER (WHERE email_hash IS NOT NULL) AS email_hash,
        max_by(contact_id, place) FILTER (WHERE contact_id IS NOT NULL) AS contact_id,
        coalesce(
            max_by(cost_price, place) FILTER (WHERE cost_price IS NOT NULL),
            max_by(products_cost, place) FILTER (WHERE products_cost IS NOT NULL)
        ) AS cost_price,
        max_by(loss_reason, place) FILTER (WHERE loss_reason IS NOT NULL) AS loss_reason,
        max_by(manager, place) FILTER (WHERE manager IS NOT NULL) AS manager,
        nullif(max_by(branch_told, place) FILTER (WHERE branch_told IS NOT NULL), '') AS branch,
        nullif(max_by(order_id_told, place) FILTER (WHERE order_id_told IS NOT NULL), '') AS order_id,
        max_by(is_handmade, place) FILTER (WHERE is_handmade IS NOT NULL) AS is_handmade,
        min_by(crm_source, place) FILTER (WHERE crm_source IS NOT NULL) AS crm_source,
        nullif(max_by(product_told, place) FILTER (WHERE product_told IS NOT NULL), '') AS product,
        max_by(tags, place) FILTER (WHERE tags IS NOT NULL) AS tags,
        max_by(communications, place) FILTER (WHERE communications IS NOT NULL) AS communications,
        max_by(receivable, place) FILTER (WHERE receivable IS NOT NULL) AS receivable,
        nullif(max_by(attributes, place) FILTER (WHERE attributes IS NOT NULL), '{}') AS attributes,
        min_by(source_key, place) FILTER (WHERE has_marks) AS marks_key,
        min_by(source_key, place) FILTER (WHERE source_key IS NOT NULL AND NOT has_marks) AS crm_source_key,
        min_by(utm_campaign, place) FILTER (WHERE has_marks) AS campaign,
        min_by(utm_content, place) FILTER (WHERE has_marks) AS content,
        min_by(utm_term, place) FILTER (WHERE has_marks) AS term,
        count(DISTINCT CASE WHEN has_marks THEN source_told END) AS marked_sources,
        count(DISTINCT CASE WHEN NOT has_marks THEN source_told END) AS crm_sources,
        count(DISTINCT request_id) AS request_ids,
        max_by(request_id_told, place) FILTER (WHERE request_id_told IS NOT NULL) = '' AS is_request_id_empty
    FROM marked
    GROUP BY deal
),

staged AS (
    SELECT
        t.*,
        CASE WHEN t.stage IS NOT NULL THEN coalesce(t.pipeline, '') || '|' || t.stage END AS stage_told,
        max(CASE WHEN t.meaning_rank < 5 AND t.meaning <> 'lost' AND NOT t.is_deleted THEN t.place ELSE 0 END)
            OVER (PARTITION BY t.deal_id) AS last_open_place,
        max(t.place) OVER (PARTITION BY t.deal_id) AS last_place,
        max(CASE WHEN t.stage IS NOT NULL THEN t.place END) OVER (PARTITION BY t.deal_id) AS last_stage_place
    FROM deal_states AS t
    INNER JOIN scope AS s ON s.deal_id = t.deal_id
    WHERE t.site_id = :site_id
),

run AS (
    SELECT *, max(CASE WHEN stage_told <> present_stage THEN place ELSE 0 END) OVER (PARTITION BY deal_id) AS last_other_place
    FROM (
        SELECT *, max(CASE WHEN place = last_stage_place THEN stage_told END) OVER (PARTITION BY deal_id) AS present_stage
        FROM staged
    ) AS placed
),

stood AS (
    SELECT
        deal_id,
        min(created_at) AS created_at,
        max(CASE WHEN place = last_place THEN pipeline END) AS pipeline,
        max(CASE WHEN place = last_place THEN pipeline_kind END) AS pipeline_kind,
        -- Before its pipeline was told a deal stands nowhere.
        coalesce(bool_and(pipeline_kind <> 'sales') FILTER (WHERE pipeline IS NOT NULL), FALSE) AS is_apart,
        max(CASE WHEN place = last_stage_place THEN stage END) AS stage,
        min(CASE WHEN stage IS NOT NULL AND place > last_other_place THEN occurred_at END) AS stage_since,
        max(CASE WHEN place = last_place THEN merged_into END) AS merged_into,
        bool_or(is_deleted AND place = last_place) AS is_deleted,
        max(CASE WHEN place = last_place THEN meaning END) AS meaning,
        max(CASE WHEN place = last_place THEN amount END) AS amount,
        max(CASE WHEN place = last_place THEN currency END) AS currency,
        min(CASE WHEN place > last_open_place THEN occurred_at END) AS closed_at,
        max(meaning_rank) >= 3 OR bool_or(is_fit) AS was_qualified,
        coalesce(bool_or(is_unknown_stage AND place = last_stage_place), FALSE) AS is_unknown_stage
    FROM run
    GROUP BY deal_id
),

losses AS (
    SELECT lower(reason) AS reason, valid_from, valid_to, max(loss_group) AS loss_group, bool_or(is_duplicate) AS is_duplicate
    FROM rule_losses
    WHERE site_id = :site_id
    GROUP BY lower(reason), valid_from, valid_to
)

SELECT
    :site_id AS site_id,
    f.deal AS deal_id,
    s.created_at,
    CAST(with_timezone(s.created_at, 'UTC') AT TIME ZONE :time_zone AS date) AS day,
    s.pipeline, s.pipeline_kind, s.is_apart, s.stage, s.stage_since, s.meaning, s.is_unknown_stage,
    s.meaning NOT IN ('claim', 'cleaning', 'unsorted') AND NOT coalesce(l.is_duplicate, FALSE) AND NOT s.is_apart AS is_confirmed,
    s.was_qualified AND s.meaning <> 'claim' AND NOT s.is_apart AS was_qualified,
    s.meaning = 'claim' AS is_claim,
    s.closed_at,
    s.amount, s.currency, f.cost_price,
    f.named_request_id, f.call_id, f.visitor_id, f.phone_hash, f.email_hash, f.contact_id,
    coalesce(f.marks_key, f.crm_source_key) AS source_key, f.campaign, f.content, f.term,
    CASE WHEN f.marks_key IS NULL THEN f.crm_sources ELSE f.marked_sources END > 1
    OR f.request_ids > 1 OR (f.request_ids = 1 AND f.is_request_id_empty) AS is_overwritten,
    -- A deal that was reopened keeps no reason: CRMs clear it, and what is cleared is not told.
    CASE WHEN s.meaning = 'lost' THEN f.loss_reason END AS loss_reason, l.loss_group, coalesce(l.is_duplicate, FALSE) AS is_duplicate,
    s.merged_into, s.is_deleted,
    f.manager, f.branch, f.order_id,
    f.is_handmade, f.crm_source, f.product, f.tags, f.communications, f.receivable, f.attributes,
    f.marks_key IS NULL AND f.crm_source_key IS NOT NULL AS is_crm_source,
    :refresh_id AS refresh_id
FROM facts AS f
INNER JOIN stood AS s ON s.deal_id = f.deal
LEFT JOIN losses AS l
    ON s.meaning = 'lost' AND l.reason = lower(f.loss_reason)
        AND CAST(with_timezone(s.closed_at, 'UTC') AT TIME ZONE :time_zone AS date) >= l.valid_from
        AND CAST(with_timezone(s.closed_at, 'UTC') AT TIME ZONE :time_zone AS date) < l.valid_to
