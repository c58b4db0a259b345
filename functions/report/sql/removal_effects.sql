-- What part of a request month's totals does the model markov give each channel?
SELECT month, channel, share
FROM removal_effects
WHERE site_id = :site_id
