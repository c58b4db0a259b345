-- At which stages do open deals stand, how long by the end of the period's last day, and how long do deals usually stay there (the stays
-- that are over)? Late: stands there more than `slow_times` the usual. Deals of pipelines apart may ripen as long as they like.
WITH told AS (
    SELECT
        deal_id, place, occurred_at, coalesce(pipeline, '') AS pipeline, stage,
        lag(stage) OVER w AS stage_before,
        lag(coalesce(pipeline, '')) OVER w AS pipeline_before
    FROM deal_states
    WHERE site_id = :site_id AND stage IS NOT NULL
    WINDOW w AS (PARTITION BY deal_id ORDER BY place)
),

entered AS (
    SELECT
        deal_id, pipeline, stage, occurred_at AS entered_at,
        lead(occurred_at) OVER (PARTITION BY deal_id ORDER BY place) AS left_at
    FROM told
    WHERE stage_before IS NULL OR stage_before <> stage OR pipeline_before <> pipeline
),

stays AS (
    SELECT
        split_part(deal_id, ':', 1) AS provider, pipeline, stage,
        count(*) AS stays,
        sum(date_diff('second', entered_at, left_at)) AS stay_seconds
    FROM entered
    WHERE left_at IS NOT NULL
    GROUP BY split_part(deal_id, ':', 1), pipeline, stage
),

standing AS (
    SELECT
        split_part(deal_id, ':', 1) AS provider, coalesce(pipeline, '') AS pipeline, coalesce(stage, '') AS stage,
        meaning = 'unsorted' AND NOT coalesce(is_unknown_stage, FALSE) AS is_unsorted,
        CASE
            WHEN coalesce(stage_since, created_at) < :standing_at
                THEN date_diff('second', coalesce(stage_since, created_at), :standing_at)
            ELSE 0
        END AS age_seconds
    FROM deals
    WHERE site_id = :site_id AND closed_at IS NULL AND meaning IN ('unsorted', 'working', 'qualified', 'contract', 'claim')
        AND merged_into IS NULL AND coalesce(pipeline_kind, 'sales') = 'sales'
)

SELECT
    s.provider, s.pipeline, s.stage,
    count(*) AS deals,
    sum(CASE WHEN s.is_unsorted THEN 1 ELSE 0 END) AS unsorted,
    sum(s.age_seconds) AS age_seconds,
    max(s.age_seconds) AS oldest_seconds,
    coalesce(max(u.stays), 0) AS stays,
    coalesce(max(u.stay_seconds), 0) AS stay_seconds,
    sum(CASE WHEN s.age_seconds * u.stays > :slow_times * u.stay_seconds THEN 1 ELSE 0 END) AS late
FROM standing AS s
LEFT JOIN stays AS u ON u.provider = s.provider AND u.pipeline = s.pipeline AND u.stage = s.stage
GROUP BY s.provider, s.pipeline, s.stage
