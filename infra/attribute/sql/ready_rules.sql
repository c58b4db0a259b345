-- What do the rule models that look at places give each channel? Every place between weighs the same.
WITH weighted AS (
    SELECT
        p.channel, p.conversions, p.gains, p.losses, m.model,
        CASE m.model
            WHEN 'first' THEN CASE WHEN p.position = 1 THEN 1e0 ELSE 0e0 END
            WHEN 'last' THEN CASE WHEN p.position = p.path_length THEN 1e0 ELSE 0e0 END
            WHEN 'linear' THEN 1e0 / CAST(p.path_length AS double)
            WHEN 'position' THEN
-- include: part_share_of_place model=position
            ELSE
-- include: part_share_of_place model=custom
        END AS weight
    FROM ready_places AS p
    CROSS JOIN (VALUES 'first', 'last', 'linear', 'position', 'custom') AS m (model)
)

SELECT
    model, channel,
    sum(conversions * weight) AS conversions,
    sum(gains * weight) AS gains,
    sum(losses * weight) AS losses
FROM weighted
GROUP BY model, channel
