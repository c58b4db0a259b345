-- How did each deal stand after each CRM event? What an event does not tell stays as it was; an unknown stage changes nothing, nor does
-- one of a pipeline that stands apart. What the CRM's API tells as it stands has no history: a first sum of it holds for what was before.
WITH
-- include: :scope
-- include: part_crm_told
carried AS (
    SELECT
        record_id, deal, place, occurred_at, stage, is_as_it_stands, attributes,
        CAST(with_timezone(occurred_at, 'UTC') AT TIME ZONE :time_zone AS date) AS day,
        -- A deletion holds until the deal is told alive: restored, or at a stage. Contacts' changes tell neither. Merged is deleted.
        last_value(
            CASE WHEN absorber IS NOT NULL THEN TRUE WHEN is_deleted IS NOT NULL THEN is_deleted WHEN stage IS NOT NULL THEN FALSE END
        ) IGNORE NULLS OVER w AS is_deleted,
        last_value(
            CASE WHEN absorber IS NOT NULL THEN absorber WHEN is_deleted THEN NULL WHEN NOT is_deleted OR stage IS NOT NULL THEN '' END
        ) IGNORE NULLS OVER w AS absorber,
        -- What tells no creation (a contact's change, say) may be older than the deal, and does not move it where it is told.
        coalesce(min(deal_created_at) OVER (PARTITION BY deal), min(occurred_at) OVER (PARTITION BY deal)) AS created_at,
        last_value(pipeline) IGNORE NULLS OVER w AS pipeline,
        last_value(amount) IGNORE NULLS OVER w AS amount,
        last_value(currency) IGNORE NULLS OVER w AS currency,
        min(CASE WHEN amount IS NOT NULL THEN place END) OVER (PARTITION BY deal) AS sum_place
    FROM told
    WINDOW w AS (PARTITION BY deal ORDER BY place ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
),

ruled AS (
    SELECT
        c.*,
        max(CASE WHEN c.place = c.sum_place AND c.is_as_it_stands THEN c.amount END) OVER (PARTITION BY c.deal) AS early_amount,
        max(CASE WHEN c.place = c.sum_place AND c.is_as_it_stands THEN coalesce(c.currency, :currency) END) OVER (PARTITION BY c.deal)
            AS early_currency,
        CAST(with_timezone(c.created_at, 'UTC') AT TIME ZONE :time_zone AS date) AS created_day,
        coalesce(own.pipeline, '*') AS rule_pipeline
    FROM carried AS c
    LEFT JOIN (SELECT DISTINCT pipeline FROM rule_pipelines WHERE site_id = :site_id) AS own ON own.pipeline = c.pipeline
),

judged AS (
    SELECT
        r.*,
        coalesce(k.kind, 'sales') AS kind,
        s.meaning AS told_meaning,
        s.meaning_rank AS told_rank,
        m.money_rank
    FROM ruled AS r
    LEFT JOIN rule_pipelines AS k
        ON k.site_id = :site_id AND k.pipeline = r.rule_pipeline AND r.day >= k.valid_from AND r.day < k.valid_to
    LEFT JOIN rule_stages AS s
        ON s.site_id = :site_id AND s.pipeline = r.rule_pipeline AND s.stage = r.stage AND r.day >= s.valid_from AND r.day < s.valid_to
    LEFT JOIN rule_money AS m
        ON m.site_id = :site_id AND m.pipeline = r.rule_pipeline AND r.created_day >= m.valid_from AND r.created_day < m.valid_to
),

filled AS (
    SELECT
        c.deal, c.place, c.day, a.attribute,
        last_value(nullif(json_extract_scalar(c.attributes, '$.' || a.attribute), '')) IGNORE NULLS OVER (
            PARTITION BY c.deal, a.attribute ORDER BY c.place ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS value
    FROM carried AS c
    CROSS JOIN (SELECT DISTINCT attribute FROM rule_qualification WHERE site_id = :site_id) AS a
),

met AS (
    SELECT f.deal, f.place, q.criterion
    FROM filled AS f
    INNER JOIN rule_qualification AS q
        ON q.site_id = :site_id AND q.attribute = f.attribute AND f.day >= q.valid_from AND f.day < q.valid_to
            AND (q.value IS NULL OR lower(q.value) = lower(f.value))
    WHERE f.value IS NOT NULL
    GROUP BY f.deal, f.place, q.criterion
    HAVING count(DISTINCT q.attribute) = max(q.asked)
)

SELECT
    :site_id AS site_id,
    record_id,
    j.deal AS deal_id,
    j.place,
    occurred_at,
    day,
    created_at,
    pipeline,
    kind AS pipeline_kind,
    stage,
    stage IS NOT NULL AND told_meaning IS NULL AND kind = 'sales' AS is_unknown_stage,
    nullif(absorber, '') AS merged_into,
    coalesce(is_deleted, FALSE) AS is_deleted,
    CASE WHEN is_deleted THEN 'cleaning' ELSE coalesce(last_value(told_meaning) IGNORE NULLS OVER w, 'unsorted') END AS meaning,
    CASE WHEN is_deleted THEN 1 ELSE coalesce(last_value(told_rank) IGNORE NULLS OVER w, 0) END AS meaning_rank,
    coalesce(last_value(CASE WHEN kind = 'sales' THEN coalesce(money_rank, 6) END) IGNORE NULLS OVER w, 6) AS money_rank,
    coalesce(amount, early_amount) AS amount,
    CASE WHEN amount IS NULL AND early_amount IS NOT NULL THEN early_currency ELSE coalesce(currency, :currency) END AS currency,
    kind = 'sales' AND f.deal IS NOT NULL AS is_fit,
    :refresh_id AS refresh_id
FROM judged AS j
LEFT JOIN (SELECT DISTINCT deal, place FROM met) AS f ON f.deal = j.deal AND f.place = j.place
WINDOW w AS (PARTITION BY j.deal ORDER BY j.place ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
