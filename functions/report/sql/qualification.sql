-- What became of the requests made in the period, by channel, and why were counted ones disqualified? Whole requests: each stands where
-- the default model credits it most; the reason is that of its first deal that stands lost.
WITH placed AS (
    SELECT request_id, channel
    FROM (
        SELECT
            request_id, channel,
            row_number() OVER (PARTITION BY request_id ORDER BY round(weight, 9) DESC, position) AS place
        FROM credits
        WHERE site_id = :site_id AND model = :model
    ) AS weighed
    WHERE place = 1
),

lost AS (
    SELECT request_id, provider, loss_group, loss_reason
    FROM (
        SELECT
            request_id, split_part(deal_id, ':', 1) AS provider, loss_group, loss_reason,
            row_number() OVER (PARTITION BY request_id ORDER BY created_at, deal_id) AS place
        FROM deals
        WHERE site_id = :site_id AND meaning = 'lost' AND merged_into IS NULL AND NOT coalesce(is_apart, FALSE)
    ) AS deals_of_request
    WHERE place = 1
),

made AS (
    SELECT
        coalesce(p.channel, '') AS channel,
        p.request_id IS NULL AS is_without_source,
        coalesce(r.is_counted, FALSE) AS is_counted,
        coalesce(r.is_qualified, FALSE) AS is_qualified,
        coalesce(r.is_counted AND r.is_disqualified, FALSE) AS is_disqualified,
        coalesce(l.provider, '') AS provider,
        coalesce(l.loss_group, '') AS loss_group,
        coalesce(l.loss_reason, '') AS loss_reason
    FROM requests AS r
    LEFT JOIN placed AS p ON p.request_id = r.request_id
    LEFT JOIN lost AS l ON l.request_id = r.request_id
    WHERE r.site_id = :site_id AND r.day BETWEEN :first_day AND :last_day
)

SELECT
    channel,
    is_without_source,
    CASE WHEN is_disqualified THEN provider ELSE '' END AS provider,
    CASE WHEN is_disqualified THEN loss_group ELSE '' END AS loss_group,
    CASE WHEN is_disqualified THEN loss_reason ELSE '' END AS loss_reason,
    count(*) AS made,
    sum(CASE WHEN is_counted THEN 1 ELSE 0 END) AS counted,
    sum(CASE WHEN is_qualified THEN 1 ELSE 0 END) AS qualified,
    sum(CASE WHEN is_disqualified THEN 1 ELSE 0 END) AS disqualified
FROM made
GROUP BY
    channel,
    is_without_source,
    CASE WHEN is_disqualified THEN provider ELSE '' END,
    CASE WHEN is_disqualified THEN loss_group ELSE '' END,
    CASE WHEN is_disqualified THEN loss_reason ELSE '' END
