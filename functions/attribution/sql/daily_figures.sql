-- What did each day bring by channel?
WITH
-- include: part_daily_figures
told AS (SELECT * FROM figures)

SELECT
    :site_id AS site_id, day, channel, visits, requests, qualified, sales, revenue, gross_profit, cost, :refresh_id AS refresh_id
FROM told
