-- What became of every request: its person, its deals' outcome, all money to date, and does it count?
WITH
-- include: part_joint_persons
every AS (
    SELECT request_id, created_at, contact_channel, visitor_id, is_target AND is_unique AS is_unique_target,
        source_key, campaign, content, term, FALSE AS is_implied, FALSE AS is_overwritten
    FROM request_facts
    WHERE site_id = :site_id
    UNION ALL
    SELECT m.request_id, d.sought_at, 'crm', d.visitor_id, FALSE,
        d.source_key, d.campaign, d.content, d.term, TRUE, d.is_overwritten
    FROM deal_matches AS m
    INNER JOIN deal_facts AS d ON d.site_id = :site_id AND d.deal_id = m.deal_id AND NOT d.is_apart
    WHERE m.site_id = :site_id AND m.match_method = 'implied'
),

outcome AS (
    SELECT
        d.request_id,
        count(*) AS deals,
        bool_or(d.is_confirmed) AS is_confirmed,
        bool_or(d.was_qualified) AS was_qualified,
        bool_and(d.meaning = 'lost') AS is_lost,
        max_by(d.loss_reason, CAST(d.created_at AS varchar) || ' ' || d.deal_id) FILTER (WHERE d.meaning = 'lost') AS loss_reason,
        sum(CASE WHEN d.sale_day IS NOT NULL THEN 1 ELSE 0 END) AS sales,
        sum(d.revenue) AS revenue,
        sum(d.gross_profit) AS gross_profit,
        bool_or(f.is_overwritten) AS is_overwritten
    FROM deals AS d
    INNER JOIN deal_facts AS f ON f.site_id = :site_id AND f.deal_id = d.deal_id
    WHERE d.site_id = :site_id AND d.merged_into IS NULL AND NOT d.is_apart
    GROUP BY d.request_id
),

known AS (
    SELECT
        e.*,
        coalesce(j.person_id, 'request:' || e.request_id) AS person_id,
        coalesce(o.deals, 0) AS deals,
        coalesce(o.is_confirmed, FALSE) OR e.is_unique_target AS is_confirmed,
        coalesce(o.was_qualified, FALSE) AS was_qualified,
        coalesce(o.is_lost, FALSE) AS is_lost,
        o.loss_reason, coalesce(o.sales, 0) AS sales, o.revenue, o.gross_profit,
        e.is_overwritten OR coalesce(o.is_overwritten, FALSE) AS source_overwritten,
        s.channel, s.source, s.medium, coalesce(s.is_direct, TRUE) AS is_direct,
        coalesce(s.is_significant, FALSE) AS is_significant
    FROM every AS e
    LEFT JOIN joint_persons AS j ON j.joint_id = e.request_id
    LEFT JOIN outcome AS o ON o.request_id = e.request_id
    LEFT JOIN sources AS s ON s.site_id = :site_id AND s.entry_key = e.source_key
),

-- While a deal of the person is open, a request without a deal of its own repeats it. Claims are no orders and open nothing.
repeats AS (
    SELECT k.request_id, min_by(d.deal_id, CAST(q.created_at AS varchar) || ' ' || d.deal_id) AS repeat_of
    FROM known AS k
    INNER JOIN deals AS d
        ON d.site_id = :site_id AND d.person_id = k.person_id AND NOT d.is_claim AND NOT d.is_apart AND d.merged_into IS NULL
    INNER JOIN every AS q ON q.request_id = d.request_id
    WHERE k.deals = 0 AND q.created_at < k.created_at AND (d.closed_at IS NULL OR k.created_at < d.closed_at)
    GROUP BY k.request_id
),

earlier AS (
    SELECT
        k.*,
        r.repeat_of,
        last_value(CASE WHEN k.is_confirmed THEN k.request_id END) IGNORE NULLS OVER w AS previous_id,
        last_value(CASE WHEN k.is_confirmed THEN k.created_at END) IGNORE NULLS OVER w AS previous_at
    FROM known AS k
    LEFT JOIN repeats AS r ON r.request_id = k.request_id
    WINDOW w AS (PARTITION BY k.person_id ORDER BY k.created_at, k.request_id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
),

judged AS (
    SELECT
        *,
        CASE WHEN previous_at >= created_at - INTERVAL '1' DAY * :duplicate_days THEN previous_id END AS duplicate_of
    FROM earlier
),

covered AS (
    SELECT DISTINCT e.request_id
    FROM every AS e
    INNER JOIN sessions AS s
        ON s.site_id = :site_id AND s.visitor_id = e.visitor_id
            AND s.started_at <= e.created_at AND e.created_at < s.last_hit_at + INTERVAL '1800' SECOND
    WHERE e.source_key IS NOT NULL
)

SELECT
    :site_id AS site_id,
    j.request_id,
    j.created_at,
    CAST(with_timezone(j.created_at, 'UTC') AT TIME ZONE :time_zone AS date) AS day,
    j.contact_channel, j.person_id, j.visitor_id,
    CASE WHEN NOT j.is_direct THEN j.channel END AS channel,
    CASE WHEN NOT j.is_direct THEN j.source END AS source,
    CASE WHEN NOT j.is_direct THEN j.medium END AS medium,
    j.campaign, j.content, j.term,
    NOT j.is_direct AND c.request_id IS NULL AS is_touch,
    j.is_significant,
    j.deals, j.is_confirmed, j.repeat_of, j.duplicate_of,
    j.is_confirmed AND j.repeat_of IS NULL AND j.duplicate_of IS NULL AS is_counted,
    j.is_confirmed AND j.repeat_of IS NULL AND j.duplicate_of IS NULL AND j.was_qualified AS is_qualified,
    j.is_lost AND NOT j.was_qualified AS is_disqualified,
    j.loss_reason, j.sales,
    CAST(j.revenue AS decimal(18, 2)) AS revenue,
    CAST(j.gross_profit AS decimal(18, 2)) AS gross_profit,
    CASE
        WHEN j.source_overwritten THEN 'overwritten'
        WHEN j.is_implied AND j.source_key IS NULL THEN 'not_passed'
        ELSE 'not_determined'
    END AS no_source_reason,
    :refresh_id AS refresh_id
FROM judged AS j
LEFT JOIN covered AS c ON c.request_id = j.request_id
