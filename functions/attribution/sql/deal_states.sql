-- How did each deal stand after each CRM event? What an event does not tell stays as it was; an unknown stage changes nothing.
-- Events of one moment stand in the order of their ids' time (a UUIDv7's first 13 characters), then of their arrival: CRMs that tell
-- whole seconds have several.
WITH
-- include: :scope
told AS (
    SELECT
        e.*,
        substr(e.record_id, 1, 13) AS id_time,
        s.deal_id AS deal,
        CAST(with_timezone(e.occurred_at, 'UTC') AT TIME ZONE :time_zone AS date) AS day
    FROM crm_events AS e
    INNER JOIN scope AS s ON s.deal_id = e.provider || ':' || e.deal_id
    WHERE e.site_id = :site_id
),

carried AS (
    SELECT
        record_id, deal, occurred_at, day, stage,
        -- A deletion holds until the deal is told alive: restored, or at a stage. Contacts' changes tell neither.
        last_value(CASE WHEN is_deleted IS NOT NULL THEN is_deleted WHEN stage IS NOT NULL THEN FALSE END) IGNORE NULLS OVER w
            AS is_deleted,
        row_number() OVER (PARTITION BY deal ORDER BY occurred_at, id_time, received_at, record_id) AS place,
        -- What tells no creation (a contact's change, say) may be older than the deal, and does not move it where it is told.
        coalesce(min(deal_created_at) OVER (PARTITION BY deal), min(occurred_at) OVER (PARTITION BY deal)) AS created_at,
        last_value(pipeline) IGNORE NULLS OVER w AS pipeline,
        last_value(amount) IGNORE NULLS OVER w AS amount,
        last_value(currency) IGNORE NULLS OVER w AS currency
    FROM told
    WINDOW w AS (
        PARTITION BY deal ORDER BY occurred_at, id_time, received_at, record_id ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    )
),

ruled AS (
    SELECT
        c.*,
        CAST(with_timezone(c.created_at, 'UTC') AT TIME ZONE :time_zone AS date) AS created_day,
        coalesce(own.pipeline, '*') AS rule_pipeline
    FROM carried AS c
    LEFT JOIN (SELECT DISTINCT pipeline FROM rule_stages WHERE site_id = :site_id) AS own ON own.pipeline = c.pipeline
),

judged AS (
    SELECT
        r.*,
        s.meaning AS told_meaning,
        s.meaning_rank AS told_rank,
        m.money_rank
    FROM ruled AS r
    LEFT JOIN rule_stages AS s
        ON s.site_id = :site_id AND s.pipeline = r.rule_pipeline AND s.stage = r.stage AND r.day >= s.valid_from AND r.day < s.valid_to
    LEFT JOIN rule_money AS m
        ON m.site_id = :site_id AND m.pipeline = r.rule_pipeline AND r.created_day >= m.valid_from AND r.created_day < m.valid_to
)

SELECT
    :site_id AS site_id,
    record_id,
    deal AS deal_id,
    place,
    occurred_at,
    day,
    created_at,
    pipeline,
    stage,
    stage IS NOT NULL AND told_meaning IS NULL AS is_unknown_stage,
    CASE WHEN is_deleted THEN 'cleaning' ELSE coalesce(last_value(told_meaning) IGNORE NULLS OVER w, 'unsorted') END AS meaning,
    CASE WHEN is_deleted THEN 1 ELSE coalesce(last_value(told_rank) IGNORE NULLS OVER w, 0) END AS meaning_rank,
    coalesce(money_rank, 6) AS money_rank,
    amount,
    coalesce(currency, :currency) AS currency,
    :refresh_id AS refresh_id
FROM judged
WINDOW w AS (PARTITION BY deal ORDER BY place ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
