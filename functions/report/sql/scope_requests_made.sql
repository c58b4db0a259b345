-- What of the counted requests of each day does the default model credit to the channels of a scope, and which money of them? A request
-- counts with the part that these channels have of it.
SELECT
    r.day,
    sum(c.weight) AS made,
    sum(c.weight) AS counted,
    0 AS repeats,
    0 AS duplicates,
    0 AS disqualified,
    sum(coalesce(c.revenue, 0)) AS revenue
FROM requests AS r
INNER JOIN credits AS c ON c.site_id = r.site_id AND c.request_id = r.request_id
WHERE r.site_id = :site_id AND c.site_id = :site_id AND c.model = :model AND c.channel IN :channels
    AND r.is_counted AND r.day BETWEEN :first_day AND :last_day
GROUP BY r.day
