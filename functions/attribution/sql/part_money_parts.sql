-- Money of a request cut over its touches (`weights`) by largest remainder, per money event, so that the parts add up to the
-- whole: quotas to a millionth of a kopeck, ties to the earlier touch, negatives mirrored.
measures AS (
    SELECT request_id, money_event_id, 'revenue' AS measure, CAST(amount * 100 AS bigint) AS kopecks
    FROM money_events
    WHERE site_id = :site_id AND amount IS NOT NULL
    UNION ALL
    SELECT request_id, money_event_id, 'gross_profit', CAST((amount - cost_price) * 100 AS bigint)
    FROM money_events
    WHERE site_id = :site_id AND amount IS NOT NULL AND cost_price IS NOT NULL
),

products AS (
    SELECT
        w.request_id, w.model, w.touch_id, w.position, w.path_length, e.money_event_id, e.measure, e.kopecks,
        CAST(abs(e.kopecks) AS double) * w.weight AS product
    FROM weights AS w
    INNER JOIN measures AS e ON e.request_id = w.request_id
),

-- Whole kopecks and millionths apart, so that no sum that a door accepts is too large.
split AS (
    SELECT *, CAST(floor(product) AS bigint) AS whole, CAST(round((product - floor(product)) * 1e6) AS bigint) AS millionths
    FROM products
),

quotas AS (
    SELECT
        request_id, model, touch_id, position, path_length, money_event_id, measure, kopecks,
        whole + millionths / 1000000 AS whole,
        millionths % 1000000 AS millionths
    FROM split
),

shares AS (
    SELECT
        *,
        abs(kopecks) - sum(whole) OVER (PARTITION BY money_event_id, measure, model) AS left_over,
        count(*) OVER (PARTITION BY money_event_id, measure, model) AS touches,
        row_number() OVER (PARTITION BY money_event_id, measure, model ORDER BY millionths DESC, position) AS turn
    FROM quotas
),

parts AS (
    SELECT
        request_id, model, touch_id, money_event_id, measure,
        CASE WHEN kopecks < 0 THEN -1 ELSE 1 END * (
            whole + CASE WHEN turn <= left_over THEN 1 WHEN turn > touches + left_over THEN -1 ELSE 0 END
        ) AS part
    FROM shares
),
