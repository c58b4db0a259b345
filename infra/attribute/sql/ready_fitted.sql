-- What do the models of whole paths give each channel? Every distinct path is one request.
WITH
-- include: :scope
-- include: part_fitted_weights
told AS (
    SELECT w.model, w.channel, w.weight, c.conversions, c.gains, c.losses
    FROM weights AS w
    INNER JOIN path_counts AS c ON c.path = w.request_id
)

SELECT
    model, channel,
    sum(weight * CAST(conversions AS double)) AS conversions,
    sum(weight * gains) AS gains,
    sum(weight * losses) AS losses
FROM told
GROUP BY model, channel
