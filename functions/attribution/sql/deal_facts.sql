-- What is known of each deal by now? Its own word; what it does not tell comes from the deals that it took over, the earliest first.
WITH ends AS (
    SELECT m.deal_id, m.survivor
    FROM deal_merges AS m
    INNER JOIN deal_own AS d ON d.site_id = :site_id AND d.deal_id = m.survivor AND d.merged_into IS NULL
    WHERE m.site_id = :site_id
),

absorbed AS (
    SELECT e.survivor, d.*, CAST(d.created_at AS varchar) || ' ' || d.deal_id AS age
    FROM ends AS e
    INNER JOIN deal_own AS d ON d.site_id = :site_id AND d.deal_id = e.deal_id
),

inherited AS (
    SELECT
        survivor,
        min(created_at) AS created_at,
        min_by(named_request_id, age) FILTER (WHERE named_request_id IS NOT NULL) AS named_request_id,
        min_by(call_id, age) FILTER (WHERE call_id IS NOT NULL) AS call_id,
        min_by(visitor_id, age) FILTER (WHERE visitor_id IS NOT NULL) AS visitor_id,
        min_by(phone_hash, age) FILTER (WHERE phone_hash IS NOT NULL) AS phone_hash,
        min_by(email_hash, age) FILTER (WHERE email_hash IS NOT NULL) AS email_hash,
        min_by(contact_id, age) FILTER (WHERE contact_id IS NOT NULL) AS contact_id,
        min_by(crm_source, age) FILTER (WHERE crm_source IS NOT NULL) AS crm_source,
        min_by(source_key, age) FILTER (WHERE source_key IS NOT NULL AND NOT is_crm_source) AS marks_key,
        min_by(source_key, age) FILTER (WHERE is_crm_source) AS crm_source_key,
        min_by(campaign, age) FILTER (WHERE source_key IS NOT NULL AND NOT is_crm_source) AS campaign,
        min_by(content, age) FILTER (WHERE source_key IS NOT NULL AND NOT is_crm_source) AS content,
        min_by(term, age) FILTER (WHERE source_key IS NOT NULL AND NOT is_crm_source) AS term,
        bool_or(is_overwritten) AS is_overwritten,
        array_join(array_agg(deal_id ORDER BY deal_id), ' ') AS absorbed
    FROM absorbed
    GROUP BY survivor
)

SELECT
    :site_id AS site_id,
    d.deal_id, d.created_at, d.day, d.pipeline, d.pipeline_kind, d.is_apart, d.stage, d.stage_since, d.meaning, d.is_unknown_stage,
    d.is_confirmed, d.was_qualified, d.is_claim, d.closed_at, d.amount, d.currency, d.cost_price,
    coalesce(d.named_request_id, i.named_request_id) AS named_request_id,
    coalesce(d.call_id, i.call_id) AS call_id,
    coalesce(d.visitor_id, i.visitor_id) AS visitor_id,
    coalesce(d.phone_hash, i.phone_hash) AS phone_hash,
    coalesce(d.email_hash, i.email_hash) AS email_hash,
    coalesce(d.contact_id, i.contact_id) AS contact_id,
    -- Marks say more than the CRM's own source field, whoever of them tells it.
    CASE
        WHEN d.source_key IS NOT NULL AND NOT d.is_crm_source THEN d.source_key
        ELSE coalesce(i.marks_key, d.source_key, i.crm_source_key)
    END AS source_key,
    CASE WHEN d.source_key IS NOT NULL AND NOT d.is_crm_source THEN d.campaign ELSE i.campaign END AS campaign,
    CASE WHEN d.source_key IS NOT NULL AND NOT d.is_crm_source THEN d.content ELSE i.content END AS content,
    CASE WHEN d.source_key IS NOT NULL AND NOT d.is_crm_source THEN d.term ELSE i.term END AS term,
    d.is_overwritten OR coalesce(i.is_overwritten, FALSE) AS is_overwritten,
    d.loss_reason, d.loss_group, d.is_duplicate,
    coalesce(e.survivor, d.merged_into) AS merged_into,
    d.is_deleted,
    d.manager, d.branch, d.order_id, d.is_handmade,
    coalesce(d.crm_source, i.crm_source) AS crm_source,
    d.product, d.tags, d.communications, d.receivable, d.attributes,
    e.survivor, i.absorbed,
    CASE WHEN i.created_at < d.created_at THEN i.created_at ELSE d.created_at END AS sought_at,
    :refresh_id AS refresh_id
FROM deal_own AS d
LEFT JOIN ends AS e ON e.deal_id = d.deal_id
LEFT JOIN inherited AS i ON i.survivor = d.deal_id
WHERE d.site_id = :site_id
