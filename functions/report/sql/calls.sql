-- How many calls came and went in the period, how were they taken, and by what was their visitor found?
SELECT
    direction,
    coalesce(resolved_by, 'nothing') AS resolved_by,
    count(*) AS calls,
    sum(CASE WHEN is_answered THEN 1 ELSE 0 END) AS answered,
    sum(CASE WHEN outcome = 'abandoned' AND NOT is_answered THEN 1 ELSE 0 END) AS abandoned,
    sum(CASE WHEN outcome = 'busy' AND NOT is_answered THEN 1 ELSE 0 END) AS busy,
    sum(CASE WHEN outcome = 'failed' AND NOT is_answered THEN 1 ELSE 0 END) AS failed,
    sum(CASE WHEN is_target THEN 1 ELSE 0 END) AS target,
    sum(CASE WHEN is_target AND is_unique THEN 1 ELSE 0 END) AS unique_target,
    sum(CASE WHEN is_repeat THEN 1 ELSE 0 END) AS repeats,
    sum(CASE WHEN is_spam THEN 1 ELSE 0 END) AS spam,
    count(other_visitor_id) AS two_candidates,
    sum(coalesce(talk_seconds, 0)) AS talk_seconds,
    sum(coalesce(wait_seconds, 0)) AS wait_seconds,
    count(wait_seconds) AS waits
FROM calls
WHERE site_id = :site_id AND day BETWEEN :first_day AND :last_day
GROUP BY direction, coalesce(resolved_by, 'nothing')
