-- How many sales were a person's first and how many repeat ones, what did they bring, and which of both fell into the period?
WITH sold AS (
    SELECT
        sale_day, revenue,
        row_number() OVER (PARTITION BY person_id ORDER BY sale_day, created_at, deal_id) AS place
    FROM deals
    WHERE site_id = :site_id AND sale_day IS NOT NULL
)

SELECT
    place > 1 AS is_repeat,
    sale_day BETWEEN :first_day AND :last_day AS in_period,
    count(*) AS sales,
    sum(revenue) AS revenue
FROM sold
GROUP BY place > 1, sale_day BETWEEN :first_day AND :last_day
