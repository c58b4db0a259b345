-- What do the chains of the months to be solved look like?
WITH
-- include: :scope
asked AS (SELECT month FROM scope)

SELECT t.month, t.from_state, t.outcome, t.channel, t.paths
FROM transitions AS t
INNER JOIN asked AS a ON a.month = t.month
WHERE t.site_id = :site_id AND t.month BETWEEN :first_month AND :last_month
