-- What did each campaign bring, per model? Spend is given per channel, so it is never invented for a campaign.
SELECT
    model, channel, coalesce(campaign, '(not set)') AS campaign,
    sum(weight) AS conversions,
    sum(revenue) AS revenue,
    NULL AS spend,
    NULL AS roas
FROM credits
WHERE site_id = :site_id
GROUP BY model, channel, coalesce(campaign, '(not set)')
ORDER BY model, channel, campaign
