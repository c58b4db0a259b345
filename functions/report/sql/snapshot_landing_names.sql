-- On which pages did visits of the history begin, those with most visits first? How many there are is told beside those shown.
WITH begun AS (
    SELECT coalesce(landing_path, '') AS landing, count(*) AS visits
    FROM sessions
    WHERE site_id = :site_id AND day BETWEEN :first_day AND :last_day AND coalesce(landing_path, '') <> ''
    GROUP BY coalesce(landing_path, '')
),

ordered AS (
    SELECT landing, visits, row_number() OVER (ORDER BY visits DESC, landing) AS place, count(*) OVER () AS landings_total
    FROM begun
)

SELECT landing, visits, landings_total
FROM ordered
WHERE place <= :most_landings
